"""The house, with the connection to mosaik in each of junto's flavours: python house_in.py FLAVOUR HOST:PORT.

The simulator is the same object in each. What differs is how the program waits for the end.
"""

from __future__ import annotations

import sys

from house import House

from junto import MOSAIK
from junto.mosaik import offer


def in_asyncio(url: str) -> None:
    from junto import aio

    async def take_part() -> None:
        house = offer(House(), stop=lambda: peer.channel.abort())
        async with aio.connect(url, service=house, **MOSAIK) as peer:
            await peer.wait_closed()

    aio.run(take_part())


def in_threads(url: str) -> None:
    from junto import sync

    house = offer(House(), stop=lambda: peer.channel.abort())
    with sync.connect(url, service=house, **MOSAIK) as peer:
        peer.serve_forever()


def in_trio(url: str) -> None:
    import trio

    import junto.trio

    async def take_part() -> None:
        house = offer(House(), stop=lambda: peer.channel.abort())
        async with junto.trio.connect(url, service=house, **MOSAIK) as peer:
            await peer.wait_closed()

    trio.run(take_part)


def in_simpy(url: str) -> None:
    from junto import simpy

    def take_part(env: simpy.WallClockEnvironment) -> simpy.ProcessGenerator:
        house = offer(House(), stop=lambda: peer.abort())
        with (yield simpy.connect(env, url, service=house, **MOSAIK)) as peer:
            yield peer.wait_closed()

    env = simpy.Environment()
    env.run(until=env.process(take_part(env)))


FLAVOURS = {"aio": in_asyncio, "sync": in_threads, "trio": in_trio, "simpy": in_simpy}


def main() -> None:
    flavour, address = sys.argv[1:]
    FLAVOURS[flavour](f"tcp://{address}")


if __name__ == "__main__":
    main()
