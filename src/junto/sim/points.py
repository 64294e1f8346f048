"""What a program says to the simulation: points that runs should come by, choices and remarks.

The functions here may stay in a program for good: outside a world they do nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar, overload

from junto.sim.here import here

__all__ = ["choose", "note", "reached", "sometimes"]

T = TypeVar("T")


def reached(name: str, condition: object = True) -> None:
    """Count that a run came by this point, or by this one with a condition that held.

    Args:
        name: The point's name.
        condition: Counts only if true; but the point is known from then on, so a
            search can tell that it was never reached.
    """
    host = here.host
    if host is not None:
        counts = host.world.reached
        counts[name] = counts.get(name, 0) + bool(condition)


def sometimes(name: str, p: float = 0.25) -> bool:
    """Tell whether to do something unlikely here, such as giving up early; the seed decides.

    Args:
        name: The point's name; it counts as reached where this is true.
        p: How likely it is.

    Returns:
        False outside a world.
    """
    host = here.host
    if host is None:
        return False
    # Neutral is what is not done: 0.5 would be "yes" for every p above it.
    yes = host.choices(f"sometimes.{name}").below(1 << 30) >= (1 - p) * (1 << 30)
    reached(name, yes)
    return yes


@overload
def choose(options: int, label: str = "choose") -> int: ...
@overload
def choose(options: Sequence[T], label: str = "choose") -> T: ...
def choose(options: int | Sequence[T], label: str = "choose") -> int | T:
    """Choose one of several things by the seed.

    Args:
        options: What to choose from; a number n stands for 0 to n - 1.
        label: A name for this decision; those of other labels do not shift it.

    Returns:
        The first one outside a world.
    """
    host = here.host
    count = options if isinstance(options, int) else len(options)
    number = 0 if host is None else host.choices(label).below(count)
    return number if isinstance(options, int) else options[number]


def note(text: str) -> None:
    """Write a remark into the trace and the notes of the run, with its host and time."""
    host = here.host
    if host is not None:
        host.world.note(text, host)
