"""What waits for one who is too slow: a bounded queue, and what happens when it is full."""

from __future__ import annotations

from collections import deque
from typing import Generic, Literal, TypeAlias, TypeVar, get_args

__all__ = ["Backlog", "Policy", "check_policy"]

T = TypeVar("T")

Policy: TypeAlias = Literal["drop-oldest", "drop-newest", "latest", "disconnect"]
"""What is done with messages for one who does not take them as fast as they come.

- ``drop-oldest``: keep the newest, up to the limit.
- ``drop-newest``: keep the oldest, up to the limit.
- ``latest``: keep the newest one of each URL.
- ``disconnect``: keep all up to the limit; then end the connection or the subscription.
"""


def check_policy(policy: str) -> None:
    """Refuse what is no policy.

    Raises:
        ValueError: It is none.
    """
    if policy not in get_args(Policy):
        raise ValueError(f"a policy is one of {', '.join(get_args(Policy))}, not {policy!r}")


class Backlog(Generic[T]):
    """Items that wait, oldest first.

    Attributes:
        dropped: How many items were dropped so far.
    """

    __slots__ = ("_items", "_keyed", "_limit", "_policy", "_size", "dropped")

    def __init__(self, policy: Policy, limit: int) -> None:
        """Hold items of *limit* in all: how much each counts is told when it is put in."""
        check_policy(policy)
        if limit < 1:
            raise ValueError(f"a backlog holds at least 1, not {limit!r}")
        self._policy: Policy = policy
        self._limit = limit
        self._items: deque[tuple[T, int]] = deque()
        # For ``latest``; a dict keeps the order in which its keys first came.
        self._keyed: dict[object, tuple[T, int]] = {}
        self._size = 0
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._items) or len(self._keyed)

    def put(self, key: object, item: T, size: int = 1) -> bool:
        """Add an item, which counts *size*.

        Args:
            key: Its URL.
            item: What is to wait.
            size: What it counts.

        Returns:
            Whether all is well; ``False`` says that by the policy this is the end.
        """
        if self._policy == "latest":
            self._put_latest(key, item, size)
            return True
        if self._size + size > self._limit and self._items:
            if self._policy == "disconnect":
                return False
            if self._policy == "drop-newest":
                self.dropped += 1
                return True
            while self._items and self._size + size > self._limit:
                self._size -= self._items.popleft()[1]
                self.dropped += 1
        self._items.append((item, size))
        self._size += size
        return True

    def _put_latest(self, key: object, item: T, size: int) -> None:
        keyed = self._keyed
        before = keyed.get(key)
        if before is not None:
            self._size -= before[1]
            self.dropped += 1
        keyed[key] = (item, size)
        self._size += size
        while self._size > self._limit and len(keyed) > 1:
            self._size -= keyed.pop(next(iter(keyed)))[1]
            self.dropped += 1

    def pop(self) -> T:
        """Take the oldest item out; there must be one."""
        if self._keyed:
            item, size = self._keyed.pop(next(iter(self._keyed)))
        else:
            item, size = self._items.popleft()
        self._size -= size
        return item

    def clear(self) -> None:
        """Forget all that waits."""
        self._items.clear()
        self._keyed.clear()
        self._size = 0
