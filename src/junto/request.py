"""A request of the peer, for who answers later than at once."""

from __future__ import annotations

from typing import Any, Protocol

from junto.errors import LocalProtocolError

__all__ = ["Request"]


class _Answering(Protocol):
    def reply(self, ident: Any, result: Any) -> None: ...
    def fail(self, ident: Any, error: BaseException) -> None: ...
    def forget(self, ident: Any) -> None: ...


class Request:
    """A request that was received and is still to be answered, once.

    Attributes:
        content: What the peer sent.
    """

    __slots__ = ("_answering", "_ident", "content")

    def __init__(self, answering: _Answering, ident: Any, content: Any) -> None:
        self._answering: _Answering | None = answering
        self._ident = ident
        self.content = content

    def reply(self, result: Any) -> None:
        """Answer with *result*; in silence if the connection is gone.

        Raises:
            LocalProtocolError: It was answered before.
            CodecError: *result* cannot be sent; the request is still to be answered.
        """
        self._open().reply(self._ident, result)
        self._answering = None

    def fail(self, error: BaseException) -> None:
        """Answer with a failure that tells of *error*; in silence if the connection is gone.

        Raises:
            LocalProtocolError: It was answered before.
        """
        self._open().fail(self._ident, error)
        self._answering = None

    def _open(self) -> _Answering:
        if self._answering is None:
            raise LocalProtocolError("this request was answered already")
        return self._answering

    def __del__(self) -> None:
        # Whoever drops a request must not leave its caller waiting for ever.
        if self._answering is not None:
            self._answering.forget(self._ident)
