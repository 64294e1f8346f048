"""A night in a garage: mosaik simulates the cars, and agents share out what the thin cable can give.

    python run.py [--cars 6] [--capacity 22] [--json]

The agents live in two containers, whose clocks are set by mosaik's steps; it takes a second, not a night.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import mosaik
import mosaik_api_v3
from mosaik.starters import PythonStarter

HERE = Path(__file__).parent
NIGHT = 12 * 3600
STEP = 900


class Table(mosaik_api_v3.Simulator):
    """Keeps what it is given, in mosaik's own process: the time, the powers and what is missing."""

    def __init__(self) -> None:
        model = {"public": True, "params": [], "attrs": ["power_kw", "missing_kwh"]}
        super().__init__({"type": "time-based", "models": {"Table": model}})
        self.rows: list[tuple[int, list[float], list[float]]] = []

    def create(self, num: int, model: str, **params: Any) -> list[dict[str, Any]]:
        return [{"eid": "table", "type": model}]

    def step(self, time: int, inputs: dict[str, Any], max_advance: int) -> int:
        given = inputs["table"]
        self.rows.append((time, list(given["power_kw"].values()), list(given["missing_kwh"].values())))
        return time + STEP


def simulate(cars: int, capacity: float, table: Table) -> list[float]:
    """Let mosaik run the night; gives the times at which the last car's agent was told something."""
    controller = shlex.join([sys.executable, str(HERE / "controller.py")]).replace("%", "%%")
    config: Any = {
        "Garage": {"python": "charging:Garage"},
        "Controller": {"cmd": f"{controller} %(addr)s", "posix": True},
    }
    with mosaik.World(config, skip_greetings=True, configure_logging=False) as world:
        garages = world.start("Garage", step_size=STEP)
        controllers = world.start("Controller", capacity_kw=capacity, step_size=STEP)
        recording = world.start(PythonStarter(lambda: table), sim_id="Table").Table()
        for number, agent in enumerate(controllers.Agent.create(cars)):
            car = garages.Car(missing_kwh=10.0 + 5.0 * number)
            world.connect(car, agent, "missing_kwh")
            world.connect(agent, car, "limit_kw", time_shifted=True, initial_data={"limit_kw": 0.0})
            world.connect(car, recording, "power_kw", "missing_kwh")
        world.run(until=NIGHT, print_progress=False)
        times: list[float] = controllers.times(f"agent{cars - 1}")
        return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--cars", type=int, default=6)
    parser.add_argument("--capacity", type=float, default=22.0, help="of the cable, in kW")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    begin = time.perf_counter()
    table = Table()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # mosaik warns of what it does itself
        times = simulate(args.cars, args.capacity, table)
    peak = max(sum(powers) for _, powers, _ in table.rows)
    charged = sum(sum(powers) for _, powers, _ in table.rows) * STEP / 3600
    missing = sum(table.rows[-1][2])
    in_time = times == list(range(0, NIGHT, STEP))
    if args.json:
        facts = {"steps": len(table.rows), "peak_kw": peak, "charged_kwh": charged, "missing_kwh": missing}
        print(json.dumps({**facts, "in_time": in_time, "seconds": round(time.perf_counter() - begin, 2)}))
    else:
        for now, powers, _ in table.rows[::4]:
            columns = " ".join(f"{power:5.1f}" for power in powers)
            print(f"{(18 + now // 3600) % 24:02}:00 {columns}  = {sum(powers):5.1f} kW")
        print(f"{charged:.1f} kWh in {len(table.rows)} steps, at most {peak:.1f} kW")
    if peak > args.capacity + 1e-6 or missing > 1e-6 or not in_time:
        sys.exit("the agents did not keep to the cable or to the time, or left a car without its charge")


if __name__ == "__main__":
    sys.path.insert(0, str(HERE))  # where mosaik finds the garage
    main()
