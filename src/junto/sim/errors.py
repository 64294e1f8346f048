"""What a simulated run can fail with, besides what its programs raise themselves."""

from __future__ import annotations

import re
from collections.abc import Sequence

from junto.errors import JuntoError

__all__ = [
    "HostDied",
    "NotDeterministic",
    "OracleFailed",
    "SimDeadlock",
    "SimError",
    "SimEscape",
    "SimStuck",
    "SimTimeout",
    "UnclaimedError",
    "signature",
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


class NotDeterministic(SimError):
    """A seed gave two different runs; the text says where they differ first."""


def signature(error: BaseException) -> str:
    """Say what makes two failures the same one.

    Of an error that was raised on a host it is that error's, wherever it was; numbers, addresses and what is
    quoted do not count.
    """
    if isinstance(error, UnclaimedError) and error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, OracleFailed):
        return f"{type(error).__name__}: {error.name}"
    lines = str(error).splitlines()
    text = re.sub(r"0x[0-9a-fA-F]+|\d+(\.\d+)?", "#", lines[0] if lines else "")
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
