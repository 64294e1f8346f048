"""The part of the page that shows a drive of the car."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import repeat
from typing import Any

from drive import Drive
from driving import EVERY, STEP
from plots import Line, Span, plot
from road_map import Lane, draw
from tables import table
from vehicle import PAUSE

COLOURS = {"aio": "home", "sync": "sun", "trio": "store"}
KINDS = {"aio": "asyncio", "sync": "blocking", "trio": "trio"}


def section_of(drive: Drive) -> str:
    """Write the section."""
    everything, _, planner = drive.followers
    last, usual = drive.log[-1], drive.planned[-1]
    lanes = [
        Lane(KINDS[one.client], COLOURS[one.client], one.received["/drive/position"])
        for one in drive.followers
    ]
    there = drive.log[drive.asked["step"]]
    speeds = [message["kmh"] for message in everything.received["/drive/speed"]]
    charges = [message["kwh"] for message in planner.received["/drive/battery"]]
    planned = drive.planned[::EVERY]
    mark = (there.seconds, "sent along the harbour")
    speed = _plot(
        [
            Line("speed, as asyncio heard it", "home", speeds),
            Line("without the request", "soft", [state.kmh for state in planned], dashed=True),
        ],
        "km/h",
        mark,
    )
    used = _plot(
        [
            Line("from the battery, as trio heard it", "store", _used(charges), filled=True),
            Line("without the request", "soft", _used([state.kwh for state in planned]), dashed=True),
        ],
        "Wh",
        mark,
    )
    return f"""<section>
<h2>A drive, published to three</h2>
<p class="note">The household's car is a program of its own, a server of VSOA on asyncio. It drove to the
town in {last.seconds / 60:.1f} minutes, {last.seconds / drive.wall:.0f} times as fast, and published how it
is {1 / PAUSE:.0f} times per second. Three subscribers followed it, each in its own flavour: a dot is where
one of them heard the car to be. The blocking one sent it another way when it was in the circle, by a
request that was answered in {drive.asking * 1e3:.2f} ms; the drive took {last.seconds - usual.seconds:.0f} s
longer for that. Point at the plots to see the car there.</p>
{draw(lanes, there._asdict())}
{speed}
{used}
<div class="card scroll">{_table_of_followers(drive)}</div>
<p class="note">What each of them has received is what the car's log says, to the last digit. The one in
asyncio got that log in the end, by a stream beside the connection: <code>drive.csv</code>, {len(drive.log):,}
lines, {drive.size:,} bytes, in {drive.carrying * 1e3:.1f} ms. Its SHA-256 is the one that the car told:
<code>{drive.digest}</code>.</p>
</section>"""


def _used(charges: Sequence[float]) -> list[float]:
    return [(charges[0] - charge) * 1e3 for charge in charges]


def _plot(lines: list[Line], unit: str, mark: tuple[float, str]) -> str:
    longest = max(len(line.values) for line in lines)
    for line in lines:
        line.values = [*line.values, *repeat(math.nan, longest - len(line.values))]
    return plot(lines, unit, Span(longest * EVERY * STEP, 60, "has arrived"), mark)


def _table_of_followers(drive: Drive) -> str:
    rows = []
    for follower in drive.followers:
        told: dict[str, Any] = follower.as_json()
        cells = [
            f"junto.vsoa, {KINDS[follower.client]}",
            ", ".join(f"<code>{url}</code>" for url in follower.urls),
            f"{told['messages']:,}",
            f"{told['messages_per_second']:.0f}",
            f"{told['milliseconds_median']:.2f} ms",
            f"{told['milliseconds_99_percent']:.1f} ms",
            str(told["lost"]),
            str(told["wrong"]),
        ]
        rows.append(("", cells))
    head = ["subscriber", "URLs", "messages", "per second", "on their way", "99 of 100", "lost", "wrong"]
    return table(head, rows)
