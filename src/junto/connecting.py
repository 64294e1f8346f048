"""Opening a connection, with as many attempts as the time allows."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from typing import TYPE_CHECKING, Any, Final, TypeVar

from junto.address import Address
from junto.errors import ConnectionFailed, RequestTimeout
from junto.runtime import BufferedEndpoint, Endpoint, Runtime, Transport
from junto.waiting import Deadline, within

if TYPE_CHECKING:
    import ssl

__all__ = ["keep_trying", "open_transport", "pauses", "sleep"]

T = TypeVar("T")

ATTEMPT: Final = 30.0
"""How long one attempt may take at most, in seconds."""


def pauses(first: float = 0.05, factor: float = 1.5, longest: float = 5.0) -> Iterator[float]:
    """Give the pauses between attempts, in seconds, each longer than the one before."""
    pause = first
    while True:
        yield pause
        pause = min(pause * factor, longest)


async def sleep(runtime: Runtime, seconds: float) -> None:
    """Wait on the runtime's clock."""
    future = runtime.create_future()

    def wake() -> None:
        if not future.done():
            future.set_result(None)

    timer = runtime.call_later(seconds, wake)
    try:
        await future
    finally:
        timer.cancel()


async def open_transport(
    runtime: Runtime,
    address: Address,
    factory: Callable[[], Endpoint | BufferedEndpoint],
    *,
    timeout: float | None = 0.0,
    tls: ssl.SSLContext | None = None,
) -> Transport:
    """Connect; try again, with growing pauses, while time is left.

    Args:
        runtime: The world to connect in.
        address: Where to.
        factory: Makes the endpoint, anew for each attempt.
        timeout: 0 for one attempt, of at most 30 s; seconds to go on trying;
            ``None`` to try for ever.
        tls: What a ``tls://`` address needs.

    Raises:
        ConnectionFailed: The last attempt failed, and its error is this one.
    """
    return await keep_trying(
        runtime,
        lambda: runtime.connect(address, factory, tls=tls),
        f"connecting to {address}",
        timeout=timeout,
    )


async def keep_trying(
    runtime: Runtime,
    attempt: Callable[[], Coroutine[Any, Any, T]],
    what: str,
    *,
    timeout: float | None,
    longest: float = ATTEMPT,
    hopeless: type[ConnectionFailed] | tuple[()] = (),
) -> T:
    """Make attempts, with growing pauses, while time is left, and give the result of the first that succeeds.

    Args:
        runtime: Whose clock says what time is left.
        attempt: Begins one.
        what: What is done, for the error of one that took too long.
        timeout: As for `open_transport`.
        longest: How long one attempt may take at most, in seconds.
        hopeless: Errors after which there is none.

    Raises:
        ConnectionFailed: The last attempt failed, and its error is this one.
    """
    once = timeout is not None and timeout <= 0
    deadline = Deadline(runtime, None if once else timeout)
    reason: ConnectionFailed | None = None
    for pause in pauses():
        try:
            return await within(runtime, deadline.remaining(longest), attempt(), what)
        except hopeless:
            raise
        except ConnectionFailed as error:
            reason = error
        except RequestTimeout as error:
            # That the time was over says less than why the attempts before it failed.
            if reason is None:
                reason = ConnectionFailed(str(error))
                reason.__cause__ = error
        left = deadline.remaining()
        if once or left == 0.0:
            raise reason
        await sleep(runtime, pause if left is None else min(pause, left))
    raise AssertionError("the pauses never end")
