from junto import RequestTimeout, simpy


def process(env: simpy.WallClockEnvironment) -> simpy.ProcessGenerator:
    with (yield simpy.connect(env, "tcp://127.0.0.1:5555", timeout=5.0)) as peer:
        try:
            yield peer.remote.measure_soil("basil", timeout=0.1)
        except RequestTimeout as error:
            print(error)
        print((yield peer.remote.temperature("basil", timeout=5.0)))


def main() -> None:
    env = simpy.Environment()
    env.run(until=env.process(process(env)))


if __name__ == "__main__":
    main()
