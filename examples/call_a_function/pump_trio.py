from dataclasses import dataclass

import trio

import junto.trio
from junto import expose


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
    async def water(self, order: Watering, display: junto.trio.Proxy) -> Report:
        """Water a bed, and tell a display of each litre."""
        for litre in range(1, order.litres + 1):
            self.tank -= 1
            await display.show(f"{order.bed}: {litre} l", timeout=5.0)
        return Report(order.bed, order.litres, self.tank)


async def main() -> None:
    async with junto.trio.serve(Pump(), "tcp://127.0.0.1:5555") as server:
        print("serving at", server.addresses[0], flush=True)
        await server.wait_closed()


if __name__ == "__main__":
    trio.run(main)
