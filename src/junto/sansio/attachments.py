"""Large bytes travel beside their message, not inside it: written as they are, copied once.

Between peers that agreed on it, a message that holds large ``bytes`` is sent with ``null`` in
their places, and the bytes follow as packets of their own. A place is the list of indexes and keys
that leads to it from the message's content; the content itself is the empty list.
"""

from __future__ import annotations

import reprlib
from typing import Any

from junto.errors import RemoteProtocolError
from junto.sansio.kinds import BESIDE

__all__ = ["ATTACH_FROM", "Attachments", "detach"]

ATTACH_FROM = 16 * 1024
"""From how many bytes on a value travels beside its message."""

_DEPTH = 3  # a value, or in the arguments of a call: deeper ones are rare, and a search has a price

Place = list[Any]


def detach(content: Any, found: list[tuple[Place, bytes]], place: tuple[Any, ...] = ()) -> Any:
    """Take large bytes out of *content*, which stays as it is.

    Args:
        content: What is to be sent.
        found: Gets each place and its bytes, in order.
        place: Where *content* stands.

    Returns:
        *content*, or a copy with ``None`` in the places.
    """
    kind = type(content)
    if kind is bytes:
        if len(content) < ATTACH_FROM:
            return content
        found.append(([*place], content))
        return None
    if len(place) == _DEPTH:
        return content
    if kind is list or kind is tuple:
        return [detach(item, found, (*place, at)) for at, item in enumerate(content)]
    if kind is dict:
        # A key that is no text could not be told from an index.
        return {k: detach(v, found, (*place, k)) if type(k) is str else v for k, v in content.items()}
    return content


class Attachments:
    """The large bytes of one message, as they come in.

    Attributes:
        triple: The message, with ``None`` in their places.
    """

    __slots__ = ("_data", "_places", "_room", "triple")

    def __init__(self, places: Any, triple: Any, limit: int) -> None:
        """Expect a packet for each of *places*, of *limit* bytes together at most.

        Raises:
            RemoteProtocolError: *places* are no list of places, or *triple* is no message.
        """
        known = type(places) is list and places and all(type(place) is list for place in places)
        if not known or type(triple) is not list or len(triple) != 3 or triple[0] == BESIDE:
            raise RemoteProtocolError("the peer announced attachments in no known form")
        self._places = places
        self._data: list[bytes] = []
        self._room = limit
        self.triple = triple

    def add(self, data: bytes) -> bool:
        """Take the next packet; tells whether it was the last.

        Raises:
            RemoteProtocolError: They are too large together.
        """
        self._room -= len(data)
        if self._room < 0:
            raise RemoteProtocolError("the attachments of one message are above the limit together")
        self._data.append(data)
        return len(self._data) == len(self._places)

    def put_into(self, content: Any) -> Any:
        """Put all of them in their places in *content*, which is changed; give it back.

        Raises:
            RemoteProtocolError: There is no such place, or something is there.
        """
        for place, data in zip(self._places, self._data, strict=True):
            content = _put(content, place, data)
        return content


def _put(content: Any, place: list[Any], data: bytes) -> Any:
    holder: Any = None
    target = content
    for step in place:
        # Custom values are left alone: only what was read as an array or a map has places.
        if type(target) is list:
            there = type(step) is int and 0 <= step < len(target)
        else:
            there = type(target) is dict and type(step) is str and step in target
        if not there:
            raise RemoteProtocolError(f"a message has no place {reprlib.repr(place)} for its attachment")
        holder = target
        target = holder[step]
    if target is not None:
        raise RemoteProtocolError(f"the place {reprlib.repr(place)} of an attachment is taken")
    if not place:
        return data
    holder[place[-1]] = data
    return content
