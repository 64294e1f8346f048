"""What mosaik sees of the agents: a simulator, whose steps set the clocks of their containers."""

from __future__ import annotations

import asyncio
from typing import Any

from agents import CarAgent, Coordinator
from charging import CAR_KW

from junto import expose, mosaik
from junto.agents import ExternalClock, aio


class Controller(mosaik.AsyncSimulator):
    meta = {  # noqa: RUF012
        "models": {"Agent": {"public": True, "params": [], "attrs": ["limit_kw", "missing_kwh"]}}
    }

    async def init(
        self,
        sid: str,
        time_resolution: float = 1.0,
        start: str = "2024-01-01T18:00:00Z",
        capacity_kw: float = 22.0,
        step_size: int = 900,
    ) -> dict[str, Any]:
        self.step_size = step_size
        self.limits: dict[str, float] = {}
        self.container = await aio.open_container("tcp://127.0.0.1:0", clock=ExternalClock(start, -1))
        # The agents of the cars live in a process of their own, which has the same time.
        self.process = await aio.spawn_container(self.container, allow=["agents:CarAgent"], clock=start)
        self.coordinator = Coordinator(self.container, capacity_kw, CAR_KW, step_size)
        return self.meta

    async def create(self, num: int, model: str) -> list[dict[str, Any]]:
        cars = self.coordinator.cars
        eids = [f"agent{len(cars) + i}" for i in range(num)]
        proxies = await self.process.spawn_many(CarAgent, [[eid] for eid in eids])
        cars.update(zip(eids, proxies, strict=True))
        return [{"eid": eid, "type": model} for eid in eids]

    async def step(self, time: int, inputs: dict[str, dict[str, dict[str, Any]]], max_advance: int) -> int:
        cars = self.coordinator.cars
        await asyncio.gather(
            *(
                cars[eid].update(value)
                for eid, attrs in inputs.items()
                for value in attrs["missing_kwh"].values()
            )
        )
        await self.process.set_time(time)
        self.container.clock.set_time(time)  # which wakes the coordinator
        self.limits = await self.coordinator.decisions.get()
        return time + self.step_size

    def get_data(self, outputs: dict[str, list[str]]) -> dict[str, Any]:
        return {eid: {"limit_kw": self.limits[eid]} for eid in outputs}

    @expose
    async def times(self, eid: str) -> list[float]:
        times: list[float] = await self.coordinator.cars[eid].times()
        return times

    async def finalize(self) -> None:
        await self.container.close()


if __name__ == "__main__":
    mosaik.main(Controller())
