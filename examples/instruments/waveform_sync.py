from junto import sync
from junto.instrument.script import CLOSE
from junto.instrument.simulated import SimulatedInstrument

SCOPE = {
    "CURV?": b"#18\x00\x01\x00\x02\xff\xff\x0a\x0a\n",  # eight bytes, of which two look like line ends
    "RUN": ["trace 1", "trace 2", "trace 3", CLOSE],
}


def main() -> None:
    with SimulatedInstrument(SCOPE) as device:
        scope = sync.TCP("127.0.0.1", device.port, timeout=2.0)
        print(list(scope.query_binary("CURV?", "h")))

        # Several calls that nobody else's come between.
        with scope.transaction() as alone:
            alone.write(b"CURV?\n")
            print(len(alone.read_block()), "bytes")

        scope.command("RUN")
        for line in scope:
            print(line)
        scope.close()


if __name__ == "__main__":
    main()
