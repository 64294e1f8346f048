"""The life of a client: the connection it has, its ends, and who is told of them."""

from __future__ import annotations

import logging
import weakref
from typing import Any, TypeVar

from junto.instrument.alarm import Alarm
from junto.instrument.callbacks import SCOPE, Scope, call_and_schedule
from junto.instrument.connection import Connection
from junto.instrument.errors import ConnectionClosedError
from junto.instrument.lanes import Lanes
from junto.instrument.retrying import Backoff
from junto.instrument.settings import Settings
from junto.instrument.system import Connector, System
from junto.instrument.tracing import tap_for
from junto.runtime import Future, Runtime

__all__ = ["Life", "Stats"]

T = TypeVar("T")


class Stats:
    """What has happened so far.

    Attributes:
        calls: How many calls were begun.
        sent: How many bytes were handed to the system, or wait for that.
        received: How many bytes were received.
        reconnects: How many connections were made after the first.
        timeouts: How many calls ran out of time.
        discarded: How many bytes were dropped as stale.
    """

    __slots__ = ("calls", "discarded", "received", "reconnects", "sent", "timeouts")

    def __init__(self) -> None:
        self.calls = self.sent = self.received = self.reconnects = self.timeouts = self.discarded = 0

    def __repr__(self) -> str:
        return f"Stats({', '.join(f'{name}={getattr(self, name)}' for name in self.__slots__)})"


