"""The same, mended: who is to fill the cache takes a ticket first, and each change makes all tickets void."""

import asyncio
import random

from cache import Table

from junto import aio, expose


class Cache(Table):
    def __init__(self) -> None:
        super().__init__()
        self.changes: dict[str, int] = {}

    @expose
    def ticket(self, name: str) -> int:
        return self.changes.get(name, 0)

    @expose
    def fill(self, name: str, value: str, ticket: int) -> None:
        if ticket == self.changes.get(name, 0):
            self.rows[name] = value

    @expose
    def drop(self, name: str) -> None:
        self.changes[name] = self.changes.get(name, 0) + 1
        super().drop(name)


async def read(name: str, times: int) -> None:
    async with aio.connect("tcp://cache:6000") as cache, aio.connect("tcp://database:6000") as database:
        for _ in range(times):
            await asyncio.sleep(random.uniform(0, 1))
            value = await cache.remote.get(name)
            if value is None:
                ticket = await cache.remote.ticket(name)
                value = await database.remote.get(name)
                await cache.remote.fill(name, value, ticket)
