"""What both forms of grpcio share: one method without protobuf, whose bytes come back."""

from __future__ import annotations

from typing import Any

import grpc

METHOD = "/benchmark.Echo/Call"
OPTIONS = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.so_reuseport", 0),
]


def make_handler(function: Any) -> grpc.GenericRpcHandler:
    """Offer *function*; without serializers the bytes pass as they are."""
    return grpc.method_handlers_generic_handler(
        "benchmark.Echo", {"Call": grpc.unary_unary_rpc_method_handler(function)}
    )
