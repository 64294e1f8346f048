"""Measure junto beside other libraries and beside bare sockets, and say which bars it reaches."""

from __future__ import annotations

import argparse
import functools
import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

if __name__ == "__main__":
    # Run as a file: its folder would stand for the package's parent, and hide modules by its names.
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from benchmarks import costs
from benchmarks.coroutines import measure_coroutines
from benchmarks.instruments import measure_instruments
from benchmarks.plan import Plan
from benchmarks.rates import measure_rate
from benchmarks.report import Progress, describe_machine, print_bars, print_machine, print_outcome
from benchmarks.results import Outcome
from benchmarks.workloads import RATES

Measure = Callable[[Plan, Progress], Outcome]


def find_workloads() -> dict[str, Measure]:
    workloads: dict[str, Measure] = {rate.name: functools.partial(measure_rate, rate) for rate in RATES}
    workloads["memory"] = costs.measure_memory
    workloads["idle"] = costs.measure_idle
    workloads["import"] = costs.measure_import
    workloads["coroutines"] = measure_coroutines
    workloads["instruments"] = measure_instruments
    return workloads


def _end(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)  # as an exception, so that the processes are ended on the way out


def parse_arguments(workloads: dict[str, Measure], argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="measure for one to two minutes; coarse figures")
    parser.add_argument(
        "--only", action="append", choices=workloads, metavar="NAME", help="one workload; may be repeated"
    )
    parser.add_argument(
        "--with",
        dest="wanted",
        action="append",
        metavar="TEXT",
        help="contestants with this in their names; may be repeated, and baselines are not added",
    )
    parser.add_argument(
        "--rounds", type=int, metavar="N", help="how often each contestant has its turn (5; quick: 3)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure of every round there")
    parser.add_argument(
        "--placement",
        choices=("split", "same", "free"),
        default="split",
        help="client and server on different processors (the default), on one, or as the system likes",
    )
    parser.add_argument("--list", action="store_true", help="print the names of the workloads")
    arguments = parser.parse_args(argv)
    if arguments.rounds is not None and arguments.rounds < 1:
        parser.error("--rounds must be at least 1")
    return arguments


def main(argv: list[str] | None = None) -> int:
    workloads = find_workloads()
    arguments = parse_arguments(workloads, argv)
    if arguments.list:
        print("\n".join(workloads))
        return 0
    signal.signal(signal.SIGTERM, _end)
    plan = Plan.make(
        quick=arguments.quick,
        rounds=arguments.rounds,
        placement=arguments.placement,
        wanted=arguments.wanted,
    )
    machine = describe_machine(arguments.placement if plan.placement.server else "free")
    print_machine(machine)
    progress = Progress()
    outcomes: list[Outcome] = []
    for name in arguments.only or workloads:
        try:
            outcome = workloads[name](plan, progress)
        except KeyboardInterrupt:
            progress.clear()
            print("stopped", file=sys.stderr)
            return 130
        progress.clear()
        outcomes.append(outcome)
        print_outcome(outcome)
        if arguments.json is not None:
            report = {"machine": machine, "workloads": [outcome.as_json() for outcome in outcomes]}
            arguments.json.write_text(json.dumps(report, indent=1) + "\n")
    print_bars(outcomes)
    return int(any(figures.failed for outcome in outcomes for figures in outcome.figures))


if __name__ == "__main__":
    sys.exit(main())
