"""The seam: what a layer may ask of the world it runs in.

Five worlds wait differently; the difference is how one waits for a *future*, and who
moves bytes and time. This module says so in types only: it runs nothing. Its names and
their meaning are those of asyncio's event loop, so that on asyncio most of them *are* the
loop's bound methods.

The contract of a future, which each runtime keeps and the conformance suite checks:

- One producer and one waiter. Several waiters go through `junto.waiting.Shared`.
- A producer asks `done()` before it settles, so that a late result is dropped in silence;
  settling twice is a mistake and raises.
- Callbacks and waiters run later, never inside `set_result`.
- A waiter that gives up cancels the future; `cancelled()` is how a producer learns that nobody
  cares any more.
- Awaiting a cancelled future raises the runtime's cancellation, a `BaseException`.

A *flow* is an ``async def`` that awaits only futures of its runtime and other flows. It names no
world, and so runs in each of them.

Nothing here but `time` and `call_soon_threadsafe` may be called from another thread than
the one that runs the runtime, unless the runtime says so (`junto.runtimes.threads` does).
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    import ssl

    from junto.address import Address

__all__ = [
    "BufferedEndpoint",
    "DatagramEndpoint",
    "DatagramTransport",
    "Endpoint",
    "Future",
    "Listener",
    "Runtime",
    "TimerHandle",
    "Transport",
]

T = TypeVar("T")


class Future(Protocol[T]):
    """A result that will be there later; see the contract in the module's text."""

    def done(self) -> bool: ...
    def cancelled(self) -> bool: ...
    def result(self) -> T: ...
    def exception(self) -> BaseException | None: ...
    def set_result(self, result: T, /) -> None: ...
    def set_exception(self, error: Any, /) -> None: ...
    def cancel(self) -> bool: ...
    def add_done_callback(self, callback: Callable[[Any], object], /) -> None: ...
    def __await__(self) -> Generator[Any, None, T]: ...


class TimerHandle(Protocol):
    """A callback that waits for its time."""

    def cancel(self) -> None: ...


class Transport(Protocol):
    """Moves bytes to and from one peer; asyncio's transport, as far as layers use it.

    `write` never blocks and never raises for a broken connection: that is told once, by the
    endpoint's ``connection_lost``. `close` sends what is buffered first, `abort` does not; what is
    written after either is dropped.

    Where asyncio and uvloop are weak, the seam promises less: inside ``connection_made``,
    `pause_reading` may come too early to hold anything back; after closing, `writelines` may not be
    called; and after ``connection_lost`` an endpoint lets go of its transport: no method but
    `is_closing` may be called then.
    """

    def write(self, data: bytes | bytearray | memoryview, /) -> None: ...
    def writelines(self, chunks: list[bytes], /) -> None: ...
    def write_eof(self) -> None: ...
    def can_write_eof(self) -> bool: ...
    def close(self) -> None: ...
    def abort(self) -> None: ...
    def is_closing(self) -> bool: ...
    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...
    def get_write_buffer_size(self) -> int: ...
    def get_extra_info(self, name: str, default: Any = None) -> Any: ...


class _AnyEndpoint(Protocol):
    """What every endpoint of a stream has: the callbacks of asyncio's protocols."""

    def connection_made(self, transport: Any, /) -> None: ...
    def eof_received(self) -> bool | None: ...
    def connection_lost(self, error: Exception | None, /) -> None: ...
    def pause_writing(self) -> None: ...
    def resume_writing(self) -> None: ...


class Endpoint(_AnyEndpoint, Protocol):
    """Gets called with what a transport receives, as bytes objects."""

    def data_received(self, data: bytes, /) -> None: ...


class BufferedEndpoint(_AnyEndpoint, Protocol):
    """Gets called with what a transport receives, in a buffer that it names itself.

    A runtime reads into `get_buffer` and calls `buffer_updated` in one go: nothing else of
    this runtime runs between the two, so endpoints may share one buffer.
    """

    def get_buffer(self, sizehint: int, /) -> memoryview: ...
    def buffer_updated(self, nbytes: int, /) -> None: ...


