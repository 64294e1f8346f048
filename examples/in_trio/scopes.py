import trio

import junto.trio
from junto import expose


class Slow:
    @expose
    async def answer(self, after: float) -> str:
        await trio.sleep(after)
        return f"done after {after} s"


async def main() -> None:
    async with junto.trio.serve(Slow(), "tcp://127.0.0.1:0") as server:
        with trio.move_on_after(0.2):
            async with junto.trio.connect(server.addresses[0]) as peer:
                with trio.move_on_after(0.05):
                    print(await peer.remote.answer(1))
                print(await peer.remote.answer(0))
                try:
                    await peer.remote.answer(60)
                finally:
                    with trio.move_on_after(1, shield=True):
                        print("goodbye:", await peer.remote.answer(0))
        print("closed:", peer.is_closing())


if __name__ == "__main__":
    trio.run(main)
