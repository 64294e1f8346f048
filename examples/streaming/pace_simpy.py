from collections.abc import Iterator

from junto import expose, simpy


class Scale:
    def __init__(self) -> None:
        self.weighed = 0

    @expose
    def weights(self) -> Iterator[float]:
        for number in range(1000):
            self.weighed += 1
            yield 1.5 * number


def settle(peer: simpy.Peer) -> simpy.ProcessGenerator:
    # Questions are taken in their order, so what was sent before the first of two is done at the second.
    yield peer.ping()
    yield peer.ping()


def process(env: simpy.WallClockEnvironment) -> simpy.ProcessGenerator:
    scale = Scale()
    server = yield simpy.serve(env, scale, "tcp://127.0.0.1:0")
    peer = yield simpy.connect(env, server.addresses[0])
    weights = yield peer.remote.weights()
    yield from settle(peer)
    print("read: 0, weighed:", scale.weighed)
    for _ in range(16):
        yield weights.get()
    yield from settle(peer)
    print("read: 16, weighed:", scale.weighed)
    weights.close()
    yield peer.close()
    yield server.close()


def main() -> None:
    env = simpy.Environment()
    env.run(until=env.process(process(env)))


if __name__ == "__main__":
    main()
