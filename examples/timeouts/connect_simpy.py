from junto import ConnectionFailed, simpy


def process(env: simpy.WallClockEnvironment) -> simpy.ProcessGenerator:
    try:
        # Nobody listens there.
        yield simpy.connect(env, "tcp://127.0.0.1:1", timeout=0.3)
        print("connected")
    except ConnectionFailed:
        print("nobody is there")


def main() -> None:
    env = simpy.Environment()
    env.run(until=env.process(process(env)))


if __name__ == "__main__":
    main()
