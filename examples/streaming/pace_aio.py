from collections.abc import AsyncIterator

from junto import aio, expose


class Scale:
    def __init__(self) -> None:
        self.weighed = 0

    @expose
    async def weights(self) -> AsyncIterator[float]:
        for number in range(1000):
            self.weighed += 1
            yield 1.5 * number


async def settle(peer: aio.Peer) -> None:
    # Questions are taken in their order, so what was sent before the first of two is done at the second.
    await peer.ping()
    await peer.ping()


async def main() -> None:
    scale = Scale()
    async with (
        aio.serve(scale, "tcp://127.0.0.1:0") as server,
        aio.connect(server.addresses[0]) as peer,
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
    aio.run(main())
