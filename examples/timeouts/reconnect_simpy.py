from junto import ConnectionLost, expose, simpy


class Slow:
    def __init__(self, env: simpy.WallClockEnvironment) -> None:
        self.env = env

    @expose
    def answer(self, after: float) -> simpy.ProcessGenerator:
        yield self.env.timeout(after)
        return "done"


def process(env: simpy.WallClockEnvironment) -> simpy.ProcessGenerator:
    server = yield simpy.serve(env, Slow(env), "tcp://127.0.0.1:0")
    url = server.addresses[0]
    peer = yield simpy.connect(env, url, reconnect=True)
    print((yield peer.remote.answer(0)))

    in_flight = peer.remote.answer(30)
    server.connections[0].abort()
    yield server.close()
    try:
        yield in_flight
    except ConnectionLost:
        print("lost; whether it was done, nobody knows")

    waiting = peer.remote.answer(0, timeout=10.0)
    server = yield simpy.serve(env, Slow(env), url)
    print((yield waiting))
    yield peer.close()
    yield server.close()


def main() -> None:
    env = simpy.Environment()
    env.run(until=env.process(process(env)))


if __name__ == "__main__":
    main()
