"""What goes wrong on hosts and is taken by nobody, and who says that it may.

A run fails in the end with the first error that nobody waited for and nobody expected.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from junto.sim.errors import UnclaimedError
from junto.sim.kernel import SECOND

if TYPE_CHECKING:
    from junto.sim.host import Host, Program

__all__ = ["Claims", "Failure"]


class Failure:
    """An error that no program took, with its place and time.

    Attributes:
        host: Where it was raised.
        when: The world's time then, in nanoseconds.
        error: The error.
        message: What failed with it.
        program: The program that it ended, if it ended one.
    """

    def __init__(
        self, host: Host, when: int, error: BaseException, message: str, program: Program | None
    ) -> None:
        self.host = host
        self.when = when
        self.error = error
        self.message = message
        self.program = program

    def __str__(self) -> str:
        text = str(self.error)
        kind = type(self.error).__name__
        return (
            f"{self.host.name} at {self.when / SECOND:.6f} s: {self.message}: {kind}{': ' * bool(text)}{text}"
        )


class Claims:
    """The errors of a run, and what was said of them.

    Attributes:
        errors: Those that nobody has waited for, oldest first.
    """

    def __init__(self) -> None:
        self.errors: list[Failure] = []
        self._expected: list[tuple[Host | None, type[BaseException] | tuple[type[BaseException], ...]]] = []

    def add(self, failure: Failure) -> None:
        """Keep an error."""
        self.errors.append(failure)

    def take(self, program: Program) -> None:
        """Take the errors of a program as those of somebody who waited for it."""
        self.errors = [failure for failure in self.errors if failure.program is not program]

    def expect(self, host: Host | None, kind: type[BaseException] | tuple[type[BaseException], ...]) -> None:
        """Say that programs of a host, or of any, may fail so."""
        self._expected.append((host, kind))

    def left(self) -> list[Failure]:
        """List the errors that nobody claims."""
        return [
            failure
            for failure in self.errors
            if not any(
                (host is None or host is failure.host) and isinstance(failure.error, kind)
                for host, kind in self._expected
            )
        ]

    def check(self) -> None:
        """Raise the errors that nobody claims, if there are any.

        Raises:
            UnclaimedError: The first of them is its cause.
        """
        left = self.left()
        if left:
            raise UnclaimedError([str(failure) for failure in left]) from left[0].error

    def annotate(self, error: BaseException) -> None:
        """Tell in a note of an error that ends the run what went wrong besides."""
        others = [failure for failure in self.left() if failure.error is not error]
        if others:
            error.add_note("\n    ".join(["before that, on hosts:", *map(str, others[:20])]))
