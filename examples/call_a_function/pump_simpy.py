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


class Pump:
    def __init__(self) -> None:
        self.tank = 100

    @expose
    def water(self, order: Watering, display: simpy.Proxy) -> simpy.ProcessGenerator:
        """Water a bed, and tell a display of each litre."""
        for litre in range(1, order.litres + 1):
            self.tank -= 1
            yield display.show(f"{order.bed}: {litre} l", timeout=5.0)
        return Report(order.bed, order.litres, self.tank)


def process(env: simpy.WallClockEnvironment) -> simpy.ProcessGenerator:
    server = yield simpy.serve(env, Pump(), "tcp://127.0.0.1:5555")
    print("serving at", server.addresses[0], flush=True)
    yield server.wait_closed()


def main() -> None:
    env = simpy.Environment()
    env.run(until=env.process(process(env)))


if __name__ == "__main__":
    main()
