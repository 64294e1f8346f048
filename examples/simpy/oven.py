from collections.abc import Generator
from typing import Any

from simpy import Resource

from junto import expose, simpy


class Oven:
    def __init__(self, env: simpy.WallClockEnvironment) -> None:
        self.env = env
        self.racks = Resource(env, capacity=1)
        self.baked = 0

    @expose
    def bake(self, bread: str) -> Generator[Any, Any, str]:
        """Bake one bread, as soon as there is room for it."""
        with self.racks.request() as rack:
            yield rack
            yield self.env.timeout(0.1)
        self.baked += 1
        return f"{bread} is done"

    @expose
    def count(self) -> int:
        """Tell how many breads were baked."""
        return self.baked


def customer(env: simpy.WallClockEnvironment) -> Generator[Any, Any, None]:
    server = yield simpy.serve(env, Oven(env), "tcp://127.0.0.1:0")
    with server, (yield simpy.connect(env, server.addresses[0])) as peer:
        breads = [peer.remote.bake("rye"), peer.remote.bake("wheat")]
        for bread in breads:
            print((yield bread))
        print("baked:", (yield peer.remote.count()))


def main() -> None:
    env = simpy.Environment()
    env.run(until=env.process(customer(env)))
    env.close()


if __name__ == "__main__":
    main()
