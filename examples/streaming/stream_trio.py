from collections.abc import AsyncIterator

import trio

import junto.trio
from junto import expose


class Scale:
    @expose
    async def weights(self, count: int) -> AsyncIterator[float]:
        """Weigh some parcels."""
        for number in range(count):
            await trio.sleep(0.01)
            yield 1.5 * number


async def main() -> None:
    async with (
        junto.trio.serve(Scale(), "tcp://127.0.0.1:0") as server,
        junto.trio.connect(server.addresses[0]) as peer,
    ):
        async for weight in await peer.remote.weights(3):
            print(weight, "kg")


if __name__ == "__main__":
    trio.run(main)
