"""Events of a trace, each with the calls of the program that made it: for a run that is to be compared."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from types import CodeType

from junto.sim.trace import Event

__all__ = ["StackedEvents"]

_DEPTH = 12
_SIM = str(Path(__file__).parent)
# They lead from the simulation to the program, and from it to the network.
_BETWEEN = (_SIM, str(Path(asyncio.__file__).parent), threading.__file__)
_RUN = str(Path(__file__).with_name("world.py"))

_frame = vars(sys)["_getframe"]


class StackedEvents(list[Event]):
    """Events, to be put in the place of `Trace.events` before a run begins."""

    def __init__(self, events: Iterable[Event] = ()) -> None:
        super().__init__(events)
        self._stacks: list[tuple[tuple[CodeType, int], ...]] = [()] * len(self)

    def append(self, event: Event) -> None:
        """Add an event, and keep who calls."""
        super().append(event)
        found: list[tuple[CodeType, int]] = []
        frame = _frame(1)
        while frame is not None and len(found) < _DEPTH:
            code = frame.f_code
            if code.co_filename == _RUN and code.co_name == "run":
                break  # what called the world is no part of it
            if not code.co_filename.startswith(_BETWEEN):
                found.append((code, frame.f_lineno))
            frame = frame.f_back
        self._stacks.append(tuple(found))

    def stack(self, number: int) -> list[str]:
        """Tell in lines which calls have made an event, the innermost last.

        None have if it is the network's or the world's own, or if there is no such event.
        """
        calls = self._stacks[number] if number < len(self._stacks) else ()
        return [f"{code.co_filename}:{line} in {code.co_qualname}" for code, line in reversed(calls)]
