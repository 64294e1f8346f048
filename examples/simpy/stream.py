from collections.abc import Generator
from typing import Any

from junto import expose, simpy


class Thermometer:
    def __init__(self, env: simpy.WallClockEnvironment) -> None:
        self.env = env

    @expose
    def readings(self) -> Generator[Any, Any, None]:
        """Give the temperature of the oven while it gets warm."""
        for temperature in (20, 120, 220):
            yield self.env.timeout(0.01)
            yield temperature


def reader(env: simpy.WallClockEnvironment) -> Generator[Any, Any, None]:
    server = yield simpy.serve(env, Thermometer(env), "tcp://127.0.0.1:0")
    with server, (yield simpy.connect(env, server.addresses[0])) as peer:
        stream = yield peer.remote.readings()
        while (temperature := (yield stream.get(None))) is not None:
            print(temperature, "degrees")

        stream = yield peer.remote.readings()
        print("only", (yield stream.get()))
        stream.close()


def main() -> None:
    env = simpy.Environment()
    env.run(until=env.process(reader(env)))
    env.close()


if __name__ == "__main__":
    main()
