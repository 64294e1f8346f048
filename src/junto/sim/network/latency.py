"""How long a packet is under way: distributions, each a function of one draw.

A distribution maps a draw from [0, 1) to seconds, growing with it, so that the neutral draw of 0.5 gives its
median, and one packet costs one draw whatever the distribution is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import exp
from statistics import NormalDist

__all__ = ["Latency", "Uniform", "distribution", "fixed", "lognormal", "pareto", "uniform"]

Latency = float | tuple[float, float] | Callable[[float], float]


@dataclass(frozen=True, slots=True)
class Uniform:
    """All durations between two are equally likely.

    Attributes:
        low: The least, in seconds.
        high: The greatest.
    """

    low: float
    high: float

    def __call__(self, draw: float) -> float:
        return self.low + (self.high - self.low) * draw


def fixed(seconds: float) -> Uniform:
    """Take always the same time."""
    return uniform(seconds, seconds)


def uniform(low: float, high: float) -> Uniform:
    """Take any time between two, in seconds.

    Raises:
        ValueError: One is negative, or they are in the wrong order.
    """
    if not 0 <= low <= high:
        raise ValueError(f"a latency must be at least 0 and its ends in order, not {low:g} to {high:g} s")
    return Uniform(low, high)


def lognormal(median: float, sigma: float = 0.5) -> Callable[[float], float]:
    """Take around `median` seconds, often somewhat less, now and then much more."""
    quantile = NormalDist(0, sigma).inv_cdf
    return lambda draw: median * exp(quantile(min(max(draw, 1e-12), 1 - 1e-12)))


def pareto(least: float, alpha: float = 2.0) -> Callable[[float], float]:
    """Take at least `least` seconds, seldom very much more; the smaller `alpha`, the heavier the tail."""
    return lambda draw: float(least / (1 - draw) ** (1 / alpha))


def distribution(latency: Latency) -> Callable[[float], float]:
    """Make a distribution of what a user may write: seconds, a pair of them, or a function of a draw."""
    if isinstance(latency, tuple):
        return uniform(*latency)
    if callable(latency):
        return latency
    return fixed(latency)
