from dataclasses import dataclass

from junto import expose, simpy


@dataclass
class Watering:
    bed: str
    litres: int


@dataclass
class Report:
    bed: str
    litres: int
    tank: int


class Display:
    @expose
    def show(self, line: str) -> None:
        print("display:", line)


def process(env: simpy.WallClockEnvironment) -> simpy.ProcessGenerator:
    display = Display()
    with (yield simpy.connect(env, "tcp://127.0.0.1:5555", service=display)) as peer:
        order = Watering("tomatoes", 2)
        print((yield peer.remote.water(order, display)))
        print((yield peer.call("water", order, display, returns=Report)))


def main() -> None:
    env = simpy.Environment()
    env.run(until=env.process(process(env)))


if __name__ == "__main__":
    main()
