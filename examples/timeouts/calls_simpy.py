from junto import RequestTimeout, expose, simpy


class Slow:
    def __init__(self, env: simpy.WallClockEnvironment) -> None:
        self.env = env

    @expose
    def answer(self, after: float) -> simpy.ProcessGenerator:
        yield self.env.timeout(after)
        return "done"


def process(env: simpy.WallClockEnvironment) -> simpy.ProcessGenerator:
    server = yield simpy.serve(env, Slow(env), "tcp://127.0.0.1:0")
    peer = yield simpy.connect(env, server.addresses[0], request_timeout=0.5)

    # The time of this call.
    try:
        yield peer.remote.answer(0.3, timeout=0.1)
    except RequestTimeout as error:
        print(error)

    # The late reply to that call arrives while this one waits, and is dropped.
    print((yield peer.remote.answer(0.6, timeout=5.0)))
    print("late replies:", peer.channel.late_replies)

    # The time of the connection, for calls that name none.
    try:
        yield peer.remote.answer(1)
    except RequestTimeout as error:
        print(error)
    yield peer.close()
    yield server.close(timeout=0.1)


def main() -> None:
    env = simpy.Environment()
    env.run(until=env.process(process(env)))


if __name__ == "__main__":
    main()
