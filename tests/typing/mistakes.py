"""Mistakes that a type checker must find: each line that ends in a comment ``# error: CODE`` is one.

This file is checked by a test, with mypy; it is never run.
"""

from __future__ import annotations

from junto import aio, expose, sync

expose(5)  # error: type-var


async def asyncio_mistakes() -> None:
    aio.connect("tcp://localhost:1", codec="yaml")  # error: arg-type
    aio.connect("tcp://localhost:1", receive_limt=5)  # error: call-arg
    aio.connect(5555)  # error: arg-type
    aio.serve(object(), "tcp://localhost:1", failures="loud")  # error: arg-type
    async with aio.connect("tcp://localhost:1") as peer:
        peer.remote.add(3, 4, timeout="soon")  # error: arg-type
        peer.remote.add(3, 4) + 1  # error: operator
        text: str = await peer.call("add", 3, returns=int)  # error: arg-type
        print(text)
        await peer.ping(1.0)  # error: call-arg
        for item in peer.remote.numbers(10):  # error: attr-defined
            print(item)
    with aio.connect("tcp://localhost:1") as wrong:  # error: attr-defined
        print(wrong)


def blocking_mistakes() -> None:
    with sync.connect("tcp://localhost:1") as peer:
        peer.call("add", returns=3)  # error: call-overload
        peer.ping(timout=1.0)  # error: call-arg
        peer.futures.add(3, 4) + 1  # error: operator
        peer.chanel  # error: attr-defined
