"""What can be set for a connection, and ready sets of it for peers with habits of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict, get_args

from junto.codecs import Codec, CodecName
from junto.sansio.failures import FailureForm
from junto.sansio.packets import MAX_SIZE

__all__ = ["MOSAIK", "MOSAIK_2", "SIMPYIO", "ChannelOptions", "Options"]


class ChannelOptions(TypedDict, total=False):
    """The keyword arguments that every function takes which opens or serves connections.

    See `Options` for what each means and what it is if not given.
    """

    codec: CodecName | Codec
    receive_limit: int
    send_limit: int
    failures: FailureForm
    extensions: bool
    request_timeout: float | None
    max_pending: int
    max_handlers: int
    max_queued: int


@dataclass(frozen=True, slots=True)
class Options:
    """The settings of one connection.

    Attributes:
        codec: ``"json"``, ``"msgpack"``, ``"msgpack+blosc"`` or a codec object;
            both peers must use the same.
        receive_limit: The largest packet to accept, in bytes.
        send_limit: The largest packet to send, in bytes.
        failures: How the peer is told of a failed handler: ``"text"`` or ``"list"``,
            ``"brief"`` or ``"brief-list"`` without the traceback, which names files.
        extensions: Whether to use, with a peer that shows it is junto too, what
            old peers do not know: notices, streams, batches, large bytes beside the
            message.
        request_timeout: Seconds after which a request fails for which none was
            given, exact to a tenth; ``None`` waits until the connection ends.
        max_pending: How many requests of ours may wait for replies.
        max_handlers: How many of the peer's requests are handled at once.
        max_queued: How many more of them may wait for their turn; above that they
            are answered with a failure.
    """

    codec: CodecName | Codec = "json"
    receive_limit: int = 64 * 1024 * 1024
    send_limit: int = MAX_SIZE
    failures: FailureForm = "text"
    extensions: bool = True
    request_timeout: float | None = None
    max_pending: int = 65_536
    max_handlers: int = 1024
    max_queued: int = 8192

    def __post_init__(self) -> None:
        for name in ("receive_limit", "send_limit", "max_pending", "max_handlers"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)!r}")
        if self.max_queued < 0:
            raise ValueError(f"max_queued must not be negative, as {self.max_queued!r} is")
        if self.failures not in get_args(FailureForm):
            raise ValueError(f"failures must be one of {get_args(FailureForm)}, not {self.failures!r}")
        if self.request_timeout is not None and not self.request_timeout > 0:
            raise ValueError(f"request_timeout must be above 0 seconds, not {self.request_timeout!r}")


SIMPYIO: ChannelOptions = {
    "receive_limit": 16_384,
    "send_limit": 16_384,
    "extensions": False,
    "max_pending": 1024,
}
"""For programs built on simpy.io with its usual limits."""

MOSAIK: ChannelOptions = {"failures": "list", "extensions": False}
"""For mosaik 3 and its simulators."""

MOSAIK_2: ChannelOptions = {**MOSAIK, "receive_limit": 10 * 1024 * 1024, "send_limit": 10 * 1024 * 1024}
"""For mosaik up to 3.0, built on simpy.io, which accepts 10 MiB."""
