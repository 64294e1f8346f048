import trio

import junto.trio
from junto import ConnectionLost, expose


class Slow:
    @expose
    async def answer(self, after: float) -> str:
        await trio.sleep(after)
        return "done"


async def main() -> None:
    async with junto.trio.serve(Slow(), "tcp://127.0.0.1:0") as server:
        url = server.addresses[0]
        async with junto.trio.connect(url, reconnect=True) as peer:
            print(await peer.remote.answer(0))

            in_flight = peer.remote.answer(30)
            server.connections[0].channel.abort()
            await server.close()
            try:
                await in_flight
            except ConnectionLost:
                print("lost; whether it was done, nobody knows")

            waiting = peer.remote.answer(0, timeout=10.0)
            async with junto.trio.serve(Slow(), url):
                print(await waiting)


if __name__ == "__main__":
    trio.run(main)
