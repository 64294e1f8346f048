"""A simulator for mosaik on asyncio, which also asks mosaik for something: batteries.

As a program it waits for mosaik to connect: python battery.py --listen HOST:PORT
"""

from __future__ import annotations

from typing import Any

from energy import Storage

from junto import expose, mosaik

META = {
    "models": {
        "Battery": {
            "public": True,
            "params": ["capacity_kwh", "max_kw", "charge_kwh"],
            "attrs": ["generation_kw", "consumption_kw", "power_kw", "charge_kwh", "grid_kw"],
        }
    }
}


class Battery(mosaik.AsyncSimulator):
    """Batteries in cellars, which save what the roof gives for the evening."""

    meta = META

    async def init(self, sid: str, time_resolution: float = 1.0, step_size: int = 60) -> dict[str, Any]:
        self.sid = sid
        self.step_size = step_size
        self.seconds = step_size * time_resolution
        self.storages: dict[str, Storage] = {}
        self.neighbours: dict[str, Any] = {}
        return self.meta

    async def create(
        self, num: int, model: str, capacity_kwh: float, max_kw: float, charge_kwh: float = 0.0
    ) -> list[dict[str, Any]]:
        eids = [f"battery{len(self.storages) + number}" for number in range(num)]
        for eid in eids:
            self.storages[eid] = Storage(capacity_kwh, max_kw, charge_kwh)
        return [{"eid": eid, "type": model} for eid in eids]

    async def step(self, time: int, inputs: dict[str, Any], max_advance: int) -> int:
        if not self.neighbours:
            ids = [f"{self.sid}.{eid}" for eid in self.storages]
            self.neighbours = await self.mosaik.get_related_entities(ids)
        for eid, storage in self.storages.items():
            given = sum(inputs[eid]["generation_kw"].values())
            taken = sum(inputs[eid]["consumption_kw"].values())
            storage.advance(given - taken, self.seconds)
        return time + self.step_size

    async def get_data(self, outputs: dict[str, list[str]]) -> dict[str, Any]:
        return {
            eid: {attribute: getattr(self.storages[eid], attribute) for attribute in attributes}
            for eid, attributes in outputs.items()
        }

    @expose
    async def found(self) -> dict[str, Any]:
        """Tell what mosaik said is connected to each battery; an extra method, for the scenario."""
        return self.neighbours


if __name__ == "__main__":
    mosaik.main(Battery())
