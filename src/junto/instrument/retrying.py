"""When to connect again after connecting failed, and how long to pause before."""

from __future__ import annotations

import random as _random
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Backoff", "Retry"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """A policy; time is the runtime's.

    It ends with success, or when *attempts* are used, or *deadline* is over, or the call's own time.

    Attributes:
        initial: Seconds before the second attempt.
        factor: How many times longer each further pause is.
        maximum: The longest pause in seconds, before jitter.
        jitter: By which part of itself a pause is made longer or shorter at most, by chance.
        attempts: How many attempts to make; ``None`` for any number.
        deadline: Seconds since the first attempt after which no other is made; ``None`` for ever.
        min_uptime: A connection that lasted for fewer seconds counts as a failed attempt: a peer that
            accepts and drops at once is not hammered.
        random: Gives a number from 0 up to 1, by chance.
    """

    initial: float = 0.1
    factor: float = 2.0
    maximum: float = 30.0
    jitter: float = 0.1
    attempts: int | None = None
    deadline: float | None = None
    min_uptime: float = 1.0
    random: Callable[[], float] = _random.random

    def __post_init__(self) -> None:
        for name in ("initial", "maximum", "min_uptime"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must not be negative, as {getattr(self, name)!r} is")
        if not self.factor >= 1:
            raise ValueError(f"factor must be at least 1, not {self.factor!r}")
        if not 0 <= self.jitter <= 1:
            raise ValueError(f"jitter is a part from 0 to 1, not {self.jitter!r}")
        if self.attempts is not None and self.attempts < 1:
            raise ValueError(f"attempts must be at least 1, not {self.attempts!r}")
        if self.deadline is not None and not self.deadline >= 0:
            raise ValueError(f"deadline must not be negative, as {self.deadline!r} is")

    def delay(self, attempt: int) -> float:
        """Give the pause before *attempt*, the second or a later one, in seconds."""
        try:
            pause = min(self.maximum, self.initial * self.factor ** (attempt - 2))
        except OverflowError:
            pause = self.maximum
        return pause * (1 + self.jitter * (2 * self.random() - 1))


class Backoff:
    """What is remembered between attempts, over connections that did not last.

    Attributes:
        failures: How many attempts in a row have failed, or led to a connection that did not last.
        error: Why the last series was given up, or ``None``.
        until: Up to when those who waited meanwhile get that error at once.
    """

    __slots__ = ("error", "failures", "until")

    def __init__(self) -> None:
        self.failures = 0
        self.error: BaseException | None = None
        self.until = 0.0

    def connection_ended(self, retry: Retry | None, uptime: float, *, by_peer: bool) -> None:
        if retry is None or uptime >= retry.min_uptime:
            self.failures = 0
        elif by_peer:
            self.failures += 1

    def given_up(self, retry: Retry | None, error: BaseException, now: float) -> None:
        self.error = error
        self.until = now if retry is None else now + retry.delay(self.failures + 1)
        self.failures = 0
