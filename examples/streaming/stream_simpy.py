from collections.abc import Generator
from typing import Any

from junto import expose, simpy


class Scale:
    def __init__(self, env: simpy.WallClockEnvironment) -> None:
        self.env = env

    @expose
    def weights(self, count: int) -> Generator[Any, Any, None]:
        """Weigh some parcels."""
        for number in range(count):
            yield self.env.timeout(0.01)  # an event is waited for
            yield 1.5 * number  # anything else is an item


def process(env: simpy.WallClockEnvironment) -> simpy.ProcessGenerator:
    server = yield simpy.serve(env, Scale(env), "tcp://127.0.0.1:0")
    peer = yield simpy.connect(env, server.addresses[0])
    weights = yield peer.remote.weights(3)
    while (weight := (yield weights.get(None))) is not None:
        print(weight, "kg")
    yield peer.close()
    yield server.close()


def main() -> None:
    env = simpy.Environment()
    env.run(until=env.process(process(env)))


if __name__ == "__main__":
    main()
