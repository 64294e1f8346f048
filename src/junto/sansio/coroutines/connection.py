"""The driver's side of a connection: bytes in, bytes, events and a result out."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Flag, auto
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from junto.errors import NoResult, ProtocolFinished
from junto.sansio.coroutines.buffer import as_bytes, check_size
from junto.sansio.coroutines.protocol_io import CLOSED, FAILED, FINISHED, INPUT_ENDED, NEVER, READY, RUNNING
from junto.sansio.coroutines.run import Run, refuse_reentry

if TYPE_CHECKING:
    from junto.sansio.coroutines.buffer import BytesLike

__all__ = ["Connection", "Wants"]

T_co = TypeVar("T_co", covariant=True)
E_co = TypeVar("E_co", covariant=True)


class Wants(Flag):
    """What would make a protocol go on."""

    INPUT = auto()
    OUTPUT_DRAINED = auto()


class Connection(Run[T_co, E_co]):
    """One run of a protocol function, that returns a *T* and emits events of type *E*.

    It does nothing by itself: the protocol goes on inside the methods of this object, and all of them
    return at once. It is not to be used by two threads at a time.
    """

    __slots__ = ("__weakref__",)

    # What the driver gives

    def send(self, data: BytesLike) -> None:
        """Append *data* to the input, and let the protocol go on as far as it can.

        Empty data are no end of the input; they only wake a `wait`.

        Raises:
            TypeError: *data* is not bytes-like; nothing has changed.
            BufferFull: More than ``max_input`` bytes wait now for the protocol, which has failed by that.
            ProtocolFinished: The protocol has failed, was closed, or is ``strict`` and has ended; or
                the end of the input was told.
            Exception: What the protocol raised.
        """
        if type(data) is not bytes:
            data = as_bytes(data)
        io = self._io
        unread = self._input
        if io.state:
            self._send_late(data)
        elif unread.data:
            if unread.append(data) >= io.needed:
                self._advance()
        else:
            unread.data = data
            if len(data) >= io.needed:
                self._advance()

    def _send_late(self, data: bytes) -> None:
        state = self._io.state
        if state == RUNNING:
            refuse_reentry()
        if self._io.ended:
            raise ProtocolFinished("the end of the input was told before")
        if state == FAILED:
            raise ProtocolFinished("the protocol has failed") from self._error
        if state == CLOSED or self._strict:
            raise ProtocolFinished("the protocol is at its end")
        self._input.append(data)

    def get_buffer(self, hint: int = -1) -> bytearray:
        """Give room for received bytes, to be told by `buffer_updated`; the other way to `send`."""
        return self._input.get_buffer(hint)

    def buffer_updated(self, nbytes: int) -> None:
        """Take *nbytes* that were received into `get_buffer`; raises what `send` raises."""
        if self._io.state:
            self._send_late(bytes(memoryview(self._input.get_buffer())[:nbytes]))
        elif self._input.buffer_updated(nbytes) >= self._io.needed:
            self._advance()

    def send_eof(self) -> None:
        """Tell that there will be no more input; telling it twice is allowed.

        Primitives that need more than there is raise `IncompleteRead` in the protocol.

        Raises:
            Exception: What the protocol raised.
        """
        if self._io.state == RUNNING:
            refuse_reentry()
        io = self._io
        if io.ended:
            return
        io.ended = True
        if self._io.state == READY:
            io.state = self._at_rest = INPUT_ENDED
            io.end_told = io.needed == 0
            if io.needed != NEVER:
                self._advance()

    def throw(self, error: BaseException) -> None:
        """Raise *error* in the protocol, at the primitive where it waits.

        Raises:
            ProtocolFinished: The protocol is at its end.
            Exception: What the protocol raised; *error* itself, unless it is caught there.
        """
        if self._io.state == RUNNING:
            refuse_reentry()
        if self._generator is None:
            raise ProtocolFinished("the protocol is at its end") from self._error
        self._advance(self._generator.throw, error)

    def close(self) -> None:
        """End the protocol where it waits; its ``finally`` blocks are run. Closing twice is allowed.

        Raises:
            Exception: What the protocol raised at that.
        """
        if self._io.state == RUNNING:
            refuse_reentry()
        if self._generator is not None:
            self._advance(self._close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    # What the driver takes

    def read(self, nbytes: int | None = None) -> bytes:
        """Take up to *nbytes* of the output, without an argument all of it; ``b""`` if there is none.

        What the protocol writes when its output was taken is taken by the same call.

        Raises:
            ValueError: *nbytes* is negative.
            Exception: What the protocol raised; the output is still there.
        """
        io = self._io
        if not io.needed:
            self._wake()
        if nbytes is not None:
            return self._read_some(nbytes)
        if io.draining:
            self._drain()
        return self._output.take_all() if io.chunks else b""

    def _read_some(self, nbytes: int) -> bytes:
        check_size(nbytes)
        output = self._output
        pieces = [output.take(nbytes)]
        left = nbytes - len(pieces[0])
        try:
            while self._io.draining and not output.chunks:
                self._advance()
                if not left:
                    break
                pieces.append(output.take(left))
                left -= len(pieces[-1])
        except BaseException:
            output.give_back(b"".join(pieces))
            raise
        return b"".join(pieces)

    def read_into(self, buffer: bytearray | memoryview) -> int:
        """Take as much output as *buffer* has room for, and put it there; return how many bytes they were."""
        with memoryview(buffer) as whole, whole.cast("B") as target:
            data = self.read(len(target))
            target[: len(data)] = data
            return len(data)

    def read_chunks(self) -> list[bytes]:
        """Take all output as `read` does, as the chunks in which it was written, not joined."""
        io = self._io
        if not io.needed:
            self._wake()
        if io.draining:
            self._drain()
        return self._output.take_chunks()

    def exchange(self, data: BytesLike) -> bytes:
        """Do `send` and then `read`."""
        self.send(data)
        return self.read()

    def get_result(self) -> T_co:
        """Return what the protocol returned.

        Raises:
            NoResult: It has not returned, or was closed.
            Exception: What the protocol raised.
        """
        if not self._io.needed:
            self._wake()
        if self._io.state == FINISHED:
            return self._result
        if self._error is not None:
            raise self._error.with_traceback(self._traceback)
        raise NoResult(
            "the protocol was closed" if self._io.state == CLOSED else "the protocol has not returned yet"
        )

    def events(self) -> Iterator[E_co]:
        """Take the events that were emitted, oldest first."""
        while events := self._io.events:
            yield events.popleft()

    def next_event(self) -> E_co:
        """Take the oldest event.

        Raises:
            NoResult: There is none.
        """
        events = self._io.events
        if not events:
            raise NoResult("there is no event")
        event: E_co = events.popleft()
        return event

    def take_unused(self) -> bytes:
        """Take the input that the protocol left when it ended, to give it to another.

        Raises:
            RuntimeError: The protocol has not ended.
        """
        if self._generator is not None:
            raise RuntimeError("the protocol has not ended and may use what is there")
        return self._input.read()

    # What the driver sees; nothing of it runs the protocol

    @property
    def has_result(self) -> bool:
        """Whether the protocol has returned; `get_result` tells what."""
        return self._io.state == FINISHED

    @property
    def finished(self) -> bool:
        """Whether the protocol is at its end, in whichever way."""
        return self._generator is None

    @property
    def failed(self) -> bool:
        """Whether the protocol has ended with an error; `get_result` raises it."""
        return self._io.state == FAILED

    @property
    def wants(self) -> Wants:
        """What would make the protocol go on; nothing if it is at its end."""
        if self._generator is None:
            return Wants(0)
        return Wants.OUTPUT_DRAINED if self._io.draining else Wants.INPUT

    @property
    def pending_input(self) -> int:
        """How many bytes of input are not consumed."""
        return len(self._input)

    @property
    def pending_output(self) -> int:
        """How many bytes of output are not taken."""
        return len(self._output)

    @property
    def bytes_consumed(self) -> int:
        """How many bytes the protocol has consumed."""
        return self._input.consumed

    @property
    def unused_data(self) -> bytes:
        """The input that is not consumed."""
        return self._input.peek()

    def is_consumed(self) -> bool:
        """Tell whether all input is consumed."""
        return not len(self._input)
