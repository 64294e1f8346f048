"""Simulated worlds: junto.sim beside simloom, seedloop, plain SimPy and the loop of the standard library.

    python -m benchmarks.sim [--quick] [--only stream] [--rounds 5] [--rivals PYTHON] [--python PYTHON]

Each turn is a process of its own, and contestants take turns in each round.
A figure is per second of processor time: all of them keep one processor busy and wait for nothing, so that
what else the machine does hardly counts.
simloom and seedloop need Python 3.12: `--rivals` names the interpreter of an environment that has them,
`--python` one for all contestants. What is not installed there is left out and named.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.report import Progress, describe_machine, print_bars, print_outcome
from benchmarks.results import LEFT_OUT, Bar, Figures, Outcome
from benchmarks.simulated.__main__ import MISSING

ROOT = Path(__file__).resolve().parent.parent
RIVALS = ("simloom", "seedloop")


@dataclass(frozen=True)
class Entry:
    """Who runs what, under which name.

    Attributes:
        module: The contestant, without its ``on_``.
        workload: As the contestant names it; as the whole is named if empty.
    """

    name: str
    module: str
    bars: tuple[Bar, ...] = ()
    workload: str = ""


@dataclass(frozen=True)
class Comparison:
    title: str
    entries: tuple[Entry, ...]
    unit: str = "/s of CPU"


STOCK = Entry("asyncio", "stock")
SIMPY = Entry("SimPy", "simpy")
SIMLOOM = Entry("simloom", "simloom")
SEEDLOOP = Entry("seedloop", "seedloop")


def junto(*bars: Bar, name: str = "junto", workload: str = "") -> Entry:
    return Entry(name, "junto", bars, workload)


def recorded(workload: str) -> Entry:
    return junto(Bar(("junto",), 0.75), name="junto, recorded", workload=f"{workload}, recorded")


def model(title: str) -> Comparison:
    return Comparison(f"{title}: events", (SIMPY, junto(Bar(("SimPy",), 0.80))))


IN_MEMORY = Entry("asyncio, no network", "stock", workload="memory streams")
WORKLOADS = {
    "stream": Comparison(
        "2,000 lines there and back over asyncio's streams, one at a time: messages, two a round trip",
        (
            STOCK,
            IN_MEMORY,
            SIMLOOM,
            SEEDLOOP,
            junto(Bar(("simloom",), 3.5), Bar(("asyncio",)), Bar(("asyncio, no network",))),
            recorded("stream"),
        ),
    ),
    "flow": Comparison(
        "the same with 100 in flight",
        (STOCK, SIMLOOM, SEEDLOOP, junto(Bar(("simloom",)), Bar(("asyncio",))), recorded("flow")),
    ),
    "tiny": Comparison(
        "three tasks that count, a run each: runs", (STOCK, SIMLOOM, SEEDLOOP, junto(Bar(("simloom",), 25)))
    ),
    "cluster": Comparison(
        "3 hosts, 6 connections, 300 messages, a run each: runs",
        (
            STOCK,
            SIMLOOM,
            SEEDLOOP,
            junto(Bar(limit=300), Bar(("simloom",))),
            junto(Bar(limit=300), name="junto, 300 events", workload="cluster, 300 events"),
        ),
    ),
    "clocks": model("SimPy processes that wait"),
    "bank": model("SimPy processes at a resource"),
    "conveyor": model("SimPy processes with stores between them"),
    "handlers": Comparison(
        "100,000 actors with plain functions on one host: messages",
        (STOCK, SIMPY, junto(Bar(limit=600_000), Bar(("SimPy",)))),
    ),
    "timers": Comparison(
        "100,000 actors whose messages take 1 to 7 ms (SimPy: processes that wait so): messages",
        (STOCK, SIMPY, junto(Bar(("SimPy",)))),
    ),
    "tasks": Comparison(
        "100,000 tasks with queues (SimPy: processes with stores): messages",
        (STOCK, SIMPY, junto(Bar(limit=80_000), Bar(("SimPy",)))),
    ),
    "idle handlers": Comparison(
        "one of 100,000 idle actors with plain functions",
        (STOCK, junto(Bar(limit=4096, sense="at most"))),
        unit="bytes",
    ),
    "idle sleepers": Comparison(
        "one of 100,000 idle tasks that sleep (SimPy: a process that waits)",
        (STOCK, SIMPY, junto(Bar(limit=4096, sense="at most"))),
        unit="bytes",
    ),
    "idle tasks": Comparison(
        "one of 100,000 idle tasks with a queue (SimPy: a process with a store)",
        (STOCK, SIMPY, junto(Bar(("asyncio",), 256, "at most", "difference"))),
        unit="bytes",
    ),
    "pieces": Comparison(
        "what everything is made of, on the loop of the standard library",
        tuple(
            Entry(name, "stock", workload=name)
            for name in (
                "callback",
                "callbacks",
                "due timers",
                "steps",
                "new tasks",
                "memory protocols",
                "memory streams",
            )
        ),
    ),
}


@dataclass(frozen=True)
class Plan:
    rounds: int
    seconds: float
    pythons: dict[str, str]
    """By contestant, the interpreter that runs it."""

    def turn(self, entry: Entry, workload: str) -> float:
        """Run a workload once; raises `LookupError` if what it needs is not installed."""
        environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "src")))}
        command = [self.pythons[entry.module], "-m", "benchmarks.simulated", f"on_{entry.module}"]
        done = subprocess.run(
            [*command, entry.workload or workload, str(self.seconds)],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        if done.returncode == MISSING:
            raise LookupError(f"{done.stdout.strip()} in {command[0]}")
        if done.returncode:
            raise RuntimeError(done.stderr.strip().rpartition("\n")[2] or f"exit code {done.returncode}")
        result = json.loads(done.stdout)
        return float(result["count"] / result["cpu"])


def measure(name: str, plan: Plan, progress: Progress) -> Outcome:
    comparison = WORKLOADS[name]
    outcome = Outcome(name, comparison.title, comparison.unit)
    outcome.figures += [Figures(entry.name, entry.bars) for entry in comparison.entries]
    for lap in range(plan.rounds):
        for entry, figures in zip(comparison.entries, outcome.figures, strict=True):
            if figures.failed or figures.note:
                continue
            progress.tell(f"{name}: {entry.name}, round {lap + 1} of {plan.rounds}")
            try:
                figures.values.append(plan.turn(entry, name))
            except LookupError as error:
                figures.note = f"{LEFT_OUT}: {error.args[0]}"
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                figures.failed = str(error)
    return outcome


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.sim",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=__doc__,
    )
    parser.add_argument("--quick", action="store_true", help="two rounds, short turns; coarse figures")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="about how long what counts of a turn is")
    parser.add_argument(
        "--only", action="append", choices=WORKLOADS, metavar="NAME", help=", ".join(WORKLOADS)
    )
    parser.add_argument("--python", default=sys.executable, metavar="PYTHON", help="the interpreter for all")
    parser.add_argument("--rivals", metavar="PYTHON", help="the interpreter for simloom and seedloop")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure of every round there")
    options = parser.parse_args()
    pythons = dict.fromkeys(("stock", "simpy", "junto"), options.python)
    pythons |= dict.fromkeys(RIVALS, options.rivals or options.python)
    plan = Plan(2, 0.3, pythons) if options.quick else Plan(options.rounds, options.seconds, pythons)
    machine = describe_machine("free")
    print(f"{machine['date']}  {machine['platform']}")
    print(f"{machine['processors']} processors, load {machine['load']:.2f}")
    for python in dict.fromkeys(pythons.values()):
        users = ", ".join(module for module, path in pythons.items() if path == python)
        print(f"{versions(python)}: {users}", flush=True)
    progress = Progress()
    outcomes = []
    for name in options.only or WORKLOADS:
        outcome = measure(name, plan, progress)
        progress.clear()
        outcomes.append(outcome)
        print_outcome(outcome)
        if options.json is not None:
            report = {"machine": machine, "workloads": [outcome.as_json() for outcome in outcomes]}
            options.json.write_text(json.dumps(report, indent=1) + "\n")
    print_bars(outcomes)
    return int(any(figures.failed for outcome in outcomes for figures in outcome.figures))


def versions(python: str) -> str:
    """Tell the version of an interpreter and of what it has installed of the contestants."""
    program = (
        "import platform\n"
        "from importlib.metadata import distributions\n"
        "names = {'simloom', 'seedloop', 'simpy', 'msgspec'}\n"
        "found = sorted({f'{d.name} {d.version}' for d in distributions() if d.name in names})\n"
        "print(platform.python_version(), *found)"
    )
    found = subprocess.run([python, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    return f"Python {found.stdout.strip()}"


if __name__ == "__main__":
    sys.exit(main())