class Life:
    """What a client has from one connection to the next.

    Attributes:
        settings: What can be set.
        address: Where the instrument is, as a text.
        lanes: The turns of its calls.
        connection: The connection, also one that has ended and was not looked at since; or ``None``.
        generation: How many connections were made.
        last_error: What broke the last one that broke.
        broken: The generation of that one.
        stats: Counts.
        log: Where to tell what happens.
        system: Knows the system.
    """

    def __init__(self, settings: Settings, address: str, connector: Connector, system: System) -> None:
        self.settings = settings
        self.address = address
        self.lanes = Lanes()
        self.connection: Connection | None = None
        self.generation = 0
        self.last_error: BaseException | None = None
        self.broken = 0
        self.stats = Stats()
        self.log = logging.getLogger(f"junto.TCP({address})")
        self._connector = connector
        self.system = system
        self._runtime: Runtime | None = None
        self._alarm: Alarm | None = None
        self._backoff = Backoff()
        self._initialising: Scope | None = None
        self._interruptions: set[Future[Any]] = set()
        # Counts openings, so that each closing ends just what was there when it was asked for.
        self._epoch = 0
        self._closed_epoch = -1

    @property
    def _world(self) -> Runtime:
        assert self._runtime is not None, "a call has entered the session"
        return self._runtime

    @property
    def epoch(self) -> int:
        """The number of the opening that was the last to begin."""
        return self._epoch

    def is_used(self) -> bool:
        """Tell whether there was a call yet."""
        return self._runtime is not None

    def counted(self) -> Stats:
        """Bring the counts up to date."""
        connection = self.connection
        if connection is not None and not connection.told:
            self.stats.received += connection.received
            connection.received = 0
        return self.stats

    def abandon(self) -> None:
        """Let go of the connection, from any thread: nobody will use it any more."""
        connection, self.connection = self.connection, None
        transport = None if connection is None else connection.transport
        if connection is None or transport is None:
            return
        connection.told = True
        try:
            self._world.call_soon_threadsafe(connection.abort)
        except RuntimeError:  # its event loop is closed, and touches it no more
            return  # and its transports close their sockets when they are collected

    def forget(self) -> None:
        """Have no connection and no calls, without touching them: they belong to another process."""
        connection, self.connection = self.connection, None
        self._runtime = self._alarm = self._initialising = None
        self._interruptions = set()
        self.lanes = Lanes()
        transport = None if connection is None else connection.transport
        sock = None if transport is None else transport.get_extra_info("socket")
        if sock is not None:
            sock.close()  # our copy of it: the other process goes on with its own

    def _make_connection(self) -> Connection:
        return Connection(
            self._world,
            weakref.ref(self),
            self.system,
            self.settings.buffer_size,
            tap_for(self.settings, self.log),
        )

    # -- what a connection tells --

    def eof_received(self, connection: Connection) -> None:
        self.log.info("the peer ended its side (generation %d)", connection.generation)
        callback = self.settings.on_eof_received
        if connection is self.connection and callback is not None:
            call_and_schedule(self._world, self.log, "on_eof_received", callback)

    def connection_lost(self, connection: Connection, error: Exception | None) -> None:
        if connection is self.connection:
            self._tell_lost(connection, error)

    def _tell_lost(self, connection: Connection, error: BaseException | None) -> None:
        """Tell once that *connection* is no more."""
        if connection.told:
            return
        connection.told = True
        if error is not None:
            self.last_error = error
            self.broken = connection.generation
        self.stats.received += connection.received
        ended_by_peer = connection.eof or error is not None
        self._backoff.connection_ended(
            self.settings.retry, self._world.time() - connection.since, by_peer=ended_by_peer
        )
        self.log.info("lost (generation %d): %s", connection.generation, error or "in order")
        callback = self.settings.on_connection_lost
        if callback is not None:
            call_and_schedule(self._world, self.log, "on_connection_lost", callback, error)

    # -- ending --

    def _drop(self, connection: Connection, error: BaseException | None) -> None:
        """Have no connection any more; what is not sent is never sent."""
        if connection is self.connection:
            self.connection = None
            self._tell_lost(connection, error)
        connection.told = True
        connection.fail(_closed)
        connection.buffer.clear()
        connection.abort()
        if self._alarm is not None:
            self._alarm.stop()

    async def close(self, epoch: int) -> None:
        """Close what was opened up to *epoch*, and fail all calls that wait; see `TCP.close`."""
        if epoch != self._epoch:
            return
        self._closed_epoch = epoch
        self.lanes.refuse(_closed)
        for future in list(self._interruptions):
            future.cancel()
        connection = self.connection
        if connection is None:
            return
        self.connection = None
        connection.ready = False
        connection.fail(_closed)
        connection.buffer.clear()
        self._tell_lost(connection, connection.error)
        if self._alarm is not None:
            self._alarm.stop()
        if connection.transport is not None:
            await self._wait_closed(connection)

    async def _wait_closed(self, connection: Connection) -> None:
        """Give unsent bytes their time to leave, and wait for the transport's end."""
        transport = connection.transport
        assert transport is not None, "who calls has looked"
        closed = connection.closed()
        timer = self._world.call_later(
            self.settings.linger if connection.unsent() else 0.25, connection.abort
        )
        try:
            transport.close()
            await closed
        except BaseException:
            connection.abort()
            raise
        finally:
            timer.cancel()

    # -- waiting for a turn --

    def _own_scope(self) -> Scope | None:
        """Give the scope of the callback that makes this call, if one does."""
        scope = self._initialising
        return scope if scope is not None and SCOPE.get() is scope else None

    def _is_over(self, deadline: float | None, *, early: float = 0.0) -> bool:
        return deadline is not None and self._world.time() >= deadline - early

    async def _wait_turn(self, lanes: Lanes, needs: int, deadline: float | None) -> None:
        """Wait for a turn that is not there yet."""
        if self._is_over(deadline):
            raise TimeoutError("the time given was over")
        future: Future[None] = self._world.create_future()
        lanes.enter(needs, future)
        try:
            await self._until(future, deadline)
        except BaseException:
            lanes.leave(needs, future)
            raise

    async def _until(self, future: Future[T], deadline: float | None) -> T:
        """Await *future*, and fail it at *deadline*."""
        if deadline is None:
            return await future
        alarm = self._alarm
        assert alarm is not None, "a call has entered the session"
        alarm.add(future, deadline)
        try:
            return await future
        finally:
            alarm.entries.pop(future, None)


def _closed() -> ConnectionClosedError:
    return ConnectionClosedError("the client was closed")
