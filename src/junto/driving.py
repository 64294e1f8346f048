"""Driving a protocol without I/O over something that does I/O, to its result.

`run` blocks on a socket, `drive` awaits streams as asyncio has them; a transport of junto's runtimes calls a
`junto.protocol_endpoint.ProtocolEndpoint`. All three take what the protocol writes in bounded pieces, so that
one that never stops to write does not fill the memory.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, Final, Protocol, TypeVar

from junto.errors import ConnectionLost, RequestTimeout

__all__ = [
    "CHUNK",
    "Drivable",
    "Reader",
    "Socket",
    "Writer",
    "drive",
    "hand_over",
    "lose",
    "run",
    "take_output",
]

CHUNK: Final = 64 * 1024
"""How many bytes go at once."""

T = TypeVar("T")
E = TypeVar("E")
T_co = TypeVar("T_co", covariant=True)
E_co = TypeVar("E_co", covariant=True)


class Drivable(Protocol[T_co, E_co]):
    """What is driven: a `junto.sansio.coroutines.connection.Connection`, or what stands before one."""

    def send(self, data: bytes | bytearray | memoryview, /) -> None: ...
    def send_eof(self) -> None: ...
    def read(self, nbytes: int | None = None, /) -> bytes: ...
    def get_result(self) -> T_co: ...
    def events(self) -> Iterator[E_co]: ...
    def throw(self, error: BaseException, /) -> None: ...
    @property
    def finished(self) -> bool: ...
    @property
    def failed(self) -> bool: ...


class Socket(Protocol):
    """What `run` needs of a socket; the last two only with a timeout."""

    def recv(self, bufsize: int, /) -> bytes: ...
    def send(self, data: Any, /) -> int: ...
    def gettimeout(self) -> float | None: ...
    def settimeout(self, value: float | None, /) -> None: ...


class Reader(Protocol):
    """What `drive` receives from."""

    async def read(self, n: int = ..., /) -> bytes: ...


class Writer(Protocol):
    """What `drive` sends to."""

    def write(self, data: bytes, /) -> None: ...
    async def drain(self) -> None: ...


def hand_over(connection: Drivable[Any, Any], data: bytes | bytearray | memoryview) -> None:
    """Give *connection* what was received; no bytes are the end of the input.

    An error of the protocol is not raised here: its last words are to be sent first, and then
    ``get_result`` raises it.
    """
    try:
        if len(data):
            connection.send(data)
        else:
            connection.send_eof()
    except Exception:
        if not connection.failed:
            raise


def take_output(connection: Drivable[Any, Any]) -> bytes:
    """Take a piece of the output; an error of the protocol is not raised, as in `hand_over`."""
    try:
        return connection.read(CHUNK)
    except Exception:
        if not connection.failed:
            raise
        return connection.read(CHUNK)


def lose(connection: Drivable[T, Any], error: Exception | None) -> T:
    """Tell the protocol, where it waits, that the connection is lost, and return its result.

    Raises:
        ConnectionLost: The protocol has no answer to that.
        Exception: What the protocol raised instead.
    """
    lost = ConnectionLost("the connection was closed" if error is None else f"the connection broke: {error}")
    lost.__cause__ = error
    if not connection.finished:
        try:
            connection.throw(lost)
        except Exception:
            if not connection.failed:
                raise
    if not connection.finished:
        raise lost
    return connection.get_result()


def _deliver(connection: Drivable[Any, E], on_event: Callable[[E], object] | None) -> None:
    if on_event is not None:
        for event in connection.events():
            on_event(event)


def run(
    connection: Drivable[T, E],
    sock: Socket,
    timeout: float | None = None,
    *,
    on_event: Callable[[E], object] | None = None,
) -> T:
    """Drive *connection* over a blocking socket, or what is like one, to its result.

    The socket is not closed. Where the protocol ended before the received bytes did, the rest is the
    connection's ``unused_data``.

    Args:
        connection: What is driven.
        sock: Connected; its own timeout is used if *timeout* is not given, and restored else.
        timeout: For all of it, in seconds.
        on_event: Called with each event of the protocol; without it, events stay in the connection.

    Raises:
        RequestTimeout: The time was over; the protocol is where it was.
        ConnectionLost: The socket failed, and the protocol has no answer to that.
        Exception: What the protocol raised; its output was sent before.
    """
    if timeout is None:
        return _run(connection, sock, None, on_event)
    own = sock.gettimeout()
    try:
        return _run(connection, sock, time.monotonic() + timeout, on_event)
    finally:
        sock.settimeout(own)


def _run(
    connection: Drivable[T, E], sock: Socket, end: float | None, on_event: Callable[[E], object] | None
) -> T:
    while True:
        try:
            while data := take_output(connection):
                rest = memoryview(data)
                while rest:
                    _limit(sock, end)
                    rest = rest[sock.send(rest) :]
            _deliver(connection, on_event)
            if connection.finished:
                break
            _limit(sock, end)
            received = sock.recv(CHUNK)
        except RequestTimeout:
            raise
        except TimeoutError as error:
            raise RequestTimeout("the protocol was not done in time") from error
        except OSError as error:
            return lose(connection, error)
        hand_over(connection, received)
    return connection.get_result()


def _limit(sock: Socket, end: float | None) -> None:
    """Let the next step of *sock* take no longer than there is time."""
    if end is not None:
        left = end - time.monotonic()
        if left <= 0:
            raise RequestTimeout("the protocol was not done in time")
        sock.settimeout(left)


async def drive(
    connection: Drivable[T, E],
    reader: Reader,
    writer: Writer,
    *,
    on_event: Callable[[E], object] | None = None,
) -> T:
    """Drive *connection* over a pair of streams as asyncio has them, to its result.

    The streams are not closed. What is said of `run` holds here too; for a time limit, use that of the
    event loop: giving up leaves the protocol where it was.

    Raises:
        ConnectionLost: A stream failed, and the protocol has no answer to that.
        Exception: What the protocol raised; its output was sent before.
    """
    while True:
        try:
            while data := take_output(connection):
                writer.write(data)
                await writer.drain()
            _deliver(connection, on_event)
            if connection.finished:
                break
            received = await reader.read(CHUNK)
        except OSError as error:
            return lose(connection, error)
        hand_over(connection, received)
    return connection.get_result()
