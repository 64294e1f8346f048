"""The cars of a garage, and what they take from the grid: the physical part, a simulator for mosaik."""

from __future__ import annotations

from typing import Any

from junto import mosaik

CAR_KW = 11.0


class Garage(mosaik.Simulator):
    meta = {  # noqa: RUF012
        "models": {
            "Car": {
                "public": True,
                "params": ["missing_kwh"],
                "attrs": ["limit_kw", "missing_kwh", "power_kw"],
            }
        }
    }

    def init(self, sid: str, time_resolution: float = 1.0, step_size: int = 900) -> dict[str, Any]:
        self.step_size = step_size
        self.cars: dict[str, dict[str, float]] = {}
        return self.meta

    def create(self, num: int, model: str, missing_kwh: float) -> list[dict[str, Any]]:
        eids = [f"car{len(self.cars) + i}" for i in range(num)]
        for eid in eids:
            self.cars[eid] = {"missing_kwh": missing_kwh, "power_kw": 0.0}
        return [{"eid": eid, "type": model} for eid in eids]

    def step(self, time: int, inputs: dict[str, dict[str, dict[str, Any]]], max_advance: int) -> int:
        hours = self.step_size / 3600
        for eid, car in self.cars.items():
            limit = min(inputs.get(eid, {}).get("limit_kw", {"nobody": 0.0}).values())
            car["power_kw"] = min(CAR_KW, limit, car["missing_kwh"] / hours)
            car["missing_kwh"] -= car["power_kw"] * hours
        return time + self.step_size

    def get_data(self, outputs: dict[str, list[str]]) -> dict[str, Any]:
        return {eid: {name: self.cars[eid][name] for name in names} for eid, names in outputs.items()}
