"""Run a day of one house in mosaik, with simulators that are programs of their own, over junto.

It shows how far the day is, compares the result with the same day computed without mosaik, tells what went
over the wire and how fast, beside the same simulators inside mosaik's process and over mosaik's own
package. Then it reads the same day from instruments over bad links, follows the household's car to the town,
and writes a page with plots and a map.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from itertools import zip_longest
from pathlib import Path
from typing import Any

from drive import Drive, follow
from instruments import Meter, measure
from loguru import logger
from page import make_page
from progress import Bar
from scenario import WAYS, Energies, Outcome, run, without_mosaik
from vehicle import PAUSE
from wire import Tap

CLOSE = 1e-9  # kWh; what rounding may leave of the balance of a day


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="A day of one house in mosaik, over junto.")
    parser.add_argument("--quick", action="store_true", help="steps of 15 minutes, each way once")
    parser.add_argument("--json", action="store_true", help="print the results for programs to read")
    parser.add_argument("--output", type=Path, default=Path("demo-output"), help="the folder of the page")
    args = parser.parse_args(argv)
    step_size, rounds = (900, 1) if args.quick else (60, 3)
    logger.remove()  # mosaik's messages; errors come as exceptions

    if not args.json:
        print(
            "One day, simulated by mosaik; the house and the battery are programs, written with junto:\n",
            flush=True,
        )
    tap = Tap()
    outcome = show("junto, counting what is sent", "junto", step_size, tap)
    expected = without_mosaik(step_size)
    faults = compare(outcome, expected, step_size)
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    ways = list(WAYS)
    for number in range(rounds):
        for way in ways[number % 3 :] + ways[: number % 3]:
            timed = show(
                f"{way}, timed" + (f" ({number + 1} of {rounds})" if rounds > 1 else ""), way, step_size
            )
            seconds[way].append(timed.seconds)
            faults += compare(timed, expected, step_size)
    with Bar("instruments, over bad links") as bar:
        meters = measure(bar.advance)
        bar.note = f"{sum(meter.connections for meter in meters)} connections"
    faults += [f"{meter.name}: {meter.wrong} wrong answers" for meter in meters if meter.wrong]
    args.output.mkdir(parents=True, exist_ok=True)
    log = args.output / "drive.csv"
    with Bar("a car, and three who follow it") as bar:
        drive = follow(bar.advance, log)
        bar.note = f"{sum(len(follower.delays) for follower in drive.followers)} messages"
    faults += drive.faults()
    if faults:
        print("\n".join(["", "The result is wrong:", *dict.fromkeys(faults)]), file=sys.stderr)
        return 1

    energies = Energies.of(outcome.series, step_size)
    times = rate(seconds, sum(tap.messages.values()))
    versions = ", ".join(
        [
            f"Python {platform.python_version()}",
            *(f"{name} {version(name)}" for name in ("mosaik", "mosaik-api-v3")),
        ]
    )
    page = args.output / "mosaik.html"
    page.write_text(
        make_page(outcome.series, energies, tap, times, meters, drive, step_size, rounds, versions),
        encoding="utf-8",
    )
    if args.json:
        told = as_json(outcome, energies, tap, times, meters, step_size, rounds)
        told |= {"vehicle": drive.as_json(), "log": str(log.resolve()), "page": str(page.resolve())}
        print(json.dumps(told, indent=2))
    else:
        report(outcome, energies, tap, times, meters, rounds)
        report_drive(drive)
        print(f"\nPlots: {page.resolve()}\nThe log of the drive: {log.resolve()}")
    return 0


def show(title: str, way: str, step_size: int, tap: Tap | None = None) -> Outcome:
    """Run the day with a bar of how far it is."""
    with Bar(title) as bar:
        outcome = run(way, step_size, bar.advance, tap)
        bar.note = f"{outcome.seconds:.2f} s"
    return outcome


def compare(outcome: Outcome, expected: dict[str, list[float]], step_size: int) -> list[str]:
    """Find what is not as it must be.

    A float survives JSON unchanged, so the values must be equal, not close.
    """
    faults = []
    for name, values in expected.items():
        got = outcome.series.get(name, [])
        wrong = sum(one != other for one, other in zip_longest(got, values))
        if wrong:
            faults.append(f"{name}: {wrong} of {len(values)} values are not those of the plain loop")
    if not faults and (gap := Energies.of(outcome.series, step_size).gap()) > CLOSE:
        faults.append(f"{gap} kWh came from nowhere, or went there")
    neighbours = set(next(iter(outcome.found.values())))
    if neighbours != {"House-0.roof0", "House-0.household1", "Recorder.series"}:
        faults.append(f"mosaik told the battery of wrong neighbours: {sorted(neighbours)}")
    return faults


def rate(seconds: dict[str, list[float]], messages: int) -> dict[str, dict[str, Any]]:
    """Compute, for each way, what its median time says."""
    medians = {way: statistics.median(values) for way, values in seconds.items()}
    inside = medians["in-process"]
    times: dict[str, dict[str, Any]] = {}
    for way, median in medians.items():
        wired = way != "in-process"
        times[way] = {
            "seconds": median,
            "all_seconds": seconds[way],
            "messages_per_second": messages / median if wired else None,
            "microseconds_per_request": (median - inside) / (messages / 2) * 1e6 if wired else None,
        }
    return times


def as_json(
    outcome: Outcome,
    energies: Energies,
    tap: Tap,
    times: dict[str, dict[str, Any]],
    meters: Sequence[Meter],
    step_size: int,
    rounds: int,
) -> dict[str, Any]:
    return {
        "equal": True,
        "step_size": step_size,
        "steps": len(outcome.series["roof0.power_kw"]),
        "rounds": rounds,
        "kwh": asdict(energies),
        "wire": {
            "messages_to_simulators": tap.messages["→"],
            "messages_to_mosaik": tap.messages["←"],
            "bytes_to_simulators": tap.bytes["→"],
            "bytes_to_mosaik": tap.bytes["←"],
        },
        "times": times,
        "instruments": {meter.name: meter.as_json() for meter in meters},
    }


def report(
    outcome: Outcome,
    energies: Energies,
    tap: Tap,
    times: dict[str, dict[str, Any]],
    meters: Sequence[Meter],
    rounds: int,
) -> None:
    steps = len(outcome.series["roof0.power_kw"])
    print(f"\nAll {steps:,} steps gave exactly the values of a plain loop without mosaik.")
    print(
        f"  The roof gave {energies.generated:.2f} kWh, the household took {energies.consumed:.2f}; "
        f"{energies.from_grid:.2f} came from the grid, {energies.to_grid:.2f} went to it."
    )
    print("\nOver the wire, counted at mosaik's streams:")
    for arrow, name in (("→", "mosaik → simulators"), ("←", "simulators → mosaik")):
        print(f"  {name}  {tap.messages[arrow]:>7,} messages  {tap.bytes[arrow]:>9,} bytes")
    for arrow, sid, text in tap.samples:
        if sid.startswith("Battery"):
            print(f"    {arrow} {text if len(text) <= 96 else text[:95] + '…'}")
    print(f"\nThe wall time of mosaik's run, median of {rounds}; what a request takes beyond a call inside:")
    for way, numbers in times.items():
        line = f"  {way:<11} {numbers['seconds']:6.2f} s"
        if numbers["messages_per_second"] is not None:
            line += f"  {numbers['messages_per_second']:>8,.0f} messages/s"
            line += f"  {numbers['microseconds_per_request']:>6,.0f} µs"
        print(line)
    print("\nThe same day, measured by instruments whose connections broke:")
    for meter in meters:
        told = meter.as_json()
        print(
            f"  {meter.name:<11} {told['read']:>4} readings by junto.{meter.client}, "
            f"{told['failed']} without answer, {told['wrong']} wrong, over {told['connections']} connections"
        )


def report_drive(drive: Drive) -> None:
    last = drive.log[-1]
    print(
        f"\nThe household's car drove to the town in {last.seconds:.0f} s, "
        f"{last.seconds / drive.wall:.0f} times as fast, and published {1 / PAUSE:.0f} times per second:"
    )
    for follower in drive.followers:
        told = follower.as_json()
        print(
            f"  {told['flavour']:<4} {told['messages']:>4} messages, {told['lost']} lost, "
            f"{told['wrong']} wrong, {told['messages_per_second']:>4.0f}/s, "
            f"{told['milliseconds_median']:.2f} ms on their way, "
            f"99 of 100 less than {told['milliseconds_99_percent']:.1f} ms"
        )
    print(
        f"  A request sent it along the {drive.asked['road']}, and was answered in "
        f"{drive.asking * 1e3:.2f} ms; the way took {last.seconds - drive.planned[-1].seconds:.0f} s longer."
    )
    print(
        f"  Its log came by a stream: {drive.size:,} bytes in {drive.carrying * 1e3:.1f} ms, "
        f"SHA-256 {drive.digest[:16]}…, as the car told."
    )


if __name__ == "__main__":
    sys.exit(main())
