"""Serial lines, with the extra ``serial``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

try:
    import serialx
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "serial lines need the extra: pip install 'junto[serial]'", name=error.name
    ) from error

__all__ = ["open_serial"]


def open_serial(url: str, settings: Mapping[str, Any]) -> Any:
    """Open the line at *url*, which may block for as long as its other side takes.

    Raises:
        OSError: There is no such line, or it is in use.
        ValueError: One of *settings* is not possible.
    """
    line = serialx.serial_for_url(url, **settings)
    line.open()
    return line
