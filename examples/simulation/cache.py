"""Who reads asks the cache before the database; who writes changes the database and clears the cache."""

import asyncio
import random

from junto import aio, expose


class Table:
    """Values by name: the database's, or the cache's."""

    def __init__(self) -> None:
        self.rows: dict[str, str] = {}

    @expose
    def get(self, name: str) -> str | None:
        return self.rows.get(name)

    @expose
    def put(self, name: str, value: str) -> None:
        self.rows[name] = value

    @expose
    def drop(self, name: str) -> None:
        self.rows.pop(name, None)


async def serve(table: Table) -> None:
    await aio.serve(table, "tcp://0.0.0.0:6000")


async def read(name: str, times: int) -> None:
    async with aio.connect("tcp://cache:6000") as cache, aio.connect("tcp://database:6000") as database:
        for _ in range(times):
            await asyncio.sleep(random.uniform(0, 1))
            value = await cache.remote.get(name)
            if value is None:
                value = await database.remote.get(name)
                await cache.remote.put(name, value)


async def write(name: str, values: list[str]) -> None:
    async with aio.connect("tcp://cache:6000") as cache, aio.connect("tcp://database:6000") as database:
        for value in values:
            await asyncio.sleep(random.uniform(0, 1))
            await database.remote.put(name, value)
            await cache.remote.drop(name)
