"""The map of a drive, as SVG text: the roads, and on them what each subscriber has heard of the car."""

from __future__ import annotations

import html
import json
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from roads import ROADS, SHARED

WIDTH, BORDER = 960, 34
WEST, EAST = 0.0, ROADS["main"].places[-1].x
SCALE = (WIDTH - 2 * BORDER) / (EAST - WEST)
TOP, BOTTOM = 40, 44
NORTH = max(place.y for road in ROADS.values() for place in road.places)
SOUTH = min(place.y for road in ROADS.values() for place in road.places)
HEIGHT = round(TOP + BOTTOM + (NORTH - SOUTH) * SCALE)
LANE = 4.6  # from one subscriber's dots to the next one's
COARSE = 4  # so many places of a road are one in the drawing


class Lane(NamedTuple):
    """What one subscriber has heard of where the car is."""

    name: str
    colour: str
    positions: Sequence[dict[str, Any]]


def draw(lanes: Sequence[Lane], asked: dict[str, Any]) -> str:
    """Draw the map.

    Args:
        lanes: Beside each other on the road.
        asked: Where the car was when it was sent another way.
    """
    usual, taken = ROADS["main"], ROADS["harbour"]
    home, town = usual.places[0], usual.places[-1]
    marks = [
        f'<path class="road" d="{_path("main")}"/><path class="road" d="{_path("harbour")}"/>',
        f'<path class="usual" d="{_path("main")}"/>',
    ]
    for number, lane in enumerate(lanes):
        aside = (number - (len(lanes) - 1) / 2) * LANE
        dots = "".join(_dot(position, aside) for position in lane.positions)
        # Lines of no length with round ends: one path instead of hundreds of circles.
        marks.append(f'<path class="dots" style="stroke: var(--{lane.colour})" d="{dots}"/>')
    over, under = max(usual.places, key=lambda place: place.y), min(taken.places, key=lambda place: place.y)
    marks += [
        _label(home.x, home.y, "start", -14, 26, "home"),
        _label(town.x, town.y, "end", 14, 26, "town"),
        _label(SHARED[-1].x, SHARED[-1].y, "end", -16, -6, "the roads part"),
        _label(over.x, over.y, "middle", 0, -18, "the usual road"),
        _label(under.x, under.y, "middle", 0, 28, "along the harbour"),
    ]
    x, y = _to_paper(asked["x"], asked["y"])
    marks.append(
        f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{y:.1f}" y2="{TOP - 16}"/>'
        f'<circle class="asked" cx="{x:.1f}" cy="{y:.1f}" r="8"/>'
        f'<text class="told" x="{x + 7:.1f}" y="{TOP - 10}">SET /drive/road "harbour"</text>'
    )
    legend = "".join(
        f'<li><i style="background: var(--{lane.colour})"></i>{html.escape(lane.name)}</li>' for lane in lanes
    )
    path = [_to_paper(position["x"], position["y"]) for position in lanes[0].positions]
    data = json.dumps([[round(x, 1), round(y, 1)] for x, y in path], separators=(",", ":"))
    return (
        f'<figure class="map"><ul class="legend">{legend}</ul>'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="the roads, and where the car was heard of">'
        f'{"".join(marks)}<circle class="car" cx="-99" cy="-99" r="9"/></svg>'
        f'<script type="application/json">{data}</script></figure>'
    )


def _to_paper(x: float, y: float) -> tuple[float, float]:
    return BORDER + (x - WEST) * SCALE, TOP + (NORTH - y) * SCALE


def _path(road: str) -> str:
    places = ROADS[road].places
    points = [_to_paper(place.x, place.y) for place in (*places[::COARSE], places[-1])]
    return "M" + " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _dot(position: dict[str, Any], aside: float) -> str:
    x, y = _to_paper(position["x"], position["y"])
    x -= aside * math.sin(position["heading"])
    y -= aside * math.cos(position["heading"])
    return f"M{x:.1f},{y:.1f}h0"


def _label(x: float, y: float, anchor: str, right: int, down: int, text: str) -> str:
    x, y = _to_paper(x, y)
    return (
        f'<text class="tick" x="{x + right:.1f}" y="{y + down:.1f}" text-anchor="{anchor}">'
        f"{html.escape(text)}</text>"
    )
