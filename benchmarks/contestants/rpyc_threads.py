"""rpyc: a server with a thread for each connection, and its blocking client."""

from __future__ import annotations

import logging
from collections import deque
from typing import Any

import rpyc
from rpyc.core.stream import SocketStream
from rpyc.utils.server import ThreadedServer

from benchmarks.contestants import HOST, Announce, Client, Pipe, Work


class Service(rpyc.Service):  # type: ignore[misc]  # rpyc has no types
    def exposed_add(self, a: int, b: int) -> int:
        return a + b


def serve(announce: Announce) -> None:
    quiet = logging.getLogger("rpyc")
    quiet.setLevel(logging.ERROR)
    server = ThreadedServer(Service, hostname=HOST, port=0, logger=quiet)
    announce(server.port)
    server.start()


def connect(port: int, work: Work) -> Client:
    connection = rpyc.connect_stream(SocketStream.connect(HOST, port, nodelay=True))
    # Looked up once: each look-up of a remote name is a round trip of its own.
    add = connection.root.add
    start = rpyc.async_(add)
    started: deque[Any] = deque()
    return Client(
        7,
        lambda: add(3, 4),
        Pipe(lambda: started.append(start(3, 4)), lambda: started.popleft().value),
    )
