from junto import simpy


def process(env: simpy.WallClockEnvironment) -> simpy.ProcessGenerator:
    with (yield simpy.connect(env, "tcp://127.0.0.1:5555")) as peer:
        print((yield peer.remote.temperature("tomatoes")))
        print((yield peer.remote.set_shade(percent=40)))


def main() -> None:
    env = simpy.Environment()
    env.run(until=env.process(process(env)))


if __name__ == "__main__":
    main()
