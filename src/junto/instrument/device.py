"""A device that is a program: it answers by a script, on any runtime.

Over sockets, and, with `junto.runtimes.memory`, over none, in a time of its own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence

from junto.address import Address
from junto.connecting import sleep
from junto.instrument.script import CLOSE, RESET, Pause, Script, Sequel
from junto.instrument.tracing import Recorded
from junto.runtime import Listener, Runtime, Transport

__all__ = ["Device", "replay"]


class Device:
    """A simulated instrument in any world.

    Attributes:
        requests: What was asked, in order, without terminators.
        connections: How many connections were accepted.
        faults: What went wrong in the script itself, such as a function that raised.
    """

    def __init__(self, script: Script, reset: Callable[[Transport], object] = Transport.abort) -> None:
        """Prepare.

        Args:
            script: What it answers.
            reset: Breaks a connection so that the other side is told of a reset.
        """
        self.script = script
        self.reset = reset
        self.requests: list[str] = []
        self.connections = 0
        self.faults: list[Exception] = []
        self._runtime: Runtime
        self._listener: Listener | None = None
        self._open: dict[_Conversation, None] = {}
        self._answered: list[tuple[str, bytes]] = []

    async def start(self, runtime: Runtime, address: Address) -> Address:
        """Listen at *address*; return where it really listens.

        Raises:
            ConnectionFailed: The address cannot be used.
        """
        self._runtime = runtime
        self._listener = await runtime.listen(address, lambda: _Conversation(self, runtime))
        return self._listener.address

    def stop(self) -> None:
        """Listen no more, and close all connections."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        self.disconnect()

    def disconnect(self, *, reset: bool = False) -> None:
        """Close all connections, or break them."""
        for conversation in list(self._open):
            conversation.end(reset=reset)

    def send(self, data: bytes) -> None:
        """Send what nobody asked for to all who are connected."""
        for conversation in self._open:
            conversation.send(data)

    def expect(self, dialogue: Sequence[tuple[str, bytes | str]]) -> None:
        """Check that there were just these requests and replies, and in this order.

        Raises:
            AssertionError: One is missing, or there is one more, or they are in another order.
        """
        eol = self.script.eol
        wanted = [
            (request, reply.encode() + eol if isinstance(reply, str) and reply else _as_bytes(reply))
            for request, reply in dialogue
        ]
        for number, (found, expected) in enumerate(zip(self._answered, wanted, strict=False), 1):
            assert found == expected, f"exchange {number} was {found!r}, not {expected!r}"
        missing = wanted[len(self._answered) :]
        assert not missing, f"these exchanges are missing: {missing!r}"
        more = self._answered[len(wanted) :]
        assert not more, f"there were these exchanges as well: {more!r}"

    # -- for conversations --

    def opened(self, conversation: _Conversation) -> None:
        self.connections += 1
        self._open[conversation] = None

    def closed(self, conversation: _Conversation) -> None:
        self._open.pop(conversation, None)

    def answered(self, request: str, reply: bytes) -> None:
        self._answered.append((request, reply))


def _as_bytes(reply: bytes | str) -> bytes:
    return reply.encode() if isinstance(reply, str) else reply


class _Conversation:
    """One connection to a device."""

    def __init__(self, device: Device, runtime: Runtime) -> None:
        self._device = device
        self._runtime = runtime
        self._transport: Transport | None = None
        self._buffer = b""
        self._requests: deque[str] = deque()
        self._count = 0
        self._busy = False

    def connection_made(self, transport: Transport) -> None:
        self._transport = transport
        self._device.opened(self)
        if self._device.script.greeting:
            transport.write(self._device.script.greeting)

    def data_received(self, data: bytes) -> None:
        *requests, self._buffer = (self._buffer + data).split(self._device.script.eol)
        for request in requests:
            text = request.decode("utf-8", "backslashreplace")
            self._device.requests.append(text)
            self._requests.append(text)
        if self._requests and not self._busy:
            self._busy = True
            self._runtime.create_task(self._answer())

    async def _answer(self) -> None:
        try:
            while self._requests and self._transport is not None:
                await self._answer_one(self._requests.popleft())
        finally:
            self._busy = False

    async def _answer_one(self, request: str) -> None:
        script = self._device.script
        if script.latency:
            await sleep(self._runtime, script.latency)
        sent = b""
        try:
            for number, step in enumerate(script.steps(request)):
                if isinstance(step, Pause):
                    await sleep(self._runtime, step.seconds)
                elif isinstance(step, bytes):
                    if number and sent:
                        await sleep(self._runtime, 0)  # so that each piece is sent by itself
                    sent += step
                    self.send(step)
                elif step is CLOSE or step is RESET:
                    self.end(reset=step is RESET)
        except Exception as error:  # the script's own mistake; the next request is answered all the same
            self._device.faults.append(error)
        self._device.answered(request, sent)
        self._count += 1
        if script.disconnect_after and self._count >= script.disconnect_after:
            self.end()

    def send(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def end(self, *, reset: bool = False) -> None:
        transport = self._transport
        if transport is None:
            return
        if not reset:
            transport.close()
            return
        self._device.reset(transport)

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        self._device.closed(self)

    def pause_writing(self) -> None: ...

    def resume_writing(self) -> None: ...


def replay(recording: Iterable[Recorded], *, eol: bytes = b"\n") -> Script:
    """Make a script that answers each request as it was answered when that was recorded.

    A request that came several times is answered in turn.
    """
    answers: dict[str, list[bytes]] = {}
    asked: list[str] = []
    pending = b""
    for piece in recording:
        if piece.direction == ">":
            *requests, pending = (pending + piece.data).split(eol)
            for request in requests:
                asked.append(request.decode("utf-8", "backslashreplace"))
                answers.setdefault(asked[-1], []).append(b"")
        elif asked:
            answers[asked[-1]][-1] += piece.data
    return Script({request: Sequel(replies) for request, replies in answers.items()}, eol=eol)
