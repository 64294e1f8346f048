r"""Protocols as generator functions, which ask for bytes and offer bytes, and do no I/O.

For example::

    @protocol
    def echo() -> Steps[None]:
        while True:
            yield from put((yield from readline()))

    connection = echo()
    connection.send(b"hello\nwor")
    assert connection.read() == b"hello\n"

Primitives (`read`, `readline`, `put`, ...) are used with ``yield from``, in the protocol function and in any
functions that it calls so. A `Connection` runs one call of the protocol; whoever has the socket, the
*driver*, gives it what was received and takes what is to be sent.

There are four layers: `buffer` and `output` keep bytes; `protocol_io` is what the protocol sees of its
connection, with what it waits for; `primitive` and the modules of primitives work on that; and
`connection` is what the driver sees.
"""

from junto.sansio.coroutines.bodies import read_chunks, read_into, read_view
from junto.sansio.coroutines.buffer import Buffer
from junto.sansio.coroutines.connection import Connection, Wants
from junto.sansio.coroutines.decorator import protocol
from junto.sansio.coroutines.primitive import Primitive
from junto.sansio.coroutines.primitives import (
    at_eof,
    emit,
    flush,
    get_io,
    peek,
    put,
    put_lines,
    put_struct,
    read,
    wait,
    write,
)
from junto.sansio.coroutines.protocol_io import EventSteps, ProtocolIO, Steps, Suspension
from junto.sansio.coroutines.reading import (
    expect,
    peek_exactly,
    read_at_least,
    read_int,
    read_some,
    read_struct,
    read_to_eof,
    read_until,
    read_until_any,
    read_varint,
    readline,
    skip,
)
from junto.sansio.coroutines.run import MAX_INPUT
from junto.sansio.coroutines.transcript import Recorded
from junto.sansio.coroutines.wiring import Wired, subprotocol, wire

__all__ = [
    "MAX_INPUT",
    "Buffer",
    "Connection",
    "EventSteps",
    "Primitive",
    "ProtocolIO",
    "Recorded",
    "Steps",
    "Suspension",
    "Wants",
    "Wired",
    "at_eof",
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
    "skip",
    "subprotocol",
    "wait",
    "wire",
    "write",
]
