"""The same simulators on mosaik's own package: inside mosaik's process, or over its own connection.

As a program: python in_mosaik.py house HOST:PORT
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from typing import Any

import mosaik_api_v3
from battery import Battery
from house import House


class HouseThere(House, mosaik_api_v3.Simulator):
    """Plain code runs there as it is."""


class BatteryThere(mosaik_api_v3.Simulator):
    """That package has generators, which yield what is to be awaited, where we have `async def`."""

    def __init__(self) -> None:
        self.battery = Battery()
        super().__init__(self.battery.meta)

    def init(self, *args: Any, time_resolution: float = 1.0, **params: Any) -> Generator[Any, Any, Any]:
        return (yield self.battery.init(*args, time_resolution=time_resolution, **params))

    def create(self, *args: Any, **params: Any) -> Generator[Any, Any, Any]:
        return (yield self.battery.create(*args, **params))

    def step(self, time: int, inputs: dict[str, Any], max_advance: int) -> Generator[Any, Any, Any]:
        self.battery.mosaik = self.mosaik
        return (yield self.battery.step(time, inputs, max_advance))

    def get_data(self, outputs: dict[str, list[str]]) -> Generator[Any, Any, Any]:
        return (yield self.battery.get_data(outputs))

    def found(self) -> Generator[Any, Any, Any]:
        return (yield self.battery.found())


if __name__ == "__main__":
    kind = {"house": HouseThere, "battery": BatteryThere}[sys.argv.pop(1)]
    mosaik_api_v3.start_simulation(kind(), configure_logging=False)
