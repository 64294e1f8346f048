"""Containers and agents for scenarios."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from junto import expose
from junto.agents.agent import Agent
from junto.agents.container import Container, open_container
from junto.agents.settings import make_settings

HERE = "tcp://127.0.0.1:0"


@asynccontextmanager
async def home(rt: Any, *urls: str, **options: Any) -> AsyncIterator[Container]:
    """Give a container at *urls*; one empty URL stands for none at all."""
    places = [url for url in urls or (HERE,) if url]
    container = await open_container(rt, places, make_settings(**options))
    try:
        yield container
    finally:
        await container.close(1.0)


class Inner:
    @expose
    def double(self, x: int) -> int:
        return 2 * x


class Echo(Agent[Any]):
    """Says what it is told, and keeps what it is sent."""

    def __init__(self, container: Any, **options: Any) -> None:
        super().__init__(container, **options)
        self.seen: list[Any] = []
        self.inner = Inner()
        self.hold: Any = None

    @expose
    def echo(self, value: Any) -> Any:
        return value

    @expose
    def add(self, a: int, b: int = 1) -> int:
        return a + b

    @expose
    def keep(self, value: Any) -> None:
        self.seen.append(value)

    @expose
    def fail(self, text: str) -> None:
        raise ValueError(text)

    @expose
    async def call(self, other: Any, value: Any) -> Any:
        return await other.echo(value)

    @expose
    async def slowly(self, value: Any) -> Any:
        self.seen.append(f"begin {value}")
        await self.hold
        self.seen.append(f"end {value}")
        return value

    @expose
    def itself(self) -> Any:
        return self

    @expose
    def part(self) -> Any:
        return self.inner

    @expose
    async def count(self, most: int) -> Any:
        for number in range(most):
            yield number
