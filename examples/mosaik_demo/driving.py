"""A car that drives to the town: a plain simulation, which knows nothing of any network."""

from __future__ import annotations

from typing import NamedTuple

from roads import ROADS, Road

STEP = 0.05  # seconds
EVERY = 32  # steps, after which the car tells how it is
MASS = 1750.0  # kg
THRUST = 1.4  # m/s²
ALMOST = 0.5  # metres from the end, where it has arrived


class State(NamedTuple):
    """How the car was at one time; rounded, so that it is the same in a text.

    Attributes:
        seconds: Since it left home.
        x: Metres to the east of home.
        y: Metres to the north.
        heading: Radians; 0 to the east, against the clock.
        left: Metres to go.
        kmh: Its speed.
        kwh: The charge of its battery.
    """

    seconds: float
    x: float
    y: float
    heading: float
    left: float
    kmh: float
    kwh: float


class Car:
    """A car with a battery, on one of two roads.

    Attributes:
        road: Where it drives.
        states: How it was at each step, from the begin of the drive.
    """

    def __init__(self, charge_kwh: float = 21.0) -> None:
        self.road: Road = ROADS["main"]
        self._distance = 0.0
        self._speed = 0.0
        self._charge = charge_kwh * 3.6e6
        self.states: list[State] = []
        self.states.append(self._state())

    @property
    def arrived(self) -> bool:
        return self._speed == 0 and self._distance > 0

    def may_turn(self) -> bool:
        """Tell whether the place where the roads part is still ahead."""
        return self._distance < self.road.fork

    def advance(self) -> None:
        """Drive for one step."""
        allowed = self.road.at(self._distance).allowed
        before, self._speed = self._speed, min(self._speed + THRUST * STEP, allowed)
        self._distance += self._speed * STEP
        if self.road.length - self._distance < ALMOST:
            self._distance, self._speed = self.road.length, 0.0
        self._charge -= self._power(before) * STEP
        self.states.append(self._state())

    def _power(self, before: float) -> float:
        """Compute what the battery gives, in watts: for the wheels, and for all that shines and warms."""
        speed = self._speed
        force = MASS * 9.81 * 0.011 + 0.4 * speed**2 + MASS * (speed - before) / STEP
        wheels = force * speed
        return 450 + (wheels / 0.88 if wheels > 0 else wheels * 0.65)

    def _state(self) -> State:
        place = self.road.at(self._distance)
        return State(
            round(len(self.states) * STEP, 2),
            round(place.x, 1),
            round(place.y, 1),
            round(place.heading, 3),
            round(self.road.length - self._distance, 1),
            round(self._speed * 3.6, 1),
            round(self._charge / 3.6e6, 4),
        )
