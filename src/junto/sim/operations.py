"""What a scenario does and could leave out: operations and hosts that shrinking may drop."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from junto.sim.here import here

__all__ = ["LABEL", "ops"]

T = TypeVar("T")

LABEL = "ops"
"""The label of these decisions: an operation whose decision is neutral is not done."""


def ops(items: Iterable[T], label: str = "op") -> Iterator[T]:
    """Go through operations, or hosts, of which a failing run may not need all.

    Shrinking leaves out what it does not need, here each by its place.

    Args:
        items: What there is to do.
        label: A name for them; others of the same name on the same host are left
            out together.

    Yields:
        All of them in an ordinary run, and outside a world; in a shrunk run only the needed ones.
    """
    host = here.host
    for number, item in enumerate(items):
        if host is not None:
            entity = f"{host.name} {label} {number}"
            choices = host.world.choices
            choices.stream(LABEL, entity)  # so that it is known that there is one
            if (LABEL, entity) in choices.neutral:
                continue
        yield item
