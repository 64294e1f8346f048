"""VSOA: requests, and messages to subscribers, over connections that break and are made again."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from junto import sim
from junto.errors import JuntoError
from junto.sim.world import World
from junto.vsoa import aio

from .promises import BLOCK, MANY, QUICK, RECOVERY, Promises, hold, pause, this_host

URL = "vsoa://server:3000"
TIMEOUT = 1.0

FAULTS = sim.Faults(
    latency=(0.0005, 0.02),
    loss=0.02,
    partition=True,
    reset=True,
    crash=["server"],
    power_off=["server"],
    pause=True,
    gray=True,
    duration=5.0,
    every=4.0,
    lasting=(0.02, 3.0),
)


class Car:
    """What the server publishes, over all its lives, and whether its subscribers hear it."""

    def __init__(self) -> None:
        self.published = 0
        self.heard: dict[str, int] = {}


async def drive(promises: Promises, car: Car) -> None:
    async with aio.serve("vsoa://0.0.0.0:3000") as server:

        @server.command("/speed")
        async def speed(request: aio.Request) -> Any:
            answer = promises.carry_out(request.param)
            await pause(0.02)
            return answer

        while not promises.over:
            await pause(0.3)
            car.published += 1
            server.publish("/axis/left" if car.published % 2 else "/axis/right", car.published)


async def watch(promises: Promises, car: Car) -> None:
    host = this_host()
    while not promises.over:
        try:
            client = await aio.connect(URL, reconnect=True, timeout=20.0, keepalive=0.5)
        except JuntoError:
            continue
        break
    else:
        return
    last = 0

    def hear(message: Any) -> None:
        nonlocal last
        if message.param <= last:
            promises.broken(f"{host.name} heard {message.param} after {last}")
        last = car.heard[host.name] = message.param
        promises.done["heard"] += 1

    async def fetch(number: int) -> Any:
        return (await client.fetch("/speed", number, timeout=TIMEOUT)).param

    client.subscribe("/axis/", callback=hear)
    while not promises.over:
        async with asyncio.TaskGroup() as group:
            for _ in range(2):
                group.create_task(promises.ask(host, TIMEOUT, fetch))
        await pause(0.5)
    await promises.within(host, 6.0, "close", client.close())


async def a_car_and_its_watchers(world: World) -> Any:
    hosts = server, *watchers = world.hosts("server", "one", "other")
    promises = Promises(world)
    car = Car()
    server.run(drive, promises, car)
    for watcher in watchers:
        watcher.run(watch, promises, car)
    await world.sleep(5)
    car.heard.clear()
    end = world.now + RECOVERY
    while len(car.heard) < len(watchers):
        assert world.now < end, f"without faults, only {list(car.heard)} hear something"
        await asyncio.sleep(0.5)
    await promises.come_to_an_end(hosts)
    return promises.done


def test_messages_come_in_order_and_again_when_faults_are_over() -> None:
    happened = hold(a_car_and_its_watchers, QUICK, FAULTS)
    assert min(happened[name] for name in ("answered", "RequestTimeout", "ConnectionLost")) > 10
    assert happened["heard"] > 500


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("first", range(0, MANY, BLOCK))
def test_messages_come_in_order_and_again_when_faults_are_over_in_many_runs(first: int) -> None:
    hold(a_car_and_its_watchers, range(first, first + BLOCK), FAULTS)
