"""The status of a reply: one byte, of which the upper half is the application's."""

from __future__ import annotations

from typing import Final

__all__ = [
    "ARGUMENTS",
    "INVALID_URL",
    "NO_MEMORY",
    "NO_PERMISSIONS",
    "NO_RESPONDING",
    "PASSWORD",
    "SUCCESS",
    "USER",
    "check_status",
    "describe_status",
]

SUCCESS: Final = 0
PASSWORD: Final = 1
ARGUMENTS: Final = 2
INVALID_URL: Final = 3
NO_RESPONDING: Final = 4
NO_PERMISSIONS: Final = 5
NO_MEMORY: Final = 6
USER: Final = 128
"""From here on, each application says what its statuses mean."""

_MEANINGS = {
    SUCCESS: "success",
    PASSWORD: "not authenticated",
    ARGUMENTS: "wrong arguments",
    INVALID_URL: "nothing handles this URL",
    NO_RESPONDING: "the handler failed",
    NO_PERMISSIONS: "not permitted",
    NO_MEMORY: "out of memory",
}


def check_status(status: int) -> None:
    """Refuse what does not fit a status.

    Raises:
        ValueError: It is not from 0 to 255.
    """
    if not isinstance(status, int) or not 0 <= status <= 255:
        raise ValueError(f"a status is a number from 0 to 255, not {status!r}")


def describe_status(status: int) -> str:
    """Say in words what *status* means."""
    known = _MEANINGS.get(status)
    if known is not None:
        return f"{known} (status {status})"
    return f"status {status}" if status < USER else f"the application's status {status}"