class Listener(Protocol):
    """Accepts connections until it is closed; connections made by it live on."""

    @property
    def address(self) -> Address:
        """Where it really listens: with the port that the system chose for 0."""
        ...

    def close(self) -> None: ...


class DatagramTransport(Protocol):
    """Sends and receives datagrams at one address."""

    def sendto(self, data: bytes, address: Any = None, /) -> None: ...
    def close(self) -> None: ...
    def is_closing(self) -> bool: ...
    def get_extra_info(self, name: str, default: Any = None) -> Any: ...


class DatagramEndpoint(Protocol):
    """Gets called with the datagrams that a transport receives."""

    def connection_made(self, transport: Any, /) -> None: ...
    def datagram_received(self, data: bytes, address: Any, /) -> None: ...
    def error_received(self, error: Exception, /) -> None: ...
    def connection_lost(self, error: Exception | None, /) -> None: ...


class Runtime(Protocol):
    """One world: its time, its futures, its tasks, its connections."""

    @property
    def read_buffer(self) -> memoryview:
        """One buffer for all endpoints that share it; valid until the callback returns."""
        ...

    def time(self) -> float:
        """Tell the time in seconds, on a clock that never goes back."""
        ...

    def call_soon(self, callback: Callable[..., object], /, *args: Any) -> object:
        """Call *callback* in the next turn, after those that were asked for before."""
        ...

    def call_soon_threadsafe(self, callback: Callable[..., object], /, *args: Any) -> object:
        """Do as `call_soon`, from any thread."""
        ...

    def call_later(self, delay: float, callback: Callable[..., object], /, *args: Any) -> TimerHandle:
        """Call *callback* after *delay* seconds, unless the handle is cancelled before."""
        ...

    def create_future(self) -> Future[Any]: ...

    def create_task(self, flow: Coroutine[Any, Any, T], /) -> Future[T]:
        """Run *flow* beside the caller.

        Its first step may be made at once, inside the call. Cancelling the future cancels the
        flow at the place where it waits, or where it waits next. Whether it may wait again on its way
        out is the world's to say: in trio, only in a shielded scope.
        """
        ...

    async def connect(
        self,
        address: Address,
        factory: Callable[[], Endpoint | BufferedEndpoint],
        *,
        tls: ssl.SSLContext | None = None,
    ) -> Transport:
        """Open one connection, with one attempt, and call ``connection_made``.

        Raises:
            ConnectionFailed: It could not be opened; nothing is left of it.
        """
        ...

    async def listen(
        self,
        address: Address,
        factory: Callable[[], Endpoint | BufferedEndpoint],
        *,
        tls: ssl.SSLContext | None = None,
        handshake_timeout: float | None = None,
    ) -> Listener:
        """Accept connections at *address* and make an endpoint for each.

        Who has not ended the TLS handshake within *handshake_timeout* seconds is cut off; ``None`` leaves
        the number to the runtime.

        Raises:
            ConnectionFailed: The address cannot be used.
        """
        ...

    async def look_up(self, host: str) -> list[str]:
        """Find the IP addresses of *host*, in the order in which the system wants them to be tried.

        Raises:
            ConnectionFailed: It has none.
        """
        ...

    async def open_datagram(
        self, address: Address, factory: Callable[[], DatagramEndpoint]
    ) -> DatagramTransport:
        """Receive datagrams at *address*.

        Raises:
            ConnectionFailed: The address cannot be used.
        """
        ...

    def adopt(self, result: Any, /) -> Any:
        """Make of what a handler returned something that layers know.

        A world whose programs wait in a way of their own makes futures, flows or generators of that; all
        else comes back as it is.
        """
        ...

    def call_in_worker(self, function: Callable[[], T], /, *, pool: Any) -> Future[T]:
        """Call *function* in a thread of *pool*, a ``concurrent.futures.Executor``."""
        ...

    def stop(self) -> Future[None]:
        """Close all that this runtime opened and cancel what `create_task` made; done when nothing is left.

        Connections get a second to send what they hold. Not to be awaited in such a task, for that
        is cancelled as well. The runtime can be used again.
        """
        ...
