"""Values that may have a time after which they are no more."""

from __future__ import annotations

import asyncio

__all__ = ["ExpiringValues"]


class ExpiringValues:
    """Keeps values by key, some of them only until the clock of the running loop shows a certain time.

    Attributes:
        by_key: All of them. One that has expired stays in here until somebody asks for it.
    """

    def __init__(self) -> None:
        self.by_key: dict[bytes, bytes] = {}
        self._deadlines: dict[bytes, float] = {}

    def find(self, key: bytes) -> bytes | None:
        """Look up a value that has not expired."""
        deadline = self._deadlines.get(key)
        if deadline is not None and asyncio.get_running_loop().time() >= deadline:
            self.remove(key)
        return self.by_key.get(key)

    def remove(self, key: bytes) -> bool:
        self._deadlines.pop(key, None)
        return self.by_key.pop(key, None) is not None

    def expire(self, key: bytes, seconds: float) -> None:
        self._deadlines[key] = asyncio.get_running_loop().time() + seconds

    def persist(self, key: bytes) -> bool:
        return self._deadlines.pop(key, None) is not None

    def time_to_live(self, key: bytes) -> float | None:
        """Tell how many seconds a value has left; ``None`` for one that does not expire."""
        deadline = self._deadlines.get(key)
        return None if deadline is None else deadline - asyncio.get_running_loop().time()

    def clear(self) -> None:
        self.by_key.clear()
        self._deadlines.clear()
