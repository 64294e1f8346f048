from collections.abc import AsyncIterator

import trio

import junto.trio
from junto import expose


class Scale:
    def __init__(self) -> None:
        self.weighed = 0

    @expose
    async def weights(self) -> AsyncIterator[float]:
        for number in range(1000):
            self.weighed += 1
            yield 1.5 * number


async def settle(peer: junto.trio.Peer) -> None:
    # Questions are taken in their order, so what was sent before the first of two is done at the second.
    await peer.ping()
    await peer.ping()


async def main() -> None:
    scale = Scale()
    async with (
        junto.trio.serve(scale, "tcp://127.0.0.1:0") as server,
        junto.trio.connect(server.addresses[0]) as peer,
    ):
        weights = await peer.remote.weights()
        await settle(peer)
        print("read: 0, weighed:", scale.weighed)
        for _ in range(16):
            await anext(weights)
        await settle(peer)
        print("read: 16, weighed:", scale.weighed)
        await weights.aclose()


if __name__ == "__main__":
    trio.run(main)
