"""Endpoints that write down what they are told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .worlds import within


class Recorder:
    """Keeps what it receives; a scenario waits until something is so."""

    keep_open = False  # what eof_received answers

    def __init__(self, rt: Any) -> None:
        self.rt = rt
        self.transport: Any = None
        self.received = bytearray()
        self.calls: list[str] = []
        self.error: Exception | None = None
        self._waiting: list[tuple[Callable[[], object], Any]] = []

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self._note("made")

    def data_received(self, data: bytes) -> None:
        assert isinstance(data, bytes)
        self.take(data)

    def take(self, data: bytes) -> None:
        self.received += data
        self._look()

    def eof_received(self) -> bool:
        self._note("eof")
        return self.keep_open

    def connection_lost(self, error: Exception | None) -> None:
        self.error = error
        self._note("lost")

    def pause_writing(self) -> None:
        self._note("pause")

    def resume_writing(self) -> None:
        self._note("resume")

    def _note(self, what: str) -> None:
        self.calls.append(what)
        self._look()

    def _look(self) -> None:
        for is_so, future in self._waiting:
            if is_so() and not future.done():
                future.set_result(None)

    async def until(self, is_so: Callable[[], object]) -> None:
        if not is_so():
            future = self.rt.create_future()
            self._waiting.append((is_so, future))
            await within(self.rt, future)

    async def until_called(self, what: str) -> None:
        await self.until(lambda: what in self.calls)

    async def until_received(self, size: int) -> bytes:
        await self.until(lambda: len(self.received) >= size)
        return bytes(self.received)


class BufferedRecorder(Recorder):
    """The same, with the buffer that all endpoints of a runtime share."""

    data_received = None  # type: ignore[assignment]  # a runtime must not call it

    def get_buffer(self, sizehint: int) -> memoryview:
        return self.rt.read_buffer  # type: ignore[no-any-return]  # rt is of any runtime

    def buffer_updated(self, nbytes: int) -> None:
        self.take(bytes(self.rt.read_buffer[:nbytes]))


class Echo(Recorder):
    def take(self, data: bytes) -> None:
        super().take(data)
        self.transport.write(data)


class BufferedEcho(BufferedRecorder):
    def take(self, data: bytes) -> None:
        super().take(data)
        self.transport.write(data)
