"""Protocols joined in memory: one against the other, and one inside the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Never, TypeVar, cast

from junto.sansio.coroutines.connection import Connection
from junto.sansio.coroutines.primitive import Primitive, primitive
from junto.sansio.coroutines.primitives import at_eof, peek, put, read, wait
from junto.sansio.coroutines.protocol_io import Steps

__all__ = ["Wired", "subprotocol", "wire"]

T = TypeVar("T")


class Wired(NamedTuple):
    """How two connections ended up.

    Attributes:
        steps: How often bytes were passed on.
        deadlock: Whether both wait for the other.
    """

    steps: int
    deadlock: bool


def wire(a: Connection[Any, Any], b: Connection[Any, Any], *, max_steps: int = 100_000) -> Wired:
    """Pass the output of each connection to the other's input, until neither makes progress.

    Args:
        a: One end.
        b: The other end.
        max_steps: How often bytes may be passed on.

    Raises:
        RuntimeError: They still had something to say after *max_steps*.
        Exception: What one of the protocols raised.
    """
    steps = 0
    quiet = 0
    source, target = a, b
    while quiet < 2:
        # Limited, since there are protocols that never stop to write.
        data = source.read(1 << 16)
        quiet = 0 if data else quiet + 1
        if data:
            if steps == max_steps:
                raise RuntimeError(f"the two were not done after {max_steps:,} steps")
            steps += 1
            target.send(data)
        source, target = target, source
    return Wired(steps, not a.finished and not b.finished)


def _unchanged(data: bytes) -> bytes:
    return data


def subprotocol(
    inner: Connection[T, Any],
    *,
    incoming: Callable[[bytes], bytes] = _unchanged,
    outgoing: Callable[[bytes], bytes] = _unchanged,
) -> Primitive[Never, T]:
    """Run another connection on bytes that are transformed on their way, to its result.

    All input that comes meanwhile is given to *inner*; what it leaves is in its ``unused_data``. The
    end of the input is passed on.

    Args:
        inner: What speaks the inner protocol.
        incoming: Makes its input of ours; called with pieces of any size, in order.
        outgoing: Makes our output of its output, likewise.
    """
    return cast("Primitive[Never, T]", _subprotocol(inner, incoming, outgoing))


@primitive
def _subprotocol(
    inner: Connection[Any, Any], incoming: Callable[[bytes], bytes], outgoing: Callable[[bytes], bytes]
) -> Steps[Any]:
    while True:
        yield from put(outgoing(inner.read()))
        if inner.finished:
            return inner.get_result()
        if (yield from at_eof()):
            inner.send_eof()
            continue
        if not (yield from peek(1)):
            yield from wait()
        inner.send(incoming((yield from read())))
