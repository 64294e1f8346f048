"""Two roads from home to the town: where they lead, and how fast a car may be at each place of them.

Lengths are in metres, x to the east and y to the north of home, speeds in m/s.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

SPACING = 5.0  # between two places of a road
CURVE = 20  # places between two of its corners, before they are spaced evenly
SIDEWAYS = 2.2  # m/s²; what passengers bear in a curve
BRAKES = 1.6  # m/s²
CRAWL = 1.5  # the speed with which a car comes to the end, where it stops


class Place(NamedTuple):
    x: float
    y: float
    heading: float  # radians, 0 to the east, against the clock
    allowed: float


class Corner(NamedTuple):
    x: float
    y: float
    limit_kmh: float  # from here on


@dataclass(frozen=True)
class Road:
    """A road, as places at equal distances.

    Attributes:
        name: What it is called.
        places: From home to the town.
        fork: How far from home it parts from the other one.
    """

    name: str
    places: tuple[Place, ...]
    fork: float

    @property
    def length(self) -> float:
        return (len(self.places) - 1) * SPACING

    def at(self, distance: float) -> Place:
        """Tell what is at *distance* from home, between the two places that are next to it."""
        number = min(int(distance / SPACING), len(self.places) - 2)
        part = distance / SPACING - number
        here, there = self.places[number], self.places[number + 1]
        x = here.x + part * (there.x - here.x)
        y = here.y + part * (there.y - here.y)
        return Place(x, y, here.heading, here.allowed + part * (there.allowed - here.allowed))


def build(name: str, corners: list[Corner], shared: int) -> Road:
    """Lay a smooth road through *corners*; of those the first *shared* ones are another road's, too."""
    dense: list[tuple[float, float]] = []
    limits: list[float] = []
    fork = 0
    around = [corners[0], *corners, corners[-1]]
    for number, corner in enumerate(corners[:-1]):
        if number == shared - 2:
            fork = len(dense)
        for step in range(CURVE):
            dense.append(_between(around[number : number + 4], step / CURVE))
            limits.append(corner.limit_kmh / 3.6)
    dense.append((corners[-1].x, corners[-1].y))
    limits.append(limits[-1])

    points, allowed, gone, until_fork = [dense[0]], [limits[0]], 0.0, 0.0
    for number, (one, other) in enumerate(pairwise(dense)):
        if number == fork:
            until_fork = gone
        length = math.dist(one, other)
        while (part := (len(points) * SPACING - gone) / length) <= 1:
            points.append((one[0] + part * (other[0] - one[0]), one[1] + part * (other[1] - one[1])))
            allowed.append(limits[number])
        gone += length
    headings = [math.atan2(there[1] - here[1], there[0] - here[0]) for here, there in pairwise(points)]
    headings.append(headings[-1])
    for number, (before, after) in enumerate(pairwise(headings)):
        turn = abs(math.remainder(after - before, math.tau)) / SPACING
        allowed[number + 1] = min(allowed[number + 1], math.sqrt(SIDEWAYS / max(turn, 1e-6)))
    allowed[-1] = CRAWL
    for number in range(len(allowed) - 2, -1, -1):  # one has to brake before what is slow
        allowed[number] = min(allowed[number], math.sqrt(allowed[number + 1] ** 2 + 2 * BRAKES * SPACING))
    places = tuple(
        Place(x, y, heading, speed) for (x, y), heading, speed in zip(points, headings, allowed, strict=True)
    )
    return Road(name, places, until_fork)


def _between(corners: list[Corner], part: float) -> tuple[float, float]:
    """Find the place at *part* of the way between the two corners in the middle: Catmull and Rom's curve."""
    weights = (
        ((2 - part) * part - 1) * part,
        (3 * part - 5) * part * part + 2,
        ((4 - 3 * part) * part + 1) * part,
        (part - 1) * part * part,
    )
    x = sum(weight * corner.x for weight, corner in zip(weights, corners, strict=True)) / 2
    y = sum(weight * corner.y for weight, corner in zip(weights, corners, strict=True)) / 2
    return x, y


SHARED = [
    Corner(0, 0, 30),
    Corner(330, 60, 50),
    Corner(640, 420, 60),
    Corner(1120, 470, 70),
    Corner(1430, 150, 70),
    Corner(1800, 60, 70),
    Corner(2060, 330, 60),
]
ROADS = {
    "main": build(
        "main",
        [
            *SHARED,
            Corner(2290, 720, 80),
            Corner(2750, 850, 80),
            Corner(3240, 760, 80),
            Corner(3700, 690, 50),
            Corner(3990, 480, 50),
            Corner(4170, 460, 30),
            Corner(4400, 460, 30),
        ],
        len(SHARED),
    ),
    "harbour": build(
        "harbour",
        [
            *SHARED,
            Corner(2370, 410, 40),
            Corner(2520, 150, 40),
            Corner(2900, -30, 40),
            Corner(3220, 130, 30),
            Corner(3480, 20, 30),
            Corner(3760, 60, 40),
            Corner(3900, 330, 40),
            Corner(4170, 460, 30),
            Corner(4400, 460, 30),
        ],
        len(SHARED),
    ),
}
