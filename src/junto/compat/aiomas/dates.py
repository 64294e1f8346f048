"""Dates: those of the package ``arrow`` where that is installed, else those of the standard library."""

from __future__ import annotations

import importlib
from datetime import UTC, datetime
from typing import Any, TypeAlias

__all__ = ["DATE", "Date", "from_date", "is_date", "read_date", "to_date"]

try:  # by name, for it is what programs of old depend on, and not junto
    _arrow: Any = importlib.import_module("arrow")
except ImportError:
    _arrow = None

Date: TypeAlias = Any
DATE: type[Any] = datetime if _arrow is None else _arrow.Arrow
"""The class of dates that clocks give and containers send."""


def to_date(date: datetime) -> Date:
    """Make what programs expect of a date of ours."""
    return date if _arrow is None else _arrow.Arrow.fromdatetime(date)


def is_date(value: Any) -> bool:
    """Tell whether *value* is a date of either kind."""
    return isinstance(value, (datetime, DATE))


def from_date(date: Any) -> datetime:
    """Make an aware date of ours of either kind, or of a text in the form of ISO 8601.

    Raises:
        ValueError: It is none.
    """
    if isinstance(date, str):
        date = datetime.fromisoformat(date)
    elif not isinstance(date, datetime):
        date = date.datetime
    found: datetime = date
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


def read_date(text: str) -> Date:
    """Read a date that came over the wire."""
    return to_date(from_date(text))
