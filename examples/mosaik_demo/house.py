"""A simulator for mosaik in plain code: roofs and households.

As a program it connects to mosaik, which started it: python house.py HOST:PORT
"""

from __future__ import annotations

from typing import Any

from energy import household_kw, roof_kw

from junto import mosaik

META = {
    "models": {
        "Roof": {"public": True, "params": ["peak_kw"], "attrs": ["power_kw"]},
        "Household": {"public": True, "params": [], "attrs": ["power_kw"]},
    }
}


class House(mosaik.Simulator):
    """Roofs with solar cells, and households below them."""

    meta = META

    def init(self, sid: str, time_resolution: float = 1.0, step_size: int = 60) -> dict[str, Any]:
        self.step_size = step_size
        self.peaks: dict[str, float] = {}
        self.powers: dict[str, float] = {}
        return self.meta

    def create(self, num: int, model: str, peak_kw: float = 0.0) -> list[dict[str, Any]]:
        eids = [f"{model.lower()}{len(self.powers) + number}" for number in range(num)]
        for eid in eids:
            self.powers[eid] = 0.0
            if model == "Roof":
                self.peaks[eid] = peak_kw
        return [{"eid": eid, "type": model} for eid in eids]

    def step(self, time: int, inputs: dict[str, Any], max_advance: int) -> int:
        for eid in self.powers:
            self.powers[eid] = roof_kw(self.peaks[eid], time) if eid in self.peaks else household_kw(time)
        return time + self.step_size

    def get_data(self, outputs: dict[str, list[str]]) -> dict[str, Any]:
        return {eid: {"power_kw": self.powers[eid]} for eid in outputs}


if __name__ == "__main__":
    mosaik.main(House())
