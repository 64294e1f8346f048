from junto import sync
from junto.instrument.script import Pause
from junto.instrument.simulated import SimulatedInstrument

METER = {"SLOW?": [Pause(0.3), "the slow reply"], "FAST?": "the fast reply"}


def main() -> None:
    with SimulatedInstrument(METER) as device:

        def prepare() -> None:
            meter.command("SYST:REM")

        meter = sync.TCP(
            "127.0.0.1",
            device.port,
            on_connection_made=prepare,  # after each connection, before anything that waits for it
            retry=sync.Retry(initial=0.1, attempts=5),
        )
        try:
            meter.query("SLOW?", timeout=0.1)
        except sync.ConnectionTimeoutError as error:
            print("too slow; was it sent?", error.sent)

        # On a new connection, so that the slow reply cannot come in between.
        print(meter.query("FAST?"), "on connection", meter.connection_counter)

        device.disconnect(reset=True)
        print(meter.query("FAST?"), "on connection", meter.connection_counter)
        print(device.requests)
        meter.close()


if __name__ == "__main__":
    main()
