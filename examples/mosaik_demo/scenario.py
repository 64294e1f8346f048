"""A day of one house, as a scenario of mosaik; and the same day without mosaik, to compare with."""

from __future__ import annotations

import contextlib
import functools
import shlex
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mosaik
from energy import DAY, Storage, household_kw, roof_kw
from mosaik.starters import PythonStarter
from recorder import Recorder
from wire import Tap

HERE = Path(__file__).parent
PEAK_KW = 3.6
BATTERY = {"capacity_kwh": 7.5, "max_kw": 2.2, "charge_kwh": 1.2}


@dataclass
class Outcome:
    """What one run of the day gave.

    Attributes:
        series: The values at each step, by name, such as ``battery0.charge_kwh``.
        seconds: The wall time of the simulation, without starting and stopping.
        found: What mosaik told the battery simulator about its connections.
    """

    series: dict[str, list[float]]
    seconds: float
    found: Any


def program(name: str, *arguments: str) -> dict[str, Any]:
    """Let mosaik start a program of this folder, with the address to connect to as its last argument."""
    command = shlex.join([sys.executable, str(HERE / name), *arguments]).replace("%", "%%")
    return {"cmd": f"{command} %(addr)s", "posix": True}


@contextlib.contextmanager
def over_junto(flavour: str = "") -> Iterator[dict[str, Any]]:
    """Let mosaik start the house, in the given flavour, and connect to a battery that runs already."""
    command = [sys.executable, str(HERE / "battery.py"), "--listen", "127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as battery:
        assert battery.stdout is not None, "a pipe was asked for"
        try:
            said = battery.stdout.readline()
            if not said.startswith("listening at "):
                raise RuntimeError("the battery's program did not begin to listen")
            house = program("house_in.py", flavour) if flavour else program("house.py")
            yield {"House": house, "Battery": {"connect": said.split()[-1]}}
            battery.wait(10)
        finally:
            battery.kill()  # if something went wrong; otherwise it has ended
    if battery.returncode != 0:
        raise RuntimeError(f"the battery's program ended with {battery.returncode}")


@contextlib.contextmanager
def over_mosaik_api() -> Iterator[dict[str, Any]]:
    """Let mosaik start both, as programs that use its own package."""
    yield {"House": program("in_mosaik.py", "house"), "Battery": program("in_mosaik.py", "battery")}


@contextlib.contextmanager
def in_mosaiks_process() -> Iterator[dict[str, Any]]:
    """Let mosaik call both as objects; nothing goes over a wire."""
    yield {"House": {"python": "in_mosaik:HouseThere"}, "Battery": {"python": "in_mosaik:BatteryThere"}}


WAYS = {
    "junto": over_junto,
    "junto.aio": functools.partial(over_junto, "aio"),
    "junto.trio": functools.partial(over_junto, "trio"),
    "junto.sync": functools.partial(over_junto, "sync"),
    "junto.simpy": functools.partial(over_junto, "simpy"),
    "mosaik-api": over_mosaik_api,
    "in-process": in_mosaiks_process,
}


def run(way: str, step_size: int, progress: Callable[[float], object], tap: Tap | None = None) -> Outcome:
    """Let mosaik run the day.

    Args:
        way: One of `WAYS`: where the simulators run and what connects them.
        step_size: The seconds of one step.
        progress: Called with the part of the day that is done, 0 to 1.
        tap: Counts what goes over mosaik's connections.
    """
    recorder = Recorder(lambda now: progress(now / DAY))
    with contextlib.ExitStack() as stack:
        config = stack.enter_context(WAYS[way]())
        if tap is not None:
            stack.enter_context(tap.listening())
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")  # mosaik warns of what it does itself
        world = stack.enter_context(mosaik.World(config, skip_greetings=True, configure_logging=False))
        houses = world.start("House", step_size=step_size)
        batteries = world.start("Battery", step_size=step_size)
        recording = world.start(PythonStarter(lambda: recorder), sim_id="Recorder", step_size=step_size)
        roof = houses.Roof(peak_kw=PEAK_KW)
        household = houses.Household()
        battery = batteries.Battery(**BATTERY)
        series = recording.Series()
        world.connect(roof, battery, ("power_kw", "generation_kw"))
        world.connect(household, battery, ("power_kw", "consumption_kw"))
        world.connect(roof, series, "power_kw")
        world.connect(household, series, "power_kw")
        world.connect(battery, series, "power_kw", "charge_kwh", "grid_kw")
        begin = time.perf_counter()
        world.run(until=DAY, print_progress=False)
        seconds = time.perf_counter() - begin
        found = batteries.found()
    return Outcome(recorder.series, seconds, found)


def without_mosaik(step_size: int) -> dict[str, list[float]]:
    """Compute the same day in a plain loop."""
    storage = Storage(**BATTERY)
    names = (
        "roof0.power_kw",
        "household1.power_kw",
        "battery0.power_kw",
        "battery0.charge_kwh",
        "battery0.grid_kw",
    )
    series: dict[str, list[float]] = {name: [] for name in names}
    for now in range(0, DAY, step_size):
        given, taken = roof_kw(PEAK_KW, now), household_kw(now)
        storage.advance(given - taken, step_size)
        values = (given, taken, storage.power_kw, storage.charge_kwh, storage.grid_kw)
        for name, value in zip(names, values, strict=True):
            series[name].append(value)
    return series


@dataclass
class Energies:
    """The energies of the day, in kWh, computed from the series that mosaik's recorder got."""

    generated: float
    consumed: float
    to_grid: float
    from_grid: float
    lost: float
    stored: float

    @classmethod
    def of(cls, series: dict[str, list[float]], step_size: int) -> Energies:
        def energy(name: str, sign: float = 0.0) -> float:
            powers = series[name] if not sign else [max(0.0, sign * power) for power in series[name]]
            return sum(powers) * step_size / 3600

        return cls(
            generated=energy("roof0.power_kw"),
            consumed=energy("household1.power_kw"),
            to_grid=energy("battery0.grid_kw", 1),
            from_grid=energy("battery0.grid_kw", -1),
            lost=energy("battery0.power_kw", 1) * (1 - Storage.EFFICIENCY),
            stored=series["battery0.charge_kwh"][-1] - BATTERY["charge_kwh"],
        )

    def gap(self) -> float:
        """Tell by how much what came in differs from what went out or stayed; 0 but for rounding."""
        came = self.generated + self.from_grid
        return abs(came - self.consumed - self.to_grid - self.lost - self.stored)
