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


class Display:
    @expose
    def show(self, line: str) -> None:
        print("display:", line)


async def main() -> None:
    display = Display()
    async with junto.trio.connect("tcp://127.0.0.1:5555", service=display) as peer:
        order = Watering("tomatoes", 2)
        print(await peer.remote.water(order, display))
        print(await peer.call("water", order, display, returns=Report))


if __name__ == "__main__":
    trio.run(main)
