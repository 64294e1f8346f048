"""What a simulated run can fail with, besides what its programs raise themselves."""

from __future__ import annotations

from collections.abc import Sequence

from junto.errors import JuntoError

__all__ = [
    "HostDied",
    "OracleFailed",
    "SimDeadlock",
    "SimError",
    "SimEscape",
    "SimStuck",
    "SimTimeout",
    "UnclaimedError",
]


class SimError(JuntoError):
    """The root of the errors of simulated runs."""


class SimEscape(SimError):
    """Something was asked for that cannot be simulated; nothing was done.

    Attributes:
        name: What was called.
        instead: What to do instead.
    """

    def __init__(self, name: str, instead: str) -> None:
        super().__init__(f"{name} cannot be simulated: {instead}")
        self.name = name
        self.instead = instead


class SimDeadlock(SimError):
    """Nothing can happen any more, and the controlling program has not ended.

    Attributes:
        waiting: A line for each task and thread, with what it waits for.
    """

    def __init__(self, waiting: Sequence[str]) -> None:
        super().__init__("\n    ".join(["nothing can happen any more; still waiting are:", *waiting]))
        self.waiting = tuple(waiting)


class SimTimeout(SimError):
    """The virtual time given to the run is over.

    Attributes:
        timeout: The time given, in seconds.
    """

    def __init__(self, timeout: float, waiting: Sequence[str] = ()) -> None:
        super().__init__("\n    ".join([f"the run did not end within {timeout:g} virtual seconds", *waiting]))
        self.timeout = timeout


class SimStuck(SimError):
    """A program did not give control back within the real time allowed."""


class OracleFailed(SimError, AssertionError):
    """A property that was to hold did not.

    Attributes:
        name: The property's name.
    """

    def __init__(self, name: str, why: str = "") -> None:
        super().__init__(f"{name}: {why}" if why else name)
        self.name = name


class UnclaimedError(SimError):
    """A program on a host failed and nobody had said that it may; the first such failure is the cause.

    Attributes:
        errors: A line for each, with its host and time.
    """

    def __init__(self, errors: Sequence[str]) -> None:
        super().__init__("\n    ".join(["programs failed:", *errors]))
        self.errors = tuple(errors)


class HostDied(SimError):
    """The program waited for can give no result, for its host was killed."""
