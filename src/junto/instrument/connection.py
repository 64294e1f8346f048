"""One connection of a client: the endpoint that a transport calls.

There is one reader at a time, and it waits on one future: what arrives is looked at in the callback,
and only what satisfies the reader wakes him. Large reads are received into the reader's own memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol

from junto.errors import fresh
from junto.instrument.errors import ConnectionClosedError
from junto.instrument.lanes import Lanes
from junto.instrument.system import System
from junto.instrument.wants import Want, ended
from junto.runtime import Future, Runtime, Transport
from junto.sansio.lines import LineBuffer

__all__ = ["Connection", "Filling", "Owner"]

# Up to so many bytes are usually one reply, and become it; of more, a copy is saved.
_SMALL: Final = 4096

Tap = Callable[[str, int, bytes], object]


class Owner(Protocol):
    """Whom a connection tells of its end."""

    def eof_received(self, connection: Connection, /) -> None: ...
    def connection_lost(self, connection: Connection, error: Exception | None, /) -> None: ...


class Filling:
    """Memory that is being filled with what arrives.

    Attributes:
        view: All of it, as bytes.
        filled: How many bytes are there.
        arrived: Called each time some have come.
    """

    __slots__ = ("arrived", "filled", "future", "view")

    def __init__(
        self, view: memoryview, future: Future[None], arrived: Callable[[int], object] | None
    ) -> None:
        self.view = view
        self.filled = 0
        self.future = future
        self.arrived = arrived


class Connection:
    """The endpoint of one connection.

    Attributes:
        transport: Moves the bytes.
        generation: Which connection of its client it is.
        buffer: What was received and not read.
        ready: Whether it may be used by everybody: it was initialised.
        guests: The turns of calls that whoever initialised it has begun and not waited for; ``None``
            if there are none.
        writable: Whether a write has a chance: the peer has ended nothing.
        eof: Whether the peer has ended its side.
        error: What broke it, or ``None``.
        lost: Whether the transport is gone.
        paused: Whether the peer, or the network, does not take what we send.
        holding: Whether we take no more because too much waits to be read.
        since: When it was made, on the runtime's clock.
        last_received: When the last bytes came; kept up only while somebody wants to know.
    """

    __slots__ = (
        "_closed",
        "_create_future",
        "_filling",
        "_limit",
        "_most",
        "_owner",
        "_runtime",
        "_served",
        "_shared",
        "_system",
        "_tap",
        "_waiter",
        "_want",
        "_writer",
        "buffer",
        "eof",
        "error",
        "generation",
        "guests",
        "holding",
        "lost",
        "paused",
        "ready",
        "received",
        "since",
        "told",
        "transport",
        "writable",
    )

    def __init__(
        self, runtime: Runtime, owner: Callable[[], Owner | None], system: System, limit: int, tap: Tap | None
    ) -> None:
        """Prepare for a transport.

        Args:
            runtime: The world it lives in.
            owner: Gives whom to tell of the end, or ``None`` if he is gone: this is no reference
                that keeps him alive.
            system: Makes errors.
            limit: Above twice as many bytes that nobody reads, no more are received.
            tap: Called with the direction, the generation and the bytes, of all that goes to and fro.
        """
        self._runtime = runtime
        self._owner = owner
        self._system = system
        self._most = 2 * limit
        self._limit = limit
        self._tap = tap
        self._shared = runtime.read_buffer
        self._create_future = runtime.create_future
        self._want: Want[Any] | None = None
        self._served: Callable[[Future[Any]], object] | None = None
        self._waiter: Future[Any] | None = None
        self._filling: Filling | None = None
        self._writer: Future[None] | None = None
        self._closed: Future[None] | None = None
        self.transport: Transport | None = None
        self.generation = 0
        self.buffer = LineBuffer()
        self.ready = False
        self.guests: Lanes | None = None
        self.writable = True
        self.eof = False
        self.error: Exception | None = None
        self.lost = False
        self.paused = False
        self.holding = False
        self.told = False
        self.since = 0.0
        self.received = 0

    # -- what the transport calls --

    def connection_made(self, transport: Transport) -> None:
        self.transport = transport
        self.since = self._runtime.time()

    def get_buffer(self, sizehint: int) -> memoryview:
        filling = self._filling
        return self._shared if filling is None else filling.view[filling.filled :]

    def buffer_updated(self, nbytes: int) -> None:
        self.received += nbytes
        if self._filling is not None:
            self._fill(self._filling, nbytes)
            return
        data: bytes | memoryview = self._shared[:nbytes]
        if nbytes <= _SMALL:
            data = bytes(data)
        if self._tap is not None:
            self._tap("<", self.generation, bytes(data))
        waiter = self._waiter
        if waiter is None or waiter.done():
            self.buffer.append(data)
            if len(self.buffer) > self._most and not self.holding and self.transport is not None:
                self.holding = True
                self.transport.pause_reading()
            return
        assert self._want is not None, "who waits wants something"
        try:
            taken = self._want.take_from(self.buffer, data)
        except Exception as error:
            waiter.set_exception(error)
        else:
            if taken is None:
                return
            waiter.set_result(taken)
            if self._served is not None:
                self._served(waiter)
        self._waiter = None

    def _fill(self, filling: Filling, nbytes: int) -> None:
        start = filling.filled
        filling.filled += nbytes
        if self._tap is not None:
            self._tap("<", self.generation, bytes(filling.view[start : filling.filled]))
        if filling.arrived is not None:
            filling.arrived(nbytes)
        if filling.filled == len(filling.view):
            self._filling = None
            if not filling.future.done():
                filling.future.set_result(None)

    def eof_received(self) -> bool:
        self.eof = True
        self.writable = False
        self._ended()
        owner = self._owner()
        if owner is None:
            return False
        owner.eof_received(self)
        return True  # our side stays open until the client is closed, or connects anew

    def connection_lost(self, error: Exception | None) -> None:
        self.transport = None
        self.lost = True
        self.writable = False
        if not self.told and not self.eof and self.error is None:
            self.error = error or ConnectionClosedError("the connection was closed")
        self._ended()
        if self._writer is not None and not self._writer.done():
            self._writer.set_exception(self.broken())
        if self._closed is not None and not self._closed.done():
            self._closed.set_result(None)
        owner = self._owner()
        if owner is not None:
            owner.connection_lost(self, error)

    def pause_writing(self) -> None:
        self.paused = True

    def resume_writing(self) -> None:
        self.paused = False
        if self._writer is not None and not self._writer.done():
            self._writer.set_result(None)

    def _ended(self) -> None:
        """Let the reader have what there is."""
        self.buffer.end()
        filling = self._filling
        if filling is not None:
            self._filling = None
            if not filling.future.done():
                filling.future.set_result(None)  # whoever filled sees that it is not full
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            try:
                waiter.set_result(self.finish(self._want))
            except Exception as error:
                waiter.set_exception(error)
            else:
                if self._served is not None:
                    self._served(waiter)
            self._waiter = None

    # -- what the session calls --

    def broken(self) -> BaseException:
        """Make the error for one who needs more than there is."""
        return ended() if self.error is None else fresh(self.error)

    def finish(self, want: Want[Any] | None) -> Any:
        """Take what there is, now that the peer has ended; raise if that is too little."""
        assert want is not None, "who waits wants something"
        taken = want.take(self.buffer)
        if taken is not None:
            return taken
        if self.error is not None:
            raise fresh(self.error)
        return want.finish(self.buffer, self._system)

    def wait(self, want: Want[Any]) -> Future[Any]:
        """Begin to wait for *want*, which is not there yet; the caller is the only reader."""
        future = self._waiter = self._create_future()
        self._want = want
        self._served = None
        if self.holding:
            self.relax()
        return future

    def ask(
        self, data: bytes, want: Want[Any], served: Callable[[Future[Any]], object] | None
    ) -> Future[Any]:
        """Send *data* and begin to wait for *want*; as `write` and `wait`, of a connection that is there."""
        transport = self.transport
        assert transport is not None, "who asks has looked"
        if self._tap is not None:
            self._tap(">", self.generation, data)
        transport.write(data)
        future = self._waiter = self._create_future()
        self._want = want
        self._served = served
        return future

    def fill(self, view: memoryview, arrived: Callable[[int], object] | None = None) -> Filling:
        """Begin to fill *view* with what comes next; nothing is buffered any more."""
        future: Future[None] = self._runtime.create_future()
        filling = self._filling = Filling(view, future, arrived)
        if self.holding:
            self.relax()
        return filling

    def stop_waiting(self) -> None:
        """Forget the reader, who has given up."""
        self._waiter = None
        self._filling = None

    def relax(self) -> None:
        """Receive again, if little enough is left, or somebody wants more."""
        if self.transport is not None and (
            self._waiter is not None or self._filling is not None or len(self.buffer) <= self._limit
        ):
            self.holding = False
            if not self.eof:
                self.transport.resume_reading()

    def write(self, data: bytes) -> None:
        if self.transport is None or not self.writable:
            raise self.broken()
        if self._tap is not None:
            self._tap(">", self.generation, data)
        self.transport.write(data)

    def room(self) -> Future[None]:
        """Begin to wait until the peer takes more; the caller is the only writer."""
        self._writer = self._runtime.create_future()
        return self._writer

    def fail(self, error: Callable[[], BaseException]) -> None:
        """Fail those who wait here."""
        filling = None if self._filling is None else self._filling.future
        for future in (self._waiter, self._writer, filling):
            if future is not None and not future.done():
                future.set_exception(error())
        self.stop_waiting()

    def unsent(self) -> int:
        return 0 if self.transport is None else self.transport.get_write_buffer_size()

    def abort(self) -> None:
        self.writable = self.ready = False
        if self.transport is not None:
            self.transport.abort()

    def closed(self) -> Future[None]:
        """Begin to wait until the transport is gone."""
        self._closed = self._runtime.create_future()
        if self.lost:
            self._closed.set_result(None)
        return self._closed
