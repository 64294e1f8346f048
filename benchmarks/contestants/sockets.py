"""Bare blocking sockets: length-framed bytes come back; the server has a thread for each connection."""

from __future__ import annotations

import socket
import threading
from struct import Struct

from benchmarks.contestants import HOST, Announce, Client, Work

HEADER = Struct(">I")


class FrameSocket:
    """Sends and receives frames; small ones with one system call each."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connection = connection
        self._received = b""

    def send(self, body: bytes) -> None:
        self._connection.sendall(HEADER.pack(len(body)) + body)

    def receive(self) -> bytes | None:
        """Receive the next frame; ``None`` if the peer has closed."""
        data = self._received
        while len(data) < 4 or len(data) < (end := 4 + HEADER.unpack_from(data)[0]):
            more = self._connection.recv(262_144)
            if not more:
                return None
            data = data + more if data else more
        self._received = data[end:]
        return data[4:end]


def _echo(connection: socket.socket) -> None:
    frames = FrameSocket(connection)
    with connection:
        while (body := frames.receive()) is not None:
            frames.send(body)


def serve(announce: Announce) -> None:
    with socket.create_server((HOST, 0)) as listener:
        announce(listener.getsockname()[1])
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=_echo, args=(connection,), daemon=True).start()


def connect(port: int, work: Work, *, locked: bool = False) -> Client:
    """Connect; *locked* makes the client one that threads may share."""
    frames = FrameSocket(socket.create_connection((HOST, port)))
    body = work.body()

    def call() -> bytes | None:
        frames.send(body)
        return frames.receive()

    lock = threading.Lock()

    def call_locked() -> bytes | None:
        with lock:
            frames.send(body)
            return frames.receive()

    return Client(body, call_locked if locked else call)
