"""Simulators for the tests with mosaik; as a program, the one that the first argument names."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from junto import expose, mosaik

CHAIN = {"models": {"Node": {"public": True, "params": ["start"], "attrs": ["value", "total"]}}}
EVENTS = {**CHAIN, "type": "event-based", "set_events": True}


class Chain(mosaik.Simulator):
    """Each entity counts, and sums up what it is given."""

    meta = CHAIN

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, int] = {}
        self.totals: dict[str, int] = {}
        self.log: list[Any] = []

    def init(self, sid: str, time_resolution: float = 1.0, step_size: int = 1) -> dict[str, Any]:
        self.sid = sid
        self.step_size = step_size
        return self.meta

    def create(self, num: int, model: str, start: int = 0) -> list[dict[str, Any]]:
        first = len(self.values)
        eids = [f"n{first + number}" for number in range(num)]
        self.values.update(dict.fromkeys(eids, start))
        self.totals.update(dict.fromkeys(eids, 0))
        return [{"eid": eid, "type": model} for eid in eids]

    def setup_done(self) -> None:
        self.log.append("setup_done")

    def step(self, time: int, inputs: dict[str, dict[str, dict[str, int]]], max_advance: int) -> int:
        for eid in self.values:
            self.values[eid] += 1
        for eid, attrs in inputs.items():
            self.totals[eid] += sum(attrs.get("total", {}).values())
        return time + self.step_size

    def get_data(self, outputs: dict[str, list[str]]) -> dict[str, Any]:
        known = {eid: {"value": self.values[eid], "total": self.totals[eid]} for eid in outputs}
        return {eid: {attr: known[eid][attr] for attr in attrs} for eid, attrs in outputs.items()}

    def finalize(self) -> None:
        sys.stderr.write("finalized\n")

    @expose
    def report(self, prefix: str) -> list[Any]:
        return [prefix, *self.log]


class AsyncChain(mosaik.AsyncSimulator):
    """The same, with methods that could wait."""

    meta = CHAIN

    def __init__(self) -> None:
        super().__init__()
        self.chain = Chain()

    async def init(self, sid: str, time_resolution: float = 1.0, step_size: int = 1) -> dict[str, Any]:
        self.chain.init(sid, time_resolution, step_size)
        return self.meta

    async def create(self, num: int, model: str, start: int = 0) -> list[dict[str, Any]]:
        return self.chain.create(num, model, start)

    async def setup_done(self) -> None:
        self.chain.setup_done()

    async def step(self, time: int, inputs: dict[str, Any], max_advance: int) -> int:
        await asyncio.sleep(0)
        return self.chain.step(time, inputs, max_advance)

    def get_data(self, outputs: dict[str, list[str]]) -> dict[str, Any]:
        return self.chain.get_data(outputs)

    async def finalize(self) -> None:
        self.chain.finalize()

    @expose
    async def report(self, prefix: str) -> list[Any]:
        return self.chain.report(prefix)


class Asker(Chain):
    """Asks mosaik for everything at each step, and gives input to the entities it is connected to."""

    def step(self, time: int, inputs: dict[str, Any], max_advance: int) -> int:
        own = f"{self.sid}.n0"
        related = self.mosaik.get_related_entities([own])[own]
        self.log += [
            self.mosaik.get_progress(),
            self.mosaik.get_related_entities(own) == related,
            sorted(self.mosaik.get_related_entities()["nodes"]),
            self.mosaik.get_data({full_id: ["value"] for full_id in related}),
        ]
        self.mosaik.set_data({own: {full_id: {"total": 100} for full_id in related}})
        return super().step(time, inputs, max_advance)


class AsyncAsker(AsyncChain):
    """As `Asker`."""

    async def step(self, time: int, inputs: dict[str, Any], max_advance: int) -> int:
        own = f"{self.chain.sid}.n0"
        related = (await self.mosaik.get_related_entities([own]))[own]
        self.chain.log += [
            await self.mosaik.get_progress(),
            await self.mosaik.get_related_entities(own) == related,
            sorted((await self.mosaik.get_related_entities())["nodes"]),
            await self.mosaik.get_data({full_id: ["value"] for full_id in related}),
        ]
        await self.mosaik.set_data({own: {full_id: {"total": 100} for full_id in related}})
        return await super().step(time, inputs, max_advance)


class Refusing(Chain):
    """Fails in its second step."""

    def step(self, time: int, inputs: dict[str, Any], max_advance: int) -> int:
        if time > 0:
            raise ValueError("no step today")
        return super().step(time, inputs, max_advance)


class AsyncRefusing(AsyncChain):
    """As `Refusing`."""

    async def step(self, time: int, inputs: dict[str, Any], max_advance: int) -> int:
        if time > 0:
            raise ValueError("no step today")
        return await super().step(time, inputs, max_advance)


class Events(Chain):
    """Is stepped when it asks for that only."""

    meta = EVENTS

    def setup_done(self) -> None:
        self.mosaik.set_event(1)
        self.mosaik.set_event(2)

    def step(self, time: int, inputs: dict[str, Any], max_advance: int) -> None:
        self.log.append(time)


if __name__ == "__main__":
    simulator = globals()[sys.argv[1]]()
    mosaik.main(simulator, sys.argv[2:])
