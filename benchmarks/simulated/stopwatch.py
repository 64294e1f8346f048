"""Real time, in a process whose clocks may be simulated."""

from __future__ import annotations

import time
from collections.abc import Callable


class Stopwatch:
    """Measures processor time and time between `start` and `stop`, also from inside a simulated world.

    A simulator replaces clocks where modules name them; what a default argument holds it leaves alone.

    Attributes:
        cpu: Seconds of processor time of this process.
        wall: Seconds.
        started: Whether `start` was ever called.
    """

    def __init__(self) -> None:
        self.cpu = self.wall = 0.0
        self.started = False

    def start(
        self, cpu: Callable[[], float] = time.process_time, wall: Callable[[], float] = time.perf_counter
    ) -> None:
        self.started = True
        self.wall = -wall()
        self.cpu = -cpu()

    def stop(
        self, cpu: Callable[[], float] = time.process_time, wall: Callable[[], float] = time.perf_counter
    ) -> None:
        self.cpu += cpu()
        self.wall += wall()


def resident_bytes() -> int:
    """Tell how much memory of this process is in use; Linux."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096
