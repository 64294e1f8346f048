"""pyzmq with blocking sockets, doing what an RPC library does: MessagePack, dispatch, identifiers."""

from __future__ import annotations

from itertools import count
from typing import Any

import msgspec
import zmq

from benchmarks.contestants import HOST, Announce, Client, Pipe, Work

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


def _add(a: int, b: int) -> int:
    return a + b


def serve(announce: Announce) -> None:
    router: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.ROUTER)
    announce(router.bind_to_random_port(f"tcp://{HOST}"))
    functions = {"add": _add}
    send, receive, more = router.send, router.recv, zmq.SNDMORE
    while True:
        send(receive(), more)
        ident, path, args = _decode(receive())
        send(_encode([ident, functions[path](*args)]))


def connect(port: int, work: Work) -> Client:
    dealer: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
    dealer.connect(f"tcp://{HOST}:{port}")
    numbers = count()
    pending: dict[int, None] = {}

    def send() -> None:
        ident = next(numbers)
        pending[ident] = None
        dealer.send(_encode([ident, "add", [3, 4]]))

    def receive() -> Any:
        ident, result = _decode(dealer.recv())
        del pending[ident]
        return result

    def call() -> Any:
        send()
        return receive()

    return Client(7, call, Pipe(send, receive))
