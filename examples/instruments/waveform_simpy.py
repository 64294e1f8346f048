from junto import simpy
from junto.instrument.script import CLOSE
from junto.instrument.simulated import SimulatedInstrument

SCOPE = {
    "CURV?": b"#18\x00\x01\x00\x02\xff\xff\x0a\x0a\n",  # eight bytes, of which two look like line ends
    "RUN": ["trace 1", "trace 2", "trace 3", CLOSE],
}


def process(env: simpy.WallClockEnvironment, port: int) -> simpy.ProcessGenerator:
    scope = simpy.TCP(env, "127.0.0.1", port, timeout=2.0)
    print(list((yield scope.query_binary("CURV?", "h"))))

    # Several calls that nobody else's come between.
    with (yield scope.transaction()) as alone:
        yield alone.write(b"CURV?\n")
        print(len((yield alone.read_block())), "bytes")

    yield scope.command("RUN")
    lines = simpy.LineStream(scope)
    while (line := (yield lines.get(None))) is not None:
        print(line)
    yield scope.close()


def main() -> None:
    env = simpy.Environment()
    with SimulatedInstrument(SCOPE) as device:
        env.run(until=env.process(process(env, device.port)))


if __name__ == "__main__":
    main()
