from dataclasses import dataclass

from junto import expose, sync


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
    def water(self, order: Watering, display: sync.Proxy) -> Report:
        """Water a bed, and tell a display of each litre."""
        for litre in range(1, order.litres + 1):
            self.tank -= 1
            display.show(f"{order.bed}: {litre} l", timeout=5.0)
        return Report(order.bed, order.litres, self.tank)


def main() -> None:
    with sync.serve(Pump(), "tcp://127.0.0.1:5555", workers=4) as server:
        print("serving at", server.addresses[0], flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
