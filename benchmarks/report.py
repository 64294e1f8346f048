"""Telling people and programs what was measured."""

from __future__ import annotations

import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from statistics import median
from typing import Any

from benchmarks.results import Comparison, Figures, Outcome

_PACKAGES = ("junto", "msgspec", "uvloop", "trio", "pyzmq", "rpyc", "grpcio", "websockets")


class Progress:
    """Tells on the terminal what is being done; nothing if the output goes to a file."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()

    def tell(self, text: str) -> None:
        if self._live:
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        self.tell("")


def describe_machine(placement: str) -> dict[str, Any]:
    """Tell what the figures depend on."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "platform": platform.platform(),
        "processors": os.cpu_count(),
        "placement": placement,
        "load": os.getloadavg()[0],
        "versions": {name: _version(name) for name in _PACKAGES},
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return "from its sources" if find_spec(name) is not None else None


def print_machine(machine: dict[str, Any]) -> None:
    versions = ", ".join(
        f"{name} {number or '(not installed)'}" for name, number in machine["versions"].items()
    )
    print(f"{machine['date']}  {machine['python']}  {machine['platform']}")
    print(f"{machine['processors']} processors, placement {machine['placement']}, load {machine['load']:.2f}")
    print(versions, flush=True)


def print_outcome(outcome: Outcome) -> None:
    """Print a table: figures, their spread, what they cost, and the bars."""
    width = max((len(figures.name) for figures in outcome.figures), default=0)
    print(f"\n{outcome.name}: {outcome.title}")
    timed = any(figures.client_cpu for figures in outcome.figures)
    cpu_title = "  CPU µs client+server" if timed else ""
    print(f"  {'':{width}} {outcome.unit:>15}  {'lowest … highest':>19}{cpu_title}")
    for figures in outcome.figures:
        if figures.values:
            print(f"  {figures.name:{width}} {_format_row(figures, timed)}")
            for comparison in outcome.compare(figures):
                print(f"  {'':{width}}     {_format_comparison(comparison)}")
        if figures.failed:
            print(f"  {figures.name:{width}} FAILED: {figures.failed}")
        if figures.note:
            print(f"  {figures.name if not figures.values else '':{width}}     {figures.note}")
    sys.stdout.flush()


def _format_row(figures: Figures, timed: bool) -> str:
    values = figures.values
    spread = f"{_number(min(values))} … {_number(max(values))}"
    cpu = ""
    if timed and figures.client_cpu:
        cpu = f"  {median(figures.client_cpu) * 1e6:9.1f} + {median(figures.server_cpu) * 1e6:.1f}"
    return f"{_number(median(values)):>15}  {spread:>19}{cpu}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"


def _format_comparison(comparison: Comparison) -> str:
    bar = comparison.bar
    what = f"{comparison.value:.2f}"
    if bar.baseline:
        what += f" of {bar.against}" if bar.how == "ratio" else f" beyond {bar.against}"
    if comparison.by_cpu is not None:
        what += f" ({comparison.by_cpu:.2f} by CPU)"
    if bar.limit is not None:
        what += f"; {bar.sense} {bar.limit:g}: {'met' if comparison.met else 'NOT MET'}"
    return what


def print_bars(outcomes: list[Outcome]) -> None:
    """Print how many bars are met, and those that are not."""
    compared = [
        (outcome, figures, comparison)
        for outcome in outcomes
        for figures in outcome.figures
        for comparison in outcome.compare(figures)
        if comparison.met is not None
    ]
    missed = [entry for entry in compared if not entry[2].met]
    if compared:
        print(f"\n{len(compared) - len(missed)} of {len(compared)} bars met")
    for outcome, figures, comparison in missed:
        print(f"  {outcome.name}: {figures.name}: {_format_comparison(comparison)}")
