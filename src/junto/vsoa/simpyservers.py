"""Facades: servers and what belongs to them, with operations that give events of SimPy.

Handlers may be plain functions, generators of events, whose return value is the answer, or flows.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, TypeVar

from junto.runtimes.simpy.futures import Future
from junto.runtimes.simpy.runtime import SimpyRuntime
from junto.sansio.vsoa.positions import Position, Query
from junto.simpy.facades import Facade, Opening, direct
from junto.vsoa import positions as _positions
from junto.vsoa import server as _server
from junto.vsoa import tunnels as _tunnels
from junto.vsoa.messages import Message
from junto.vsoa.requests import Command
from junto.vsoa.sessions import Session
from junto.vsoa.simpyclients import TunnelStream, as_callback

__all__ = ["PositionServer", "Server", "StreamOffer"]

H = TypeVar("H", bound=Callable[..., Any])


class StreamOffer:
    """A port that waits for the one connection that becomes a stream.

    Attributes:
        port: What the client is told.
    """

    def __init__(self, runtime: SimpyRuntime, inner: _tunnels.StreamOffer) -> None:
        self._runtime = runtime
        self._inner = inner
        self.port = inner.port

    def accept(self) -> Future[TunnelStream]:
        """Wait for the client; the event fails as `junto.vsoa.tunnels.StreamOffer.accept` does."""
        flow = self._inner.accept()
        return Opening(self._runtime.env, flow, functools.partial(TunnelStream, self._runtime))

    close = direct(_tunnels.StreamOffer.close)

    def abort(self) -> None:
        """Withdraw the offer; as `close`."""
        self._inner.close()


class Server(Facade):
    """Serves clients at one or more addresses, while the environment runs."""

    _inner: _server.Server

    def __init__(self, runtime: SimpyRuntime, inner: _server.Server) -> None:
        super().__init__(runtime, inner, inner.abort)
        self._on_client: Callable[[Session, bool], object] | None = None
        self._on_datagram: Callable[[Session, Message], object] | None = None

    def command(self, url: str, *, pool: Executor | None = None) -> Callable[[H], H]:
        """Let the decorated function handle requests to *url*; see `junto.vsoa.server.Server.command`.

        It may be a generator of events, too: a process whose return value is the answer.
        """
        register = self._inner.command(url, pool=pool)

        def add(handler: H) -> H:
            register(as_callback(self._runtime, handler))
            return handler

        return add

    def add_command(self, url: str, command: Command) -> None:
        """Let *command*, which sees to the answer itself, handle requests to *url*."""
        self._inner.add_command(url, command)

    remove_command = direct(_server.Server.remove_command)
    publish = direct(_server.Server.publish)
    is_subscribed = direct(_server.Server.is_subscribed)

    @property
    def clients(self) -> list[Session]:
        """Those who have shown themselves: by priority, then by age."""
        return self._inner.clients

    @property
    def addresses(self) -> list[str]:
        """Where it listens, with the ports that the system chose."""
        return self._inner.addresses

    @property
    def password(self) -> str:
        """What clients must show; setting it is for those who come later."""
        return self._inner.password

    @password.setter
    def password(self, password: str) -> None:
        self._inner.password = password

    @property
    def on_client(self) -> Callable[[Session, bool], object] | None:
        """Called with a client and ``True`` when it has come, and ``False`` when it is gone; may be set."""
        return self._on_client

    @on_client.setter
    def on_client(self, callback: Callable[[Session, bool], object] | None) -> None:
        self._on_client = callback
        self._inner.on_client = None if callback is None else as_callback(self._runtime, callback)

    @property
    def on_datagram(self) -> Callable[[Session, Message], object] | None:
        """Called with a client and the message for each datagram; may be set."""
        return self._on_datagram

    @on_datagram.setter
    def on_datagram(self, callback: Callable[[Session, Message], object] | None) -> None:
        self._on_datagram = callback
        self._inner.on_datagram = None if callback is None else as_callback(self._runtime, callback)

    def offer_stream(self, session: Session | None = None, *, timeout: float = 5.0) -> Future[StreamOffer]:
        """Listen for a stream; see `junto.vsoa.server.Server.offer_stream`."""
        flow = self._inner.offer_stream(session, timeout=timeout)
        return Opening(self._runtime.env, flow, functools.partial(StreamOffer, self._runtime))


class PositionServer(Facade):
    """Answers where servers are, while the environment runs."""

    _inner: _positions.PositionServer

    def __init__(self, runtime: SimpyRuntime, inner: _positions.PositionServer) -> None:
        super().__init__(runtime, inner, inner.abort)

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._inner.port

    @property
    def on_query(self) -> Callable[[Query, Callable[[Position | None], None]], object] | None:
        """Called, if it is set, instead of the source: with the query, and what takes the answer."""
        return self._inner.on_query

    @on_query.setter
    def on_query(self, callback: Callable[[Query, Callable[[Position | None], None]], object] | None) -> None:
        self._inner.on_query = callback
