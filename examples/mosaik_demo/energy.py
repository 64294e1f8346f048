"""How a roof, a household and a battery behave: plain functions, which know nothing of any network.

Powers are in kW, energies in kWh, times in seconds of one day.
"""

from __future__ import annotations

import math

DAY = 24 * 3600


def roof_kw(peak_kw: float, time: int) -> float:
    """Tell what a roof gives on a spring day with two clouds."""
    hour = time / 3600
    sun = math.sin(math.pi * (hour - 6) / 12) if 6 < hour < 18 else 0.0
    clouds = 0.6 * _bell(hour, 12.9, 0.3) + 0.45 * _bell(hour, 15.1, 0.5)
    return peak_kw * sun * (1 - clouds)


def household_kw(time: int) -> float:
    """Tell what a household takes: a refrigerator that comes and goes, and three meals."""
    hour = time / 3600
    refrigerator = 0.12 if hour % 0.75 < 0.25 else 0.0
    meals = 1.6 * _bell(hour, 7.2, 0.6) + 0.9 * _bell(hour, 12.4, 0.5) + 2.7 * _bell(hour, 19.2, 1.3)
    return 0.26 + refrigerator + meals


def _bell(hour: float, middle: float, width: float) -> float:
    return math.exp(-(((hour - middle) / width) ** 2))


class Storage:
    """A battery that takes what is left over and gives what is missing, as far as it can.

    Attributes:
        charge_kwh: What is in it.
        power_kw: What it took in the last step; negative if it gave.
        grid_kw: What was left over then even so, for the grid; negative if it was missing.
    """

    EFFICIENCY = 0.95  # what is lost is lost on the way in

    def __init__(self, capacity_kwh: float, max_kw: float, charge_kwh: float) -> None:
        self.capacity_kwh = capacity_kwh
        self.max_kw = max_kw
        self.charge_kwh = charge_kwh
        self.power_kw = 0.0
        self.grid_kw = 0.0

    def advance(self, surplus_kw: float, seconds: float) -> None:
        hours = seconds / 3600
        if surplus_kw >= 0:
            room = (self.capacity_kwh - self.charge_kwh) / (self.EFFICIENCY * hours)
            self.power_kw = min(surplus_kw, self.max_kw, room)
            self.charge_kwh += self.power_kw * self.EFFICIENCY * hours
        else:
            self.power_kw = -min(-surplus_kw, self.max_kw, self.charge_kwh / hours)
            self.charge_kwh += self.power_kw * hours
        self.grid_kw = surplus_kw - self.power_kw
