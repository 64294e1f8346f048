"""What a host's loop watches by descriptor: it stands where a real loop has its selector.

Like a real one it is level-triggered: who is told of something and leaves it is told again in the next turn.
"""

from __future__ import annotations

import selectors
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from junto.sim.errors import SimEscape
from junto.sim.handles import Handle
from junto.sim.network.endpoints import Endpoint
from junto.sim.sockets.waiting import unwatch, watch

if TYPE_CHECKING:
    from junto.sim.host import Host

__all__ = ["Readiness"]


class Readiness(selectors.BaseSelector):
    """The descriptors that asyncio's loop watches on a host.

    The data of a descriptor is asyncio's pair of handles, for reading and for writing.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self._watches: dict[int, _Watch] = {}

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        number = _number(fileobj)
        end = self._host.world.net.endpoint(number)
        if end is None or end.host is not self._host:
            raise SimEscape(
                f"watching descriptor {number}",
                "it is none of this host's simulated sockets; use one of these",
            )
        if number in self._watches:
            raise KeyError(f"{fileobj!r} is already registered")
        key = selectors.SelectorKey(fileobj, number, events, data)
        watch = self._watches[number] = _Watch(self._host, end, key)
        watch.look()
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        watch = self._watches.pop(_number(fileobj))
        watch.end_watching()
        return watch.key

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        watch = self._watches[_number(fileobj)]
        watch.key = watch.key._replace(events=events, data=data)
        watch.look()
        return watch.key

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return []

    def get_key(self, fileobj: Any) -> selectors.SelectorKey:
        return self._watches[_number(fileobj)].key

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return _Keys(self._watches)


class _Keys(Mapping[Any, selectors.SelectorKey]):
    """The keys of what is watched, found by descriptor or by what has one."""

    def __init__(self, watches: dict[int, _Watch]) -> None:
        self._watches = watches

    def __getitem__(self, fileobj: Any) -> selectors.SelectorKey:
        return self._watches[_number(fileobj)].key

    def __iter__(self) -> Iterator[Any]:
        return iter(self._watches)

    def __len__(self) -> int:
        return len(self._watches)


class _Watch:
    """One descriptor and who waits for it."""

    def __init__(self, host: Host, end: Endpoint, key: selectors.SelectorKey) -> None:
        self.key = key
        self._host = host
        self._end = end
        self._woken = False
        self._over = False
        self._handle = Handle(self._ready, (), host.loop)
        watch(end, self.look)

    def end_watching(self) -> None:
        self._over = True
        unwatch(self._end, self.look)

    def look(self) -> None:
        """Have the loop come here in its next turn, if there is a reason."""
        if not self._woken and not self._over and self._mask():
            self._woken = True
            self._host.wake(self._handle)

    def _mask(self) -> int:
        end, events = self._end, self.key.events
        if end.closed:
            return 0
        mask = 0
        if events & selectors.EVENT_READ and (end.readable() or end.hung_up()):
            mask |= selectors.EVENT_READ
        if events & selectors.EVENT_WRITE and (end.writable() or end.hung_up()):
            mask |= selectors.EVENT_WRITE
        return mask

    def _ready(self) -> None:
        self._woken = False
        mask = 0 if self._over else self._mask()
        reader, writer = self.key.data
        for bit, handle in ((selectors.EVENT_READ, reader), (selectors.EVENT_WRITE, writer)):
            if mask & bit and handle is not None and not handle._cancelled:
                handle._run()
        self.look()


def _number(fileobj: Any) -> int:
    number = fileobj if isinstance(fileobj, int) else int(fileobj.fileno())
    if number < 0:
        raise ValueError(f"Invalid file descriptor: {number}")
    return number
