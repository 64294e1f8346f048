"""Protocols without I/O: all names for those who write them, and for those who drive them.

For example::

    from junto.protocols import Steps, protocol, put, readline

    @protocol
    def echo() -> Steps[None]:
        while True:
            yield from put((yield from readline()))

The protocol does no I/O and knows no way of waiting. Drive its connection by hand with ``send`` and ``read``,
or with `run` over a blocking socket, `drive` over asyncio's streams, or a `ProtocolEndpoint` on any
runtime of junto. All but these three is in `junto.sansio.coroutines`, which imports nothing that waits; the
errors are in `junto`.
"""

from junto.driving import drive, run
from junto.protocol_endpoint import ProtocolEndpoint
from junto.sansio.coroutines import (
    MAX_INPUT,
    Buffer,
    Connection,
    EventSteps,
    Primitive,
    ProtocolIO,
    Recorded,
    Steps,
    Suspension,
    Wants,
    Wired,
    at_eof,
    emit,
    expect,
    flush,
    get_io,
    peek,
    peek_exactly,
    protocol,
    put,
    put_lines,
    put_struct,
    read,
    read_at_least,
    read_chunks,
    read_int,
    read_into,
    read_some,
    read_struct,
    read_to_eof,
    read_until,
    read_until_any,
    read_varint,
    read_view,
    readline,
    skip,
    subprotocol,
    wait,
    wire,
    write,
)

__all__ = [
    "MAX_INPUT",
    "Buffer",
    "Connection",
    "EventSteps",
    "Primitive",
    "ProtocolEndpoint",
    "ProtocolIO",
    "Recorded",
    "Steps",
    "Suspension",
    "Wants",
    "Wired",
    "at_eof",
    "drive",
    "emit",
    "expect",
    "flush",
    "get_io",
    "peek",
    "peek_exactly",
    "protocol",
    "put",
    "put_lines",
    "put_struct",
    "read",
    "read_at_least",
    "read_chunks",
    "read_int",
    "read_into",
    "read_some",
    "read_struct",
    "read_to_eof",
    "read_until",
    "read_until_any",
    "read_varint",
    "read_view",
    "readline",
    "run",
    "skip",
    "subprotocol",
    "wait",
    "wire",
    "write",
]
