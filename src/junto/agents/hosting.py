"""The program of a container in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from junto import aio as _aio
from junto.agents import aio
from junto.agents.managing import Manager
from junto.agents.spawnable import AllowList, find_object
from junto.clock import ExternalClock

__all__ = ["host", "run"]

# Seconds that the container has to close when nobody holds it any more, before the process is ended.
_GRACE = 8.0


async def host(
    urls: Iterable[str],
    allow: Iterable[str],
    listens: Callable[[list[str]], object],
    stop: asyncio.Event,
    *,
    codec: Any = "json",
    heartbeat: float | None = None,
    clock: str | None = None,
    types: str | None = None,
    tls: Sequence[str] | None = None,
) -> None:
    """Run a container with a manager until *stop* is set, or the manager is told to stop.

    Args:
        urls: Where it listens.
        allow: What the manager may spawn; see `AllowList`.
        listens: Called with the base URLs, when it listens.
        stop: Set from outside to end it.
        codec: What the container's connections use.
        heartbeat: Seconds after which other containers are asked for a sign of life; ``None`` for never.
        clock: The date at the time 0, for a clock that is set from outside; ``None`` for that of the machine.
        types: The name, ``module:object``, of the container's custom types.
        tls: The files of the authority, of the certificate and of its key.

    Raises:
        ConnectionFailed: An address cannot be used.
        ValueError: One of *urls* is no address, or what was given is wrong otherwise.
    """
    async with aio.open_container(
        *urls,
        codec=codec,
        heartbeat=heartbeat,
        clock=None if clock is None else ExternalClock(clock, -1),
        types=() if types is None else find_object(types),
        tls=None if tls is None else tuple(tls),
    ) as container:
        Manager(container, AllowList(allow), stop.set)
        listens(container.urls)
        await stop.wait()


def run(urls: list[str], allow: list[str], **settings: Any) -> None:
    """Be such a process: tell the URLs on standard output, and end when standard input does."""
    told = os.dup(1)
    os.dup2(2, 1)  # what agents print must not be taken for what we tell

    def tell(urls: list[str]) -> None:
        with open(told, "w", encoding="utf-8") as stream:
            stream.write(f"{json.dumps(urls)}\n")

    async def main() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()

        def watch() -> None:
            sys.stdin.read()
            try:
                loop.call_soon_threadsafe(stop.set)
            except RuntimeError:  # the loop has ended already
                return
            if not ended.wait(_GRACE):
                os._exit(1)  # an agent holds the event loop, and nobody is there any more to kill us

        ended = threading.Event()
        threading.Thread(target=watch, name="junto-parent", daemon=True).start()
        try:
            await host(urls, allow, tell, stop, **settings)
        finally:
            ended.set()

    try:
        _aio.run(main())
    except KeyboardInterrupt:  # of the terminal: it was for all processes
        pass
