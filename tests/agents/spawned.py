"""What the tests spawn in other processes."""

from __future__ import annotations

import os
from subprocess import Popen
from typing import Any

from junto import CustomType, expose
from junto.agents import aio

__all__ = ["TYPES", "Point", "Popen", "Worker", "make", "make_later", "nothing"]


class Point:
    def __init__(self, x: int, y: int) -> None:
        self.x, self.y = x, y


TYPES = [CustomType(Point, lambda point: [point.x, point.y], lambda data: Point(*data))]


class Worker(aio.Agent):
    def __init__(self, container: aio.Container, number: int = 0, *, name: str | None = None) -> None:
        super().__init__(container, name=name)
        self.number = number

    @expose
    def pid(self) -> int:
        return os.getpid()

    @expose
    def echo(self, value: Any) -> Any:
        return value

    @expose
    async def ask(self, other: Any) -> Any:
        return await other.pid()

    @expose
    async def sleep(self) -> float:
        await self.container.clock.sleep(10)
        return self.container.clock.time()

    @expose
    def print(self) -> None:
        print("printed by an agent")  # noqa: T201

    @expose
    def crash(self) -> None:
        os._exit(3)


def make(container: aio.Container, number: int) -> Worker:
    return Worker(container, number)


async def make_later(container: aio.Container, number: int) -> Worker:
    return Worker(container, number)


def nothing(container: aio.Container) -> None:
    pass
