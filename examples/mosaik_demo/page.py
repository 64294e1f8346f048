"""The page that shows a run: one file of HTML, which needs nothing from anywhere."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from drive import Drive
from drive_page import section_of
from instruments import Meter
from plots import Line, plot
from scenario import BATTERY, Energies
from tables import table
from wire import Tap

HERE = Path(__file__).parent


TITLES = {
    "junto": "junto, two programs",
    "junto.aio": "… the house connected by junto.aio",
    "junto.trio": "… the house connected by junto.trio",
    "junto.sync": "… the house connected by junto.sync",
    "junto.simpy": "… the house connected by junto.simpy",
    "mosaik-api": "mosaik's own package, two programs",
    "in-process": "in mosaik's process, no wire",
}
LONGEST_SAMPLE = 330


def make_page(
    series: Mapping[str, list[float]],
    energies: Energies,
    tap: Tap,
    times: Mapping[str, Mapping[str, Any]],
    meters: Sequence[Meter],
    drive: Drive,
    step_size: int,
    rounds: int,
    versions: str,
) -> str:
    """Write the page of one demo.

    Args:
        series: What mosaik's recorder got.
        energies: What it sums up to.
        tap: What went over the wire.
        times: For each way to run: the ``seconds``, and what comes of them.
        meters: What was read of the instruments.
        drive: What was heard of the car.
        step_size: The seconds of one step.
        rounds: How often each way was run.
        versions: Of the programs that took part.
    """
    grid = [-power for power in series["battery0.grid_kw"]]  # what is taken from it, upwards
    power = plot(
        [
            Line("roof", "sun", series["roof0.power_kw"], filled=True),
            Line("household", "home", series["household1.power_kw"]),
            Line("from the grid (below zero: to it)", "grid", grid),
        ],
        "kW",
    )
    charge = plot([Line("charge of the battery", "store", series["battery0.charge_kwh"], filled=True)], "kWh")
    colours = {"roof": "sun", "household": "home", "grid": "grid"}
    measured = plot([Line(meter.name, colours[meter.name], meter.values) for meter in meters], "kW")
    own = 100 * (1 - energies.from_grid / energies.consumed)
    steps = len(series["roof0.power_kw"])
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>A day of one house: mosaik over junto</title>
<style>{(HERE / "page.css").read_text(encoding="utf-8")}</style>
</head>
<body>
<h1>A day of one house</h1>
<p class="lead">A roof, a household and a battery, simulated for 24 hours in steps of {_duration(step_size)}
by mosaik. The battery and the house are programs of their own, written with junto. All {steps:,} steps gave
exactly the values of a plain loop without mosaik.</p>
<dl class="figures">
{_figure("from the roof", energies.generated)}
{_figure("used in the house", energies.consumed)}
{_figure("bought from the grid", energies.from_grid)}
{_figure("sold to the grid", energies.to_grid)}
<div><dt>share of its own</dt><dd>{own:.0f} <small>%</small></dd></div>
</dl>
<h2>Power</h2>
{power}
<h2>Battery</h2>
<p class="note">It holds {BATTERY["capacity_kwh"]:g} kWh and takes or gives at most
{BATTERY["max_kw"]:g} kW.</p>
{charge}
<h2>Measured, over bad links</h2>
<p class="note">The same day once more, an hour in an eighth of a second, as three instruments measured it.
One of them closed its connection after every 19 questions, one broke it twice, one was away from 10 to 13
o'clock. Their clients connected again by themselves; where a line is broken, there was no answer in time.</p>
{measured}
<div class="card scroll">{_table_of_meters(meters)}</div>
{section_of(drive)}
<h2>How fast mosaik runs</h2>
<div class="card scroll">{_table_of_times(times)}</div>
<p class="note">The wall time of mosaik's run, without starting and stopping; the median of {rounds}
{"run" if rounds == 1 else "runs"} of each, taken in turn. What mosaik itself needs is in all of them: the
last column is what a request and its answer take more than a call inside mosaik's process.
Measured with {html.escape(versions)}.</p>
<h2>What went over mosaik's wire</h2>
<div class="card scroll">{_table_of_traffic(tap)}</div>
<p class="note">Counted in a run of its own, at the streams that mosaik reads and writes; bytes with the 4 of
each message's length. Below, the first message of each kind and its answer. Its three parts: 0 for a request,
1 for a result, 2 for a failure; the number of the request; what is asked or answered.</p>
<div class="card wire">{"".join(_sample(*sample) for sample in tap.samples)}</div>
<script>{(HERE / "page.js").read_text(encoding="utf-8")}</script>
</body>
</html>
"""


def _figure(name: str, energy: float) -> str:
    return f"<div><dt>{name}</dt><dd>{energy:.2f} <small>kWh</small></dd></div>"


def _duration(seconds: int) -> str:
    return "one minute" if seconds == 60 else f"{seconds / 60:g} minutes"


def _table_of_times(times: Mapping[str, Mapping[str, Any]]) -> str:
    rows = []
    for way, numbers in times.items():
        cells = [TITLES[way], f"{numbers['seconds']:.2f} s", "-", "-"]
        if numbers["messages_per_second"] is not None:
            cells[2] = f"{numbers['messages_per_second']:,.0f}"
            cells[3] = f"{numbers['microseconds_per_request']:,.0f} µs"
        rows.append(("ours" if way.startswith("junto") else "", cells))
    return table(["the simulators run", "wall time", "messages/s", "more per request"], rows)


def _table_of_meters(meters: Sequence[Meter]) -> str:
    rows = []
    for meter in meters:
        told = meter.as_json()
        counts = [str(told[name]) for name in ("read", "failed", "wrong", "connections")]
        rows.append(("", [meter.name, f"junto.{meter.client}", *counts]))
    return table(["instrument", "read by", "readings", "without answer", "wrong", "connections"], rows)


def _table_of_traffic(tap: Tap) -> str:
    names = {"→": "mosaik → simulators", "←": "simulators → mosaik"}
    rows = [
        ("", [names[arrow], f"{count:,}", f"{tap.bytes[arrow]:,}", f"{tap.bytes[arrow] / count:.0f}"])
        for arrow, count in tap.messages.items()
    ]
    return table(["direction", "messages", "bytes", "bytes per message"], rows)


def _sample(arrow: str, sid: str, text: str) -> str:
    if len(text) > LONGEST_SAMPLE:
        text = f"{text[:LONGEST_SAMPLE]} …"
    kind = "there" if arrow == "→" else "here"
    return (
        f'<div><span class="{kind}">{arrow}</span><span class="sid">{html.escape(sid)}</span>'
        f"<code>{html.escape(text)}</code></div>"
    )
