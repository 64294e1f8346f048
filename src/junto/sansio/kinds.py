"""The kinds of messages: the vocabulary of a channel's wire.

All peers know the first three; a message is an array of its kind, its number and its content.

    0 request   anything             must be answered, once, by one of the other two
    1 result    anything
    2 failure   what went wrong

Only junto peers that found out about each other use the rest:

    3 notice    anything             a request that is not answered; its id is null
    4 stream    null                 the reply to a request: items will follow
    5 item      the item             of the stream with that id
    6 credit    a number             the reader of a stream takes so many items more
    7 stop      null                 the reader wants no more; the stream ends with a result
    8 beside    a triple             its large bytes follow, a packet each; the id is their places
"""

from __future__ import annotations

from typing import Any, Final

__all__ = [
    "BAD_CONTENT",
    "BESIDE",
    "BROKEN",
    "CREDIT",
    "FAILURE",
    "ITEM",
    "NOTICE",
    "REQUEST",
    "RESULT",
    "STOP",
    "STREAM",
    "Event",
]

REQUEST: Final = 0
RESULT: Final = 1
FAILURE: Final = 2
NOTICE: Final = 3
STREAM: Final = 4
ITEM: Final = 5
CREDIT: Final = 6
STOP: Final = 7
BESIDE: Final = 8

# Events that have no message of their own.
BROKEN: Final = -1
"""``(BROKEN, None, RemoteProtocolError)``: the last event; nothing can be read any more."""
BAD_CONTENT: Final = -2
"""``(BAD_CONTENT, (kind, id), CodecError)``: a readable triple whose custom types are not."""

Event = tuple[int, Any, Any]
