from collections.abc import Iterator

from junto import RemoteError, expose, simpy


class Scale:
    def __init__(self, env: simpy.WallClockEnvironment) -> None:
        self.off = env.event()

    @expose
    def weights(self) -> Iterator[float]:
        try:
            for number in range(1000):
                yield 1.5 * number
        finally:
            self.off.succeed()

    @expose
    def broken(self) -> Iterator[float]:
        yield 1.5
        raise OSError("the cable is out")


def process(env: simpy.WallClockEnvironment) -> simpy.ProcessGenerator:
    scale = Scale(env)
    server = yield simpy.serve(env, scale, "tcp://127.0.0.1:0")
    peer = yield simpy.connect(env, server.addresses[0])
    weights = yield peer.remote.weights()
    while (weight := (yield weights.get())) <= 2:
        pass
    weights.close()
    print(weight, "kg is enough")
    yield scale.off | env.timeout(5.0)
    print("the scale is off")

    broken = yield peer.remote.broken()
    try:
        while True:
            print((yield broken.get()), "kg")
    except RemoteError as error:
        print(error)
    yield peer.close()
    yield server.close()


def main() -> None:
    env = simpy.Environment()
    env.run(until=env.process(process(env)))


if __name__ == "__main__":
    main()
