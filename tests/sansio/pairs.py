"""Two connections' messages, back to back."""

from __future__ import annotations

from typing import Any

from junto.codecs import JSON, Codec
from junto.errors import RemoteProtocolError
from junto.sansio.kinds import BROKEN, RESULT, Event
from junto.sansio.messages import MessageProtocol


def sent(protocol: MessageProtocol) -> bytes:
    return b"".join(protocol.data_to_send())


def carry(sender: MessageProtocol, receiver: MessageProtocol) -> list[Event]:
    return receiver.receive_data(sent(sender))


def agreed(codec: type[Codec] = JSON, **options: Any) -> tuple[MessageProtocol, MessageProtocol]:
    """Make two peers that know each other."""
    pair = MessageProtocol(codec(), **options), MessageProtocol(codec(), **options)
    pair[0].send_request("hello")
    carry(*pair)
    pair[1].send(RESULT, 0, "hello")
    carry(pair[1], pair[0])
    assert pair[0].extended
    assert pair[1].extended
    return pair


def only_error(events: list[Event]) -> RemoteProtocolError:
    ((kind, _, error),) = events
    assert kind == BROKEN
    assert isinstance(error, RemoteProtocolError)
    return error


def talk(order: str, one: MessageProtocol, other: MessageProtocol) -> list[Event]:
    """Let two peers exchange their first messages; returns all that both received."""
    if order == "server first":
        one, other = other, one
    one.send_request("a")
    if order == "both at once":
        other.send_request("b")
        crossing = sent(one), sent(other)
        return other.receive_data(crossing[0]) + one.receive_data(crossing[1])
    if order == "client twice, then server":
        one.send_request("b")
    events = carry(one, other)
    other.send(RESULT, 0, "c")
    other.send(RESULT, 1, "d")
    return events + carry(other, one)
