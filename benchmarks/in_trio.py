"""Clients in trio, which are told what to do from another thread."""

from __future__ import annotations

import queue
import threading
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any

import trio

from benchmarks.contestants import Client
from benchmarks.drivers import check

Connect = Callable[[], AbstractAsyncContextManager[Client]]


class TrioThread:
    """A thread that runs trio, with clients that stay open from one order to the next.

    While a driver runs, the thread that ordered it sleeps.

    Attributes:
        clients: They are for drivers only.
    """

    def __init__(self, connect: Connect, count: int) -> None:
        """Open *count* clients, each of which makes one call."""
        opened: queue.SimpleQueue[Any] = queue.SimpleQueue()

        async def host() -> None:
            async with AsyncExitStack() as stack:
                clients = [await stack.enter_async_context(connect()) for _ in range(count)]
                for client in clients:
                    check(await client.call(), client.expected)
                opened.put((clients, trio.lowlevel.current_trio_token()))
                await trio.sleep_forever()

        def run() -> None:
            try:
                trio.run(host)
            finally:
                opened.put(None)

        threading.Thread(target=run, daemon=True).start()
        found = opened.get()
        if found is None:
            raise RuntimeError("the clients could not be opened")
        self.clients, self._token = found

    def run(self, driver: Callable[[list[Client], float], Awaitable[Any]], seconds: float) -> Any:
        return trio.from_thread.run(driver, self.clients, seconds, trio_token=self._token)
