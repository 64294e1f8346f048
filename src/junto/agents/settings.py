"""What can be set for a container."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, Unpack

from junto.agents.proxies import Target
from junto.codecs import Codec, make_codec
from junto.custom_types import DATETIME, CustomType
from junto.options import ChannelOptions, Options
from junto.tls import client_context, server_context

if TYPE_CHECKING:
    from junto.agents.supervision import Failure
    from junto.clock import Clock
    from junto.rpc import Peer
    from junto.streaming import StreamReader

__all__ = ["TLS", "Settings", "make_settings"]

TLS: TypeAlias = Sequence[str] | tuple[ssl.SSLContext, ssl.SSLContext]
"""Files of the authority, of our certificate and of our key; or contexts, to listen and to connect."""

_MAX_HANDLERS = 65_536  # agents that wait for one another in a row must not end at a connection's usual limit


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a container; `make_settings` makes them of what users give.

    Attributes:
        options: Those of its connections, with a codec that has the container's types.
        clock: By which its agents live; ``None`` for the runtime's.
        server_tls: For ``tls://`` addresses to listen at.
        client_tls: For those to connect to.
        on_failure: Called with what fails where nobody waits; ``None`` logs it.
        heartbeat: Seconds after which other containers are asked for a sign of life; ``None`` for never.
        shortcut: Whether calls between its agents take the short way.
        workers: In how many threads plain functions run.
        make_target: Makes what stands for an agent; a flavour may have its own.
        make_call: Makes what proxies that are bound to a connection do; ``None`` gives futures.
        make_stream: Makes the streams that calls give; ``None`` for `Stream`.
        full_name: Asks the system for this machine's full name.
    """

    options: Options
    clock: Clock | None = None
    server_tls: ssl.SSLContext | None = None
    client_tls: ssl.SSLContext | None = None
    on_failure: Callable[[Failure], object] | None = None
    heartbeat: float | None = None
    shortcut: bool = True
    workers: int = 0
    make_target: type[Target] = Target
    make_call: Callable[[Peer[Any]], Callable[..., Any]] | None = None
    make_stream: Callable[[StreamReader, Any], Any] | None = None
    full_name: Callable[[], str] | None = None

    def make_pool(self) -> Executor | None:
        """Make the threads for plain functions, if there are any."""
        return ThreadPoolExecutor(self.workers, thread_name_prefix="junto-worker") if self.workers else None


def make_settings(
    *,
    types: Iterable[CustomType[Any]] = (),
    tls: TLS | None = None,
    clock: Clock | None = None,
    on_failure: Callable[[Failure], object] | None = None,
    heartbeat: float | None = None,
    shortcut: bool = True,
    workers: int = 0,
    make_target: type[Target] = Target,
    make_call: Callable[[Peer[Any]], Callable[..., Any]] | None = None,
    make_stream: Callable[[StreamReader, Any], Any] | None = None,
    full_name: Callable[[], str] | None = None,
    **options: Unpack[ChannelOptions],
) -> Settings:
    """Make settings; the arguments are those of the flavours' ``open_container``.

    Raises:
        ValueError: An option is out of range.
        TypeError: *tls* is neither three files nor two contexts.
        OSError: A file cannot be read.
    """
    if workers < 0:
        raise ValueError(f"workers must not be negative, as {workers!r} is")
    if heartbeat is not None and not heartbeat > 0:
        raise ValueError(f"heartbeat must be above 0 seconds, not {heartbeat!r}")
    codec = _codec(options.get("codec", "json"), tuple(types))
    server_tls, client_tls = (None, None) if tls is None else _contexts(tls)
    chosen: dict[str, Any] = {"max_handlers": _MAX_HANDLERS, **options, "codec": codec}
    return Settings(
        Options(**chosen),
        clock,
        server_tls,
        client_tls,
        on_failure,
        heartbeat,
        shortcut,
        workers,
        make_target,
        make_call,
        make_stream,
        full_name,
    )


def _codec(codec: Any, types: tuple[CustomType[Any], ...]) -> Codec:
    """Make the codec of a container: dates have the number 0, as in aiomas, and the types those from 1 on."""
    if isinstance(codec, Codec):
        if types:
            raise ValueError("a codec of one's own has its types already")
        return codec
    kind = type(make_codec(codec))
    return kind([DATETIME, *types])


def _contexts(tls: Any) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    parts = tuple(tls)
    if len(parts) == 2 and all(isinstance(part, ssl.SSLContext) for part in parts):
        return parts
    if len(parts) == 3 and not any(isinstance(part, ssl.SSLContext) for part in parts):
        return server_context(*parts), client_context(*parts)
    raise TypeError(
        "tls= takes three files (authority, certificate, key), or contexts to listen and to connect"
    )
