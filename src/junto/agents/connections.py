"""The connections that a container opens: one for each other container, shared by all who call there.

A connection that is lost leaves no trace: the next call opens another.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from junto.agents import local
from junto.agents.addresses import Place
from junto.agents.peers import AgentPeer
from junto.agents.supervision import Failure
from junto.connecting import open_transport, pauses, sleep
from junto.errors import ConnectionFailed, ConnectionLost, LocalProtocolError, RequestTimeout
from junto.runtime import Future
from junto.waiting import Deadline, Shared, within

if TYPE_CHECKING:
    from junto.agents.home import Home
    from junto.channel import Channel

__all__ = ["Connections", "Link"]


class Link:
    """The way to one other container.

    Attributes:
        place: Where it is.
        peer: The connection, while there is one.
        lost: Called when that is lost.
    """

    __slots__ = ("attempt", "checks", "lost", "peer", "place")

    def __init__(self, place: Place) -> None:
        self.place = place
        self.peer: AgentPeer | None = None
        self.attempt: Shared[AgentPeer] | None = None
        self.checks: dict[str, Shared[str | None]] = {}
        self.lost: dict[Callable[[], object], None] = {}


class Connections:
    """All links of one container."""

    def __init__(self, container: Home) -> None:
        self._container = container
        self._runtime = container.runtime
        self._links: dict[Place, Link] = {}
        self._closed = False

    def peer(self, place: Place) -> AgentPeer | None:
        """Give the connection to *place*, if there is one that takes something."""
        link = self._links.get(place)
        if link is None or link.peer is None:
            return None
        if link.peer.is_closing():  # its peer has sent the end, and the system has not told of that yet
            self._lost(link, link.peer.channel)
            return None
        return link.peer

    def link(self, place: Place) -> Link:
        """Give the link to *place*; it may not be connected yet."""
        link = self._links.get(place)
        if link is None:
            link = self._links[place] = Link(place)
        return link

    async def open(self, place: Place, timeout: float | None = 0.0) -> AgentPeer:
        """Give the connection to *place*, which is opened if there is none.

        Args:
            place: Where to.
            timeout: 0 for one attempt; seconds to go on trying; ``None`` to try for ever.

        Raises:
            ConnectionFailed: No connection could be opened in time.
            ConnectionLost: The container is closed.
        """
        deadline = Deadline(self._runtime, timeout)
        for pause in pauses():
            self.check_open()
            peer = self.peer(place)
            if peer is not None:
                return peer
            attempt = self._attempt(self.link(place)).wait()
            try:
                if not timeout:  # one attempt, which has a limit of its own, or any number of them
                    return await attempt
                return await within(
                    self._runtime, deadline.remaining(), attempt, f"connecting to {place.base}"
                )
            except ConnectionFailed:
                left = deadline.remaining()
                if left == 0.0:
                    raise
            except RequestTimeout as error:
                raise ConnectionFailed(str(error)) from error
            await sleep(self._runtime, pause if left is None else min(pause, left))
        raise AssertionError("the pauses never end")

    def check_open(self) -> None:
        """Raise `ConnectionLost` if the container is closed."""
        if self._closed:
            raise ConnectionLost("the container is closed")

    def _attempt(self, link: Link) -> Shared[AgentPeer]:
        """Give the attempt that is being made, or begin one: all who want the connection share it."""
        if link.attempt is not None:
            return link.attempt
        attempt = link.attempt = Shared(self._runtime)

        async def connect() -> None:
            try:
                peer = await self._connect(link)
            except BaseException as error:
                link.attempt = None
                self._drop(link)
                if isinstance(error, Exception):
                    attempt.set_exception(error)
                    return
                attempt.set_exception(ConnectionLost("the container was closed"))
                raise
            link.attempt = None
            attempt.set_result(peer)

        self._container.run_apart(connect())
        return attempt

    async def _connect(self, link: Link) -> AgentPeer:
        place = link.place
        # Between containers of one program nobody falls silent.
        heartbeat = None if place.scheme == "local" else self._container.settings.heartbeat
        peer = AgentPeer(self._container, heartbeat=heartbeat, lost=lambda channel: self._lost(link, channel))
        if place.scheme == "local":
            local.connect(self._runtime, place.host, lambda: peer.channel)
        else:
            tls = None
            if place.scheme == "tls":
                tls = self._container.client_tls
                if tls is None:
                    raise LocalProtocolError(
                        f"{place.base} needs TLS, for which the container has no contexts"
                    )
            await open_transport(self._runtime, place.address, lambda: peer.channel, tls=tls)
        if self._closed:
            peer.channel.abort()
            raise ConnectionLost("the container was closed")
        link.peer = peer
        self._links[place] = link
        return peer

    def _lost(self, link: Link, channel: Channel) -> None:
        if link.peer is None or link.peer.channel is not channel:
            return
        link.peer = None
        callbacks = [] if self._closed else list(link.lost)  # we have left, and nobody else has
        link.lost.clear()
        self._drop(link)
        for callback in callbacks:
            self._runtime.call_soon(self._tell_lost, callback)

    def when_lost(self, place: Place, callback: Callable[[], object]) -> None:
        """Have *callback* called when the connection to *place* is lost; if there is none, now."""
        if self.peer(place) is None:
            self._runtime.call_soon(self._tell_lost, callback)
        else:
            self.link(place).lost[callback] = None

    def forget(self, place: Place, callback: Callable[[], object]) -> None:
        """Have it not called; doing so twice is fine."""
        link = self._links.get(place)
        if link is not None:
            link.lost.pop(callback, None)

    def _tell_lost(self, callback: Callable[[], object]) -> None:
        try:
            callback()
        except Exception as error:
            self._container.report(Failure(None, "who watched a container", error))

    def _drop(self, link: Link) -> None:
        if self._links.get(link.place) is link and link.peer is None and link.attempt is None:
            del self._links[link.place]

    def call(
        self, place: Place, path: str, args: tuple[Any, ...], kwargs: dict[str, Any], timeout: float | None
    ) -> Future[Any]:
        """Call the function at *path* of the container at *place*."""
        peer = self.peer(place)
        if peer is not None:
            return peer.call_path(path, *args, timeout=timeout, **kwargs)
        self.check_open()
        isolation = self._container.isolation  # who calls goes on with his own
        args, kwargs = isolation.args(args), isolation.kwargs(kwargs)
        return self._runtime.create_task(self._connect_and_call(place, path, args, kwargs, timeout))

    async def _connect_and_call(
        self, place: Place, path: str, args: tuple[Any, ...], kwargs: dict[str, Any], timeout: float | None
    ) -> Any:
        deadline = Deadline(self._runtime, timeout)
        peer = await within(self._runtime, timeout, self.open(place), f"connecting to {place.base}")
        return await peer.call_path(path, *args, timeout=deadline.remaining(), **kwargs)

    async def check(self, place: Place, aid: str, timeout: float | None) -> str | None:
        """Ask what the class of an agent is called; ``None`` if there is no such agent.

        All who ask for the same at once share one question. The arguments and errors are those of `open`.
        """
        peer = await self.open(place, timeout)
        link = self.link(place)
        check = link.checks.get(aid)
        if check is None:
            check = link.checks[aid] = Shared(self._runtime)
            asked = check

            def answered(future: Future[Any]) -> None:
                link.checks.pop(aid, None)
                if future.cancelled():
                    asked.set_exception(ConnectionLost("the container was closed"))
                elif (error := future.exception()) is not None:
                    asked.set_exception(error)
                else:
                    asked.set_result(future.result())

            try:
                peer.call_path("validate_aid", aid).add_done_callback(answered)
            except BaseException:
                del link.checks[aid]
                raise
        return await check.wait()

    async def close(self, timeout: float | None) -> None:
        """Close all connections in order, and open none any more."""
        self._closed = True
        peers = [link.peer for link in self._links.values() if link.peer is not None]
        closing = [self._runtime.create_task(peer.close(timeout)) for peer in peers]
        for task in closing:
            await task

    def abort(self) -> None:
        """End all connections at once, and open none any more."""
        self._closed = True
        for link in list(self._links.values()):
            if link.peer is not None:
                link.peer.channel.abort()
