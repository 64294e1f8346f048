import trio

import junto.trio
from junto import RequestTimeout, expose


class Slow:
    @expose
    async def answer(self, after: float) -> str:
        await trio.sleep(after)
        return "done"


async def main() -> None:
    async with (
        junto.trio.serve(Slow(), "tcp://127.0.0.1:0") as server,
        junto.trio.connect(server.addresses[0], request_timeout=0.5) as peer,
    ):
        # The time of this call.
        try:
            await peer.remote.answer(0.3, timeout=0.1)
        except RequestTimeout as error:
            print(error)

        # The late reply to that call arrives while this one waits, and is dropped.
        print(await peer.remote.answer(0.6, timeout=5.0))
        print("late replies:", peer.channel.late_replies)

        # The time of the connection, for calls that name none.
        try:
            await peer.remote.answer(1)
        except RequestTimeout as error:
            print(error)


if __name__ == "__main__":
    trio.run(main)
