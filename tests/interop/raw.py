"""The other end of a connection as bytes, and what it may do wrong."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

WAIT = 10.0

FATAL = {
    "empty": b"",
    "no json": b"hello",
    "no utf-8": b'[0, 0, "\xff"]',
    "a byte order mark": b"\xef\xbb\xbf[0, 0, 0]",
    "two": b"[0, 0]",
    "four": b"[0, 0, 0, 0]",
    "a number": b"42",
    "an object of three": b'{"a": 0, "b": 0, "c": 0}',
    "a string of three": b'"000"',
    "type 7": b'[7, 0, "x"]',
    "type as text": b'["0", 0, "x"]',
    "type as float": b'[0.0, 0, "x"]',
    "type as boolean": b'[false, 0, "x"]',
    "a batch": b"[[0, 0, 0]]",
    "too deep": b"[" * 100_000,
    "a long number": b"[0, 0, " + b"1" * 5000 + b"]",
}


def named(cases: dict[str, Any]) -> list[Any]:
    return [pytest.param(case, id=name) for name, case in cases.items()]


def frame(payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + payload


class Raw:
    """The other end of a connection, as bytes."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        connection.settimeout(WAIT)
        self.file = connection.makefile("rb")
        self.batch: list[Any] = []

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def read_payload(self) -> bytes:
        (size,) = struct.unpack(">I", self.file.read(4))
        return self.file.read(size)

    def read(self) -> Any:
        """Give the next message, which may be one of a batch."""
        if not self.batch:
            message = json.loads(self.read_payload())
            self.batch = message if isinstance(message[0], list) else [message]
        return self.batch.pop(0)

    def wait_end(self) -> None:
        """Wait until the other side closes, whatever it has sent before."""
        with contextlib.suppress(ConnectionResetError):
            while self.file.read(65536):
                pass

    def close(self) -> None:
        self.file.close()
        self.connection.close()


@contextlib.contextmanager
def raw_server(answer: Callable[[Raw], object]) -> Iterator[str]:
    """Accept one connection, and do *answer* with it."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            connection, _ = listener.accept()
            with contextlib.closing(Raw(connection)) as raw:
                answer(raw)
        except BaseException as error:
            failed.append(error)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(WAIT)
        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            thread.join(WAIT)
    assert failed == []
