from collections.abc import AsyncIterator
from contextlib import aclosing

import trio

import junto.trio
from junto import RemoteError, expose


class Scale:
    def __init__(self) -> None:
        self.off = trio.Event()

    @expose
    async def weights(self) -> AsyncIterator[float]:
        try:
            for number in range(1000):
                yield 1.5 * number
        finally:
            self.off.set()

    @expose
    async def broken(self) -> AsyncIterator[float]:
        yield 1.5
        raise OSError("the cable is out")


async def main() -> None:
    scale = Scale()
    async with (
        junto.trio.serve(scale, "tcp://127.0.0.1:0") as server,
        junto.trio.connect(server.addresses[0]) as peer,
    ):
        async with aclosing(await peer.remote.weights()) as weights:
            async for weight in weights:
                if weight > 2:
                    break
        print(weight, "kg is enough")
        with trio.fail_after(5.0):
            await scale.off.wait()
        print("the scale is off")

        try:
            async for weight in await peer.remote.broken():
                print(weight, "kg")
        except RemoteError as error:
            print(error)


if __name__ == "__main__":
    trio.run(main)
