from echo_endpoint import talk

from junto import simpy
from junto.runtimes.simpy.runtime import simpy_runtime


def process(env: simpy.WallClockEnvironment) -> simpy.ProcessGenerator:
    runtime = simpy_runtime(env)
    print((yield runtime.create_task(talk(runtime))))
    yield runtime.stop()


def main() -> None:
    env = simpy.Environment()
    env.run(until=env.process(process(env)))


if __name__ == "__main__":
    main()
