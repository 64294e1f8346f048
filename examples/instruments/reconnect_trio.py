import trio

import junto.trio
from junto.instrument.script import Pause
from junto.instrument.simulated import SimulatedInstrument

METER = {"SLOW?": [Pause(0.3), "the slow reply"], "FAST?": "the fast reply"}


async def main() -> None:
    async with SimulatedInstrument(METER) as device:

        async def prepare() -> None:
            await meter.command("SYST:REM")

        meter = junto.trio.TCP(
            "127.0.0.1",
            device.port,
            on_connection_made=prepare,  # after each connection, before anything that waits for it
            retry=junto.trio.Retry(initial=0.1, attempts=5),
        )
        async with meter:
            try:
                await meter.query("SLOW?", timeout=0.1)
            except junto.trio.ConnectionTimeoutError as error:
                print("too slow; was it sent?", error.sent)

            # On a new connection, so that the slow reply cannot come in between.
            print(await meter.query("FAST?"), "on connection", meter.connection_counter)

            device.disconnect(reset=True)
            await trio.sleep(0.05)  # so that trio hears of it
            print(await meter.query("FAST?"), "on connection", meter.connection_counter)
            print(device.requests)


if __name__ == "__main__":
    trio.run(main)
