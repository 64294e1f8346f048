"""Large bytes travel beside their message, not inside it: written as they are, copied once.

Between peers that agreed on it, a message that holds large ``bytes`` is sent with ``null`` in
their places, and the bytes follow as packets of their own. A place is the list of indexes and keys
that leads to it from the message's content; the content itself is the empty list.
"""

from __future__ import annotations

from typing import Any

from junto.errors import RemoteProtocolError

__all__ = ["ATTACH_FROM", "attach", "detach"]

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


def attach(content: Any, place: Any, data: bytes) -> Any:
    """Put *data* in its place in *content*, which is changed.

    Returns:
        *content*, or *data* if that is its place.

    Raises:
        RemoteProtocolError: There is no such place, or something is there.
    """
    if place == []:
        return data
    try:
        *way, last = place
        target = content
        for step in way:
            target = target[step]
        if target[last] is not None:
            raise RemoteProtocolError(f"the place {place!r} of an attachment is taken")
        target[last] = data
    except (LookupError, TypeError, ValueError) as error:
        raise RemoteProtocolError(f"a message has no place {place!r} for its attachment") from error
    return content
