import time

import trio
import trio.testing

import junto.trio
from junto import RequestTimeout, expose


class Sleeper:
    @expose
    async def sleep(self, seconds: float) -> str:
        await trio.sleep(seconds)
        return f"slept {seconds} s"


async def main() -> None:
    async with (
        junto.trio.serve(Sleeper(), "tcp://127.0.0.1:0") as server,
        junto.trio.connect(server.addresses[0]) as peer,
    ):
        print(await peer.remote.sleep(3600))
        try:
            await peer.remote.sleep(3600, timeout=600)
        except RequestTimeout:
            print("too late after 600 s")


if __name__ == "__main__":
    start = time.monotonic()
    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0.01))
    print("took less than 10 s:", time.monotonic() - start < 10)
