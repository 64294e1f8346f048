"""pyzmq with blocking sockets: DEALER and ROUTER, which may have many requests in flight."""

from __future__ import annotations

import threading
from typing import Any

import zmq

from benchmarks.contestants import HOST, Announce, Client, Pipe, Work


def serve(announce: Announce) -> None:
    router: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.ROUTER)
    announce(router.bind_to_random_port(f"tcp://{HOST}"))
    send, receive, more = router.send, router.recv, zmq.SNDMORE
    while True:
        send(receive(), more)
        send(receive())


def connect(port: int, work: Work, *, locked: bool = False) -> Client:
    """Connect; *locked* makes the client one that threads may share."""
    dealer: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
    dealer.connect(f"tcp://{HOST}:{port}")
    body = work.body()
    send, receive = dealer.send, dealer.recv

    def call() -> Any:
        send(body)
        return receive()

    lock = threading.Lock()

    def call_locked() -> Any:
        with lock:
            return call()

    return Client(body, call_locked if locked else call, Pipe(lambda: send(body), receive))
