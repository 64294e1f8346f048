from junto import aio
from junto.instrument.script import CLOSE
from junto.instrument.simulated import SimulatedInstrument

SCOPE = {
    "CURV?": b"#18\x00\x01\x00\x02\xff\xff\x0a\x0a\n",  # eight bytes, of which two look like line ends
    "RUN": ["trace 1", "trace 2", "trace 3", CLOSE],
}


async def main() -> None:
    async with SimulatedInstrument(SCOPE) as device:
        scope = aio.TCP("127.0.0.1", device.port, timeout=2.0)
        print(list(await scope.query_binary("CURV?", "h")))

        # Several calls that nobody else's come between.
        async with scope.transaction() as alone:
            await alone.write(b"CURV?\n")
            print(len(await alone.read_block()), "bytes")

        await scope.command("RUN")
        async for line in scope:
            print(line)
        await scope.close()


if __name__ == "__main__":
    aio.run(main())
