import trio

import junto.trio
from junto import expose


class Mill:
    @expose
    async def grind(self, grain: str) -> str:
        await trio.sleep(0.01)
        return f"{grain} flour"


async def main() -> None:
    async with (
        junto.trio.serve(Mill(), "tcp://127.0.0.1:0") as server,
        junto.trio.connect(server.addresses[0]) as peer,
    ):
        # A call is sent at once; it is awaited when its result is needed.
        oat, rye = peer.remote.grind("oat"), peer.remote.grind("rye")
        print(await oat, "and", await rye)

        async def show(grain: str) -> None:
            flours.append(await peer.remote.grind(grain))

        flours: list[str] = []
        async with trio.open_nursery() as nursery:
            for grain in ("spelt", "wheat"):
                nursery.start_soon(show, grain)
        print(*sorted(flours), sep=", ")


if __name__ == "__main__":
    trio.run(main)
