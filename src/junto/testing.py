r"""For tests of protocols and parsers: the same bytes, cut in every way, must give the same.

    def test_echo() -> None:
        outcome = feed(echo, b"one\ntwo\nthr")
        assert outcome.output == b"one\ntwo\n"

Whoever receives from a network gets bytes in pieces that nobody chose. A parser that works with the
pieces of one test is therefore not tested.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from junto.errors import ProtocolViolation
from junto.sansio.coroutines import Connection

__all__ = ["Outcome", "cut", "feed", "feed_parser", "ways_to_cut"]

T = TypeVar("T")
E = TypeVar("E")

_RANDOM_WAYS = 20
_SHOWN = 12


@dataclass(frozen=True)
class Outcome(Generic[T, E]):
    """What a protocol gave.

    Attributes:
        output: All that it wrote.
        events: All that it emitted.
        result: What it returned; ``None`` as well if it did not.
        has_result: Whether it returned.
        error: The type and the text of what it raised.
        unused: The input that it had not consumed; nothing if it raised.
        pieces: How the input was cut.
    """

    output: bytes
    events: list[E]
    result: T | None
    has_result: bool
    error: tuple[type[BaseException], str] | None
    unused: bytes
    pieces: tuple[bytes, ...] = field(compare=False, repr=False)


def cut(data: bytes, sizes: Iterable[int]) -> Iterator[bytes]:
    """Cut *data* into pieces of these sizes, over and over, to its end."""
    at = 0
    for size in itertools.cycle(sizes):
        if at >= len(data):
            return
        yield data[at : at + size]
        at += size


def ways_to_cut(data: bytes, *, seed: int = 0) -> Iterator[tuple[bytes, ...]]:
    """Give pieces of *data*: all of it, single bytes, two parts in all ways, and parts of random sizes."""
    yield (data,)
    yield tuple(cut(data, [1]))
    for at in range(1, len(data)):
        yield data[:at], data[at:]
    chance = random.Random(seed)
    for _ in range(_RANDOM_WAYS):
        yield tuple(cut(data, [chance.randint(1, chance.choice((3, 10, 100))) for _ in range(50)]))


def feed(
    factory: Callable[[], Connection[T, E]],
    data: bytes,
    sizes: Iterable[Sequence[int]] | None = None,
    *,
    eof: bool = False,
    seed: int = 0,
) -> Outcome[T, E]:
    """Give *data* to a new connection for each way to cut it, and compare what they give.

    Args:
        factory: Makes connections.
        data: The input.
        sizes: The ways; each is the sizes of pieces, used over and over. Without it, those of `ways_to_cut`.
        eof: Whether the input ends after *data*.
        seed: For the random ways.

    Returns:
        What all of them gave.

    Raises:
        AssertionError: Two differ; the text tells how.
    """
    ways = ways_to_cut(data, seed=seed) if sizes is None else (tuple(cut(data, way)) for way in sizes)
    first: Outcome[T, E] | None = None
    for pieces in ways:
        outcome = _run(factory(), pieces, eof)
        if first is None:
            first = outcome
        elif outcome != first:
            raise AssertionError(
                f"cut as {_shown(first.pieces)}: {first}\ncut as {_shown(pieces)}: {outcome}\n"
                "the same input must give the same"
            )
    assert first is not None, "there is at least one way to cut"
    return first


def _shown(pieces: tuple[bytes, ...]) -> str:
    more = f" and {len(pieces) - _SHOWN} more" if len(pieces) > _SHOWN else ""
    return f"{list(pieces[:_SHOWN])}{more}"


def _run(connection: Connection[T, E], pieces: tuple[bytes, ...], eof: bool) -> Outcome[T, E]:
    output: list[bytes] = []
    error: BaseException | None = None
    with connection:
        try:
            output.append(connection.read())
            for piece in pieces:
                connection.send(piece)
                output.append(connection.read())
            if eof:
                connection.send_eof()
                output.append(connection.read())
        except Exception as raised:
            if not connection.failed:
                raise
            error = raised
            output.append(connection.read())
        return Outcome(
            output=b"".join(output),
            events=list(connection.events()),
            result=connection.get_result() if connection.has_result else None,
            has_result=connection.has_result,
            error=None if error is None else _told(error),
            unused=b"" if connection.failed else connection.unused_data,
            pieces=pieces,
        )


def _told(error: BaseException) -> tuple[type[BaseException], str]:
    if isinstance(error, ProtocolViolation):
        # Without the excerpt, which has what was there already.
        error = ProtocolViolation(error.message, error.offset)
    return type(error), str(error)


def feed_parser(
    make: Callable[[], Callable[[bytes], Iterable[Any]]], data: bytes, *, seed: int = 0
) -> list[Any]:
    """Do as `feed` for a parser that is a function from received bytes to what they complete.

    Args:
        make: Makes a new parser, for each way.
        data: The input.
        seed: For the random ways.

    Returns:
        What all of the parsers gave, in order.

    Raises:
        AssertionError: Two differ; the text tells how.
    """
    given: list[Any] = []
    for number, pieces in enumerate(ways_to_cut(data, seed=seed)):
        parse = make()
        found = [item for piece in pieces for item in parse(piece)]
        if number == 0:
            given = found
        elif found != given:
            raise AssertionError(f"whole: {given}\ncut as {_shown(pieces)}: {found}")
    return given
