"""Noting what goes into a connection and what comes out of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Literal, TypeVar

from junto.sansio.coroutines.buffer import as_bytes
from junto.sansio.coroutines.connection import Connection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from junto.sansio.coroutines.buffer import BytesLike

__all__ = ["Recorded"]

T_co = TypeVar("T_co", covariant=True)
E_co = TypeVar("E_co", covariant=True)


class Recorded(Generic[T_co, E_co]):
    """Stands before a connection, for a driver, and notes what passes.

    Attributes:
        connection: What it stands before.
        transcript: Pairs of a direction, ``"in"`` or ``"out"``, and the bytes; the end of the input is
            ``("in", None)``.
    """

    def __init__(self, connection: Connection[T_co, E_co]) -> None:
        self.connection = connection
        self.transcript: list[tuple[Literal["in", "out"], bytes | None]] = []

    def send(self, data: BytesLike) -> None:
        """As `Connection.send`."""
        data = as_bytes(data)
        self.transcript.append(("in", data))
        self.connection.send(data)

    def send_eof(self) -> None:
        """As `Connection.send_eof`."""
        self.transcript.append(("in", None))
        self.connection.send_eof()

    def read(self, nbytes: int | None = None) -> bytes:
        """As `Connection.read`."""
        data = self.connection.read(nbytes)
        if data:
            self.transcript.append(("out", data))
        return data

    def get_result(self) -> T_co:
        """As `Connection.get_result`."""
        return self.connection.get_result()

    def events(self) -> Iterator[E_co]:
        """As `Connection.events`."""
        return self.connection.events()

    def throw(self, error: BaseException) -> None:
        """As `Connection.throw`."""
        self.connection.throw(error)

    @property
    def finished(self) -> bool:
        """As `Connection.finished`."""
        return self.connection.finished

    @property
    def failed(self) -> bool:
        """As `Connection.failed`."""
        return self.connection.failed
