from junto import simpy
from junto.instrument.script import Pause
from junto.instrument.simulated import SimulatedInstrument

METER = {"SLOW?": [Pause(0.3), "the slow reply"], "FAST?": "the fast reply"}


def process(env: simpy.WallClockEnvironment, device: SimulatedInstrument) -> simpy.ProcessGenerator:
    def prepare() -> simpy.Future[None]:
        return meter.command("SYST:REM")

    meter = simpy.TCP(
        env,
        "127.0.0.1",
        device.port,
        on_connection_made=prepare,  # after each connection, before anything that waits for it
        retry=simpy.Retry(initial=0.1, attempts=5),
    )
    try:
        yield meter.query("SLOW?", timeout=0.1)
    except simpy.ConnectionTimeoutError as error:
        print("too slow; was it sent?", error.sent)

    # On a new connection, so that the slow reply cannot come in between.
    print((yield meter.query("FAST?")), "on connection", meter.connection_counter)

    device.disconnect(reset=True)
    yield env.timeout(0.05)  # so that the environment hears of it
    print((yield meter.query("FAST?")), "on connection", meter.connection_counter)
    print(device.requests)
    yield meter.close()


def main() -> None:
    env = simpy.Environment()
    with SimulatedInstrument(METER) as device:
        env.run(until=env.process(process(env, device)))


if __name__ == "__main__":
    main()
