"""The errors of aiomas."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from junto.errors import CodecError, ConnectionFailed, ConnectionLost, JuntoError, RemoteError

__all__ = ["AiomasError", "RemoteException", "SerializationError", "as_before", "translating"]


class AiomasError(JuntoError):
    """What aiomas itself raises."""


class RemoteException(AiomasError):
    """The peer's handler failed.

    Attributes:
        origin: The peer's name.
        remote_traceback: What it sent, which is the text of a traceback.
    """

    def __init__(self, origin: Any, remote_traceback: Any) -> None:
        super().__init__(origin, remote_traceback)
        self.origin = origin
        self.remote_traceback = remote_traceback

    def __str__(self) -> str:
        return f"Origin: {self.origin}\n{self.remote_traceback}"


class SerializationError(CodecError):
    """An object has no form on the wire."""


def as_before(error: BaseException) -> BaseException:
    """Make of an error of junto what aiomas would have raised."""
    new: BaseException = error
    if isinstance(error, RemoteError):
        new = RemoteException(error.origin, error.content)
    elif isinstance(error, ConnectionLost):
        new = ConnectionResetError(str(error))
    elif isinstance(error, ConnectionFailed) and isinstance(error.__cause__, OSError):
        return error.__cause__  # the system's own
    elif isinstance(error, CodecError) and not isinstance(error, SerializationError):
        new = SerializationError(str(error))
    if new is not error:
        new.__cause__ = error
    return new


@contextmanager
def translating() -> Generator[None, None, None]:
    """Raise what aiomas would have raised, in place of errors of junto."""
    try:
        yield
    except JuntoError as error:
        new = as_before(error)
        if new is error:
            raise
        raise new from new.__cause__
