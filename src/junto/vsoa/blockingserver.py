"""Facades: servers and what belongs to them, with operations that block the calling thread."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, Generic, TypeVar

from junto.blocking import BlockingRuntime, Facade
from junto.vsoa import requests as _requests
from junto.vsoa import server as _server
from junto.vsoa import sessions as _sessions
from junto.vsoa import tunnels as _tunnels
from junto.vsoa.blocking import TunnelStream, anywhere, spawn, while_open
from junto.vsoa.messages import Message, Response

__all__ = ["Request", "Server", "Session", "StreamOffer"]

H = TypeVar("H", bound=Callable[..., Any])
T = TypeVar("T")


class StreamOffer:
    """A port that waits for the one connection that becomes a stream.

    Attributes:
        port: What the client is told.
    """

    def __init__(self, runtime: BlockingRuntime, inner: _tunnels.StreamOffer) -> None:
        self._runtime = runtime
        self._inner = inner
        self.port = inner.port

    def accept(self) -> TunnelStream:
        """Wait for the client; raises as `junto.vsoa.tunnels.StreamOffer.accept`."""
        return TunnelStream(self._runtime, self._runtime.call(self._inner.accept))

    def accept_then(
        self, serve: Callable[[_tunnels.TunnelStream | None], Coroutine[Any, Any, object]]
    ) -> None:
        """Run the flow *serve* with the stream, or with ``None`` if nobody came; as `spawn`."""

        async def flow() -> None:
            try:
                stream = await self._inner.accept()
            except (ConnectionError, TimeoutError):
                await serve(None)
            else:
                await serve(stream)

        spawn(self._runtime, flow)

    close = while_open(_tunnels.StreamOffer.close)


class _WithFacade:
    """A callback that gets the `Session` of the layer, and gives the one below to the user's."""

    def __init__(self, runtime: BlockingRuntime, callback: Callable[[Session, Any], object]) -> None:
        self._runtime = runtime
        self.callback = callback

    def __call__(self, session: _sessions.Session, told: Any) -> object:
        return self.callback(Session(self._runtime, session), told)


class _Callback(Generic[T]):
    """An attribute that holds a callback, which gets a `Session` and one thing more, or ``None``."""

    def __set_name__(self, owner: type[Any], name: str) -> None:
        self._name = name

    def __get__(self, instance: Any, owner: type[Any]) -> Callable[[Session, T], object] | None:
        found = None if instance is None else getattr(instance._inner, self._name)
        return found.callback if isinstance(found, _WithFacade) else found

    def __set__(self, instance: Any, callback: Callable[[Session, T], object] | None) -> None:
        told = None if callback is None else _WithFacade(instance._runtime, callback)
        setattr(instance._inner, self._name, told)


class Session:
    """One client of a server; see `junto.vsoa.sessions.Session`, for its callbacks too."""

    on_subscribe = _Callback[str | list[str]]()
    on_unsubscribe = _Callback[str | list[str]]()

    def __init__(self, runtime: BlockingRuntime, inner: _sessions.Session) -> None:
        self._runtime = runtime
        self._inner = inner
        self.id = inner.id

    @property
    def inner(self) -> _sessions.Session:
        """What this stands for."""
        return self._inner

    reply = while_open(_sessions.Session.reply, after=False)
    datagram = while_open(_sessions.Session.datagram, after=False)
    get_extra_info = while_open(_sessions.Session.get_extra_info)
    is_subscribed = while_open(_sessions.Session.is_subscribed, after=False)
    keepalive = while_open(_sessions.Session.keepalive)
    close = while_open(_sessions.Session.close)

    def is_closing(self) -> bool:
        """Tell whether the connection is closed or about to be."""
        return self._inner.is_closing()

    @property
    def address(self) -> tuple[str, int]:
        """Its IP address and TCP port."""
        return self._inner.address

    @property
    def authed(self) -> bool:
        """Whether it gets what is published; may be set."""
        return self._inner.authed

    @authed.setter
    def authed(self, authed: bool) -> None:
        _set(self, "authed", authed)

    @property
    def priority(self) -> int:
        """From 0 to 7, the first to get what is published; setting it tells the client."""
        return self._inner.priority

    @priority.setter
    def priority(self, priority: int) -> None:
        _set(self, "priority", priority)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Session) and self._inner is other._inner

    def __hash__(self) -> int:
        return hash(self._inner)

    def __repr__(self) -> str:
        return repr(self._inner)


def _set(session: Session, name: str, value: Any) -> None:
    def change(inner: _sessions.Session) -> None:
        setattr(inner, name, value)

    while_open(change)(session)


class Request:
    """A request of a client; see `junto.vsoa.requests.Request`."""

    def __init__(self, runtime: BlockingRuntime, inner: _requests.Request) -> None:
        self._runtime = runtime
        self._inner = inner
        self.url = inner.url
        self.method = inner.method
        self.seqno = inner.seqno
        self.raw = inner.raw
        self.data = inner.data

    @functools.cached_property
    def session(self) -> Session:
        """The client that asks."""
        return Session(self._runtime, self._inner.session)

    @property
    def param(self) -> Any:
        """The param: what JSON says, or bytes, or ``None``."""
        return self._inner.param

    reply = while_open(_requests.Request.reply, after=False)

    def __repr__(self) -> str:
        return repr(self._inner)


class Server(Facade):
    """Serves clients, while a thread is in `serve_forever`, or one of `start_thread` runs.

    For its callbacks see `junto.vsoa.server.Server`.
    """

    _inner: _server.Server

    on_client = _Callback[bool]()
    on_datagram = _Callback[Message]()

    def command(self, url: str, *, pool: Executor | None = None) -> Callable[[H], H]:
        """Let the decorated function handle requests to *url*; see `junto.vsoa.server.Server.command`.

        It runs in the serving thread, and must not block; with a *pool*, in one of its threads.
        """
        register = self._inner.command(url, pool=pool)

        def add(handler: H) -> H:
            register(lambda request: _plain(handler(Request(self._runtime, request))))
            return handler

        return add

    def add_command(self, url: str, command: Callable[[Request], object]) -> None:
        """Let *command*, which sees to the answer itself, handle requests to *url*."""
        anywhere(_server.Server.add_command)(
            self, url, lambda request: command(Request(self._runtime, request))
        )

    publish = while_open(_server.Server.publish, after=False)
    is_subscribed = while_open(_server.Server.is_subscribed, after=False)
    remove_command = anywhere(_server.Server.remove_command)

    @property
    def clients(self) -> list[Session]:
        """Those who have shown themselves: by priority, then by age."""
        sessions = while_open(_clients, after=[])(self)
        return [Session(self._runtime, session) for session in sessions]

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

    def offer_stream(self, session: Session | None = None, *, timeout: float = 5.0) -> StreamOffer:
        """Listen for a stream; see `junto.vsoa.server.Server.offer_stream`."""
        inner = None if session is None else session.inner
        if not self._runtime.is_in_callback():
            offer = self._runtime.call(self._inner.offer_stream, inner, timeout=timeout)
            return StreamOffer(self._runtime, offer)
        task = self._runtime.create_task(self._inner.offer_stream(inner, timeout=timeout))
        assert task.done(), "to listen at an IP address takes one step"
        return StreamOffer(self._runtime, task.result())

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def _clients(server: _server.Server) -> list[_sessions.Session]:
    return server.clients


def _plain(result: Any) -> Any:
    """Give a handler's result; what only the facade has is none."""
    return Response(result.param, result.data) if isinstance(result, Request) else result
