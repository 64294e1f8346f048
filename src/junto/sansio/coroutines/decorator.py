"""Making connections of protocol functions."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Generator
from typing import Any, ParamSpec, TypeVar, overload

from junto.sansio.coroutines.connection import Connection
from junto.sansio.coroutines.protocol_io import Suspension
from junto.sansio.coroutines.run import MAX_INPUT

__all__ = ["protocol"]

P = ParamSpec("P")
T = TypeVar("T")
E = TypeVar("E")


@overload
def protocol(
    function: Callable[P, Generator[Suspension[E], None, T]], /
) -> Callable[P, Connection[T, E]]: ...
@overload
def protocol(
    *,
    max_input: int | None = MAX_INPUT,
    max_output: int | None = None,
    eof_ok: bool = False,
    strict: bool = False,
) -> Callable[[Callable[P, Generator[Suspension[E], None, T]]], Callable[P, Connection[T, E]]]: ...
def protocol(
    function: Callable[..., Any] | None = None,
    /,
    *,
    max_input: int | None = MAX_INPUT,
    max_output: int | None = None,
    eof_ok: bool = False,
    strict: bool = False,
) -> Any:
    """Make a factory of connections of a generator function that is made of primitives.

    Calling the factory, with the function's own arguments, runs the function up to its first primitive that
    waits, and returns a new `Connection`. Use it with options, or without: ``@protocol`` or
    ``@protocol(max_input=None)``.

    Args:
        function: The protocol.
        max_input: How many bytes may wait while the protocol needs still more; ``None`` for any number.
        max_output: From how many bytes on `put` waits as `flush` does; ``None`` for never.
        eof_ok: Whether the input may end where nothing is half done: an `IncompleteRead` without a part
            that nobody catches is then the end of the protocol, with the result ``None``.
        strict: Whether input after the end of the protocol is refused instead of kept.

    Raises:
        ValueError: *function* is no generator function.
    """
    if function is None:
        return functools.partial(
            protocol, max_input=max_input, max_output=max_output, eof_ok=eof_ok, strict=strict
        )
    if not inspect.isgeneratorfunction(function):
        raise ValueError(f"a protocol is a generator function, which {function!r} is not")

    made = function

    def connect(*args: Any, **kwargs: Any) -> Connection[Any, Any]:
        return Connection(
            made(*args, **kwargs),
            max_input=max_input,
            max_output=max_output,
            eof_ok=eof_ok,
            strict=strict,
        )

    return functools.update_wrapper(connect, function)
