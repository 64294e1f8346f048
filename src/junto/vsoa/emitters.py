"""Event emitters: listeners by event, called in their order."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any, Final

__all__ = ["NEW_LISTENER", "REMOVE_LISTENER", "EventEmitter"]

NEW_LISTENER: Final = "new_listener"
REMOVE_LISTENER: Final = "remove_listener"

Listener = Callable[..., object]


class _Entry:
    __slots__ = ("listener", "once")

    def __init__(self, listener: Listener, once: bool) -> None:
        self.listener = listener
        self.once = once


class EventEmitter:
    """Calls listeners of events, which are any hashable values.

    When a listener is about to be added, ``new_listener`` is emitted with the event and the
    listener; when one is about to be removed, ``remove_listener``.
    """

    def __init__(self) -> None:
        self._entries: dict[Hashable, list[_Entry]] = {}

    def on(self, event: Hashable, listener: Listener) -> None:
        """Call *listener* whenever *event* is emitted; once more if it is there already."""
        self._add(event, listener, once=False)

    add_listener = on

    def once(self, event: Hashable, listener: Listener) -> None:
        """Call *listener* when *event* is emitted the next time; it is removed before that."""
        self._add(event, listener, once=True)

    def _add(self, event: Hashable, listener: Listener, *, once: bool) -> None:
        if not callable(listener):
            raise TypeError(f"{listener!r} cannot be called")
        self.emit(NEW_LISTENER, (event, listener))
        self._entries.setdefault(event, []).append(_Entry(listener, once))

    def _drop(self, event: Hashable, entry: _Entry) -> bool:
        entries = self._entries.get(event, [])
        if entry not in entries:
            return False
        self.emit(REMOVE_LISTENER, (event, entry.listener))
        if entry in entries:  # a listener of that may have been faster
            entries.remove(entry)
            if not entries and self._entries.get(event) is entries:
                del self._entries[event]
        return True

    def remove_listener(self, event: Hashable, listener: Listener | None = None) -> bool:
        """Remove *listener*, as often as it is there, or all of *event*; tells whether there was one."""
        removed = False
        for entry in list(self._entries.get(event, ())):
            if listener is None or entry.listener == listener:
                removed = self._drop(event, entry) or removed
        return removed

    def remove_all_listeners(self, event: Hashable | None = None) -> None:
        """Remove all listeners of *event*; of all events if it is ``None``."""
        events = list(self._entries) if event is None else [event]
        # Those who want to know of removals go last.
        for one in sorted(events, key=lambda one: one == REMOVE_LISTENER):
            self.remove_listener(one)

    def listener_count(self, event: Hashable) -> int:
        """Count the listeners of *event*."""
        return len(self._entries.get(event, ()))

    def listeners(self, event: Hashable) -> list[Listener]:
        """Give the listeners of *event*, in their order."""
        return [entry.listener for entry in self._entries.get(event, ())]

    def emit(self, event: Hashable, args: Any = (), kwargs: Mapping[str, Any] | None = None) -> bool:
        """Call the listeners that *event* has now, one after the other.

        Args:
            event: What has happened.
            args: Arguments by place; what is neither a tuple nor a list is one argument.
            kwargs: Arguments by name.

        Returns:
            Whether there was one.

        Raises:
            Exception: What a listener raised; those behind it are not called.
        """
        entries = list(self._entries.get(event, ()))
        given = tuple(args) if isinstance(args, tuple | list) else (args,)
        for entry in entries:
            if entry.once and not self._drop(event, entry):
                continue  # called by an emission inside this one
            entry.listener(*given, **(kwargs or {}))
        return bool(entries)
