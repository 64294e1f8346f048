import asyncio

from junto import aio, expose


class Slow:
    @expose
    async def answer(self, after: float) -> str:
        await asyncio.sleep(after)
        return f"done after {after} s"


async def main() -> None:
    async with (
        aio.serve(Slow(), "tcp://127.0.0.1:0") as server,
        aio.connect(server.addresses[0]) as peer,
    ):
        # One time for several calls.
        try:
            async with asyncio.timeout(0.2):
                print(await peer.remote.answer(0))
                print(await peer.remote.answer(1))
        except TimeoutError:
            print("0.2 s are over")

        # The first of several calls; the others are not waited for any longer.
        calls = [asyncio.ensure_future(peer.remote.answer(after)) for after in (0.05, 1)]
        done, pending = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        for call in pending:
            call.cancel()
        print(*(call.result() for call in done))


if __name__ == "__main__":
    aio.run(main())
