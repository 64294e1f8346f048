"""grpcio with threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

from benchmarks.contestants import HOST, Announce, Client, Work
from benchmarks.contestants.grpc_method import METHOD, OPTIONS, make_handler


def _echo(body: bytes, context: Any) -> bytes:
    return body


def serve(announce: Announce) -> None:
    server = grpc.server(ThreadPoolExecutor(4), handlers=[make_handler(_echo)], options=OPTIONS)
    port = server.add_insecure_port(f"{HOST}:0")
    server.start()
    announce(port)
    server.wait_for_termination()


def connect(port: int, work: Work) -> Client:
    call = grpc.insecure_channel(f"{HOST}:{port}", options=OPTIONS).unary_unary(METHOD)
    body = work.body()
    return Client(body, lambda: call(body))
