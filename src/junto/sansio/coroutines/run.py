"""One run of a protocol function: how it goes on, and how it ends."""

from __future__ import annotations

from collections.abc import Callable, Generator
from types import TracebackType
from typing import Any, Final, Generic, NoReturn, TypeVar

from junto.errors import BufferFull, IncompleteRead
from junto.sansio.coroutines.primitive import Primitive
from junto.sansio.coroutines.protocol_io import (
    CLOSED,
    FAILED,
    FINISHED,
    NEVER,
    READY,
    RUNNING,
    SUSPENDED,
    ProtocolIO,
    Suspension,
    current,
    set_current,
)

__all__ = ["MAX_INPUT", "Run", "refuse_reentry"]

T_co = TypeVar("T_co", covariant=True)
E_co = TypeVar("E_co", covariant=True)

MAX_INPUT: Final = 1 << 20
"""How many bytes may wait in the input, if nobody says otherwise."""


class Run(Generic[T_co, E_co]):
    """A protocol that goes on step by step, each to the next place where it waits."""

    __slots__ = (
        "_at_rest",
        "_eof_ok",
        "_error",
        "_generator",
        "_input",
        "_io",
        "_output",
        "_result",
        "_strict",
        "_traceback",
    )

    def __init__(
        self,
        steps: Generator[Suspension[E_co], None, T_co],
        *,
        max_input: int | None = MAX_INPUT,
        max_output: int | None = None,
        eof_ok: bool = False,
        strict: bool = False,
    ) -> None:
        """Run *steps* as far as they go; what they raise is raised here.

        See `protocol` for the options.
        """
        self._io = ProtocolIO(NEVER if max_input is None else max_input, max_output)
        self._input = self._io.input
        self._output = self._io.output
        self._eof_ok = eof_ok
        self._strict = strict
        self._generator: Generator[Suspension[E_co], None, T_co] | None = steps
        self._at_rest = READY
        self._result: T_co
        self._error: BaseException | None = None
        self._traceback: TracebackType | None = None
        self._advance()

    def _drain(self) -> None:
        """Let the protocol go on as if all its output were taken, now and while it goes on: so it will be."""
        self._io.flowing = True
        try:
            self._advance()
        finally:
            self._io.flowing = False

    def _close(self, _: object) -> NoReturn:
        assert self._generator is not None, "an ended protocol is not closed"
        self._generator.close()
        raise _Closed

    def _wake(self) -> None:
        """Let go on what waits for any event; it is also how a protocol that runs is found out."""
        if self._io.state == RUNNING:
            refuse_reentry()
        self._advance()

    def _advance(self, step: Callable[[Any], object] | None = None, value: Any = None) -> None:
        """Let the protocol go on to the next place where it waits; *step* is another way to do it."""
        io = self._io
        generator = self._generator
        assert generator is not None, "a protocol at its end does not go on"
        before = current()
        if before is not io:
            set_current(io)
        if self._input.later:
            self._input.gather()
        io.state = RUNNING
        io.needed = 0
        try:
            suspension = generator.send(None) if step is None else step(value)
        except StopIteration as stop:
            self._result = stop.value
            self._end(FINISHED)
        except _Closed:
            self._end(CLOSED)
        except IncompleteRead as error:
            if self._eof_ok and not error.partial:
                self._result = None  # type: ignore[assignment]  # for that, the function says that it may return None
                self._end(FINISHED)
                return
            self._fail(error)
            raise
        except BaseException as error:
            self._fail(error)
            raise
        else:
            io.state = self._at_rest
            if suspension is not SUSPENDED:
                self._stop(_explain(suspension))
            unread = self._input
            if unread.at == len(unread.data):
                # `InputBuffer.clear`, without a call.
                unread.before += unread.at
                unread.at = unread.scanned = 0
                unread.data = b""
            elif unread.trim() > io.full and not io.draining:
                self._stop(BufferFull(io.full, "what the protocol waits for"))
        finally:
            if before is not io and before.state == RUNNING:
                set_current(before)

    def _end(self, state: int) -> None:
        self._generator = None
        io = self._io
        io.state = state
        io.needed = NEVER
        self._input.trim()

    def _fail(self, error: BaseException) -> None:
        self._error = error
        self._traceback = error.__traceback__
        self._end(FAILED)

    def _stop(self, error: Exception) -> NoReturn:
        """End a protocol that did not end itself."""
        generator = self._generator
        assert generator is not None, "a protocol at its end is not ended again"
        self._fail(error)
        generator.close()
        raise error


class _Closed(BaseException):
    """The protocol has ended because it was told to."""


def refuse_reentry() -> NoReturn:
    """Tell a protocol that it uses its own connection, which is as it was."""
    raise RuntimeError("a protocol cannot drive the connection that it runs on")


def _explain(yielded: object) -> RuntimeError:
    if isinstance(yielded, Primitive):
        name = type(yielded).__name__
        return RuntimeError(f"the protocol did `yield {name}(...)`: write `yield from {name}(...)`")
    return RuntimeError(
        f"the protocol yielded {yielded!r}: it may yield nothing itself; `yield from` is for primitives and "
        "for functions made of them"
    )
