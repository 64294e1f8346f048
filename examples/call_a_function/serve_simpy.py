from greenhouse import Greenhouse

from junto import simpy


def process(env: simpy.WallClockEnvironment) -> simpy.ProcessGenerator:
    server = yield simpy.serve(env, Greenhouse(), "tcp://127.0.0.1:5555", workers=4)
    print("serving at", server.addresses[0], flush=True)
    yield server.wait_closed()


def main() -> None:
    env = simpy.Environment()
    env.run(until=env.process(process(env)))


if __name__ == "__main__":
    main()
