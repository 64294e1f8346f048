"""The agents: one for each car, which knows what it needs, and one that shares out what the grid can give."""

from __future__ import annotations

import asyncio
from typing import Any

from junto import expose
from junto.agents import aio


class CarAgent(aio.Agent):
    def __init__(self, container: aio.Container, eid: str) -> None:
        super().__init__(container)
        self.eid = eid
        self.missing_kwh = 0.0
        self.limit_kw = 0.0
        self.told_at: list[float] = []

    @expose
    def update(self, missing_kwh: float) -> None:
        self.missing_kwh = missing_kwh

    @expose
    def bid(self) -> float:
        """Tell how urgent it is, in kWh that are missing."""
        return self.missing_kwh

    @expose
    def limit(self, kw: float) -> None:
        self.limit_kw = kw
        self.told_at.append(self.container.clock.time())

    @expose
    def times(self) -> list[float]:
        """Tell when it was told its limit, by the clock of its container."""
        return self.told_at


class Coordinator(aio.Agent):
    """Wakes up by the container's clock, which is mosaik's, asks all for their bids, and decides."""

    def __init__(self, container: aio.Container, capacity_kw: float, car_kw: float, pause: float) -> None:
        super().__init__(container)
        self.capacity_kw = capacity_kw
        self.car_kw = car_kw
        self.pause = pause
        self.cars: dict[str, Any] = {}
        self.decisions: asyncio.Queue[dict[str, float]] = asyncio.Queue()

    def started(self) -> None:
        self.spawn(self.work)

    async def work(self) -> None:
        clock = self.container.clock
        await clock.sleep_until(0)
        while True:
            self.decisions.put_nowait(await self.decide())
            await clock.sleep(self.pause)

    async def decide(self) -> dict[str, float]:
        bids = await asyncio.gather(*(car.bid() for car in self.cars.values()))
        left = self.capacity_kw
        limits = {}
        for bid, eid in sorted(zip(bids, self.cars, strict=True), key=lambda pair: (-pair[0], pair[1])):
            wanted = min(self.car_kw, bid * 3600 / self.pause)
            limits[eid] = min(left, wanted)
            left -= limits[eid]
        await asyncio.gather(*(self.cars[eid].limit(kw) for eid, kw in limits.items()))
        return limits
