"""Streams to what is no network: child processes and serial lines, for every runtime that has sockets.

Each is reached by a local socket, whose other end is the child's input and output, or is carried to and from
the line by two threads. So a runtime needs to know nothing but sockets, and waits for a serial line as
for a network. The price is a hop of some tens of microseconds, which a serial line does not notice.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shlex
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from junto.address import Address
from junto.errors import ConnectionFailed
from junto.runtime import BufferedEndpoint, Runtime, Transport

__all__ = ["Line", "connect_child", "connect_line", "connect_serial"]

_LOOK = 0.2  # seconds between two looks whether a line is still wanted
_LONGEST = 2.0  # seconds that a line has to be closed before it is opened again
_CHUNK = 4096


class Line(Protocol):
    """A serial line, as far as it is needed here."""

    def readinto(self, buffer: Any, /, *, timeout: float | None = None) -> int: ...
    def write(self, data: Any, /, *, timeout: float | None = None) -> Any: ...
    def close(self) -> None: ...


class _Bridge:
    """An endpoint between a transport and the real endpoint, which knows what is at the far end.

    What is called per message is the real endpoint's own.
    """

    def __init__(self, endpoint: BufferedEndpoint, ended: Callable[[], None], line: Line | None) -> None:
        self._endpoint = endpoint
        self._ended = ended
        self._line = line
        self.error: Exception | None = None
        self.get_buffer = endpoint.get_buffer
        self.buffer_updated = endpoint.buffer_updated
        self.pause_writing = endpoint.pause_writing
        self.resume_writing = endpoint.resume_writing

    def connection_made(self, transport: Transport) -> None:
        self._transport = transport
        self._endpoint.connection_made(
            transport if self._line is None else _LineTransport(transport, self._line)
        )

    def eof_received(self) -> bool | None:
        if self._line is None:
            return self._endpoint.eof_received()
        # A line has no end of input: what ended is the line.
        self.error = self.error or OSError("the serial line is gone")
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self._ended()
        self._endpoint.connection_lost(self.error or error)


class _LineTransport:
    """The transport of a serial line; ``get_extra_info("serial")`` gives the line."""

    def __init__(self, transport: Transport, line: Line) -> None:
        self._transport = transport
        self._line = line

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        if name == "socket":  # for those who want to know whether something has come
            return self._transport.get_extra_info(name, default)
        return self._line if name == "serial" else default


async def _connect(
    runtime: Runtime, factory: Callable[[], _Bridge]
) -> tuple[_Bridge, Transport, socket.socket]:
    """Connect to ourselves; return the near end's parts, and the far end."""
    made: list[_Bridge] = []

    def make() -> _Bridge:
        made.append(factory())
        return made[-1]

    with contextlib.ExitStack() as stack:
        if hasattr(socket, "AF_UNIX"):
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="junto"))
            path = os.path.join(folder, "s")
            listener = stack.enter_context(socket.socket(socket.AF_UNIX))
            listener.bind(path)
            listener.listen(1)
            address = Address("unix", path=path)
        else:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            address = Address("tcp", "127.0.0.1", listener.getsockname()[1])
        transport = await runtime.connect(address, make)
        far, _ = listener.accept()  # it is there already
    return made[-1], transport, far


def connect_child(command: str) -> Callable[..., Coroutine[Any, Any, Transport]]:
    """Give what starts *command*, words as in a shell, and connects to its input and output.

    Raises:
        ValueError: *command* has no word, or an open quote.
    """
    words = shlex.split(command)
    if not words:
        raise ValueError("a command has at least one word")

    async def connect(runtime: Runtime, factory: Callable[[], BufferedEndpoint]) -> Transport:
        children: list[subprocess.Popen[bytes]] = []
        _, transport, far = await _connect(runtime, lambda: _Bridge(factory(), lambda: _end(children), None))
        with far:
            try:
                children.append(_start(words, far.fileno()))
            except OSError as error:
                transport.abort()
                raise ConnectionFailed(f"cannot start {words[0]}: {error}") from error
        return transport

    return connect


def _start(words: list[str], far: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(words, stdin=far, stdout=far)


def _end(children: list[subprocess.Popen[bytes]]) -> None:
    for child in children:
        child.terminate()
        threading.Thread(target=_reap, args=(child,), name="junto child", daemon=True).start()


def _reap(child: subprocess.Popen[bytes]) -> None:
    try:
        child.wait(1)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def connect_serial(url: str, settings: Mapping[str, Any]) -> Callable[..., Coroutine[Any, Any, Transport]]:
    """Give what opens the serial line at *url*, a device's path or an ``rfc2217://`` address."""

    def open_line() -> Line:
        from junto.runtimes.serial_lines import open_serial  # late: it needs an extra

        line: Line = open_serial(url, settings)
        return line

    return connect_line(open_line, url)


def connect_line(open_line: Callable[[], Line], name: str) -> Callable[..., Coroutine[Any, Any, Transport]]:
    """Give what opens a line by *open_line*, which may block, and connects to it."""
    before = threading.Event()  # whether the line that was opened before is closed again
    before.set()

    def open_when_closed() -> Line:
        before.wait(_LONGEST)
        return open_line()

    async def connect(runtime: Runtime, factory: Callable[[], BufferedEndpoint]) -> Transport:
        pool = ThreadPoolExecutor(1, "junto line")
        try:
            line: Line = await runtime.call_in_worker(open_when_closed, pool=pool)
        except (OSError, ValueError, ImportError) as error:
            raise ConnectionFailed(f"cannot open {name}: {error}") from error
        finally:
            pool.shutdown(wait=False)
        before.clear()
        wanted = threading.Event()
        wanted.set()
        try:
            bridge, transport, far = await _connect(runtime, lambda: _Bridge(factory(), wanted.clear, line))
        except BaseException:
            line.close()
            before.set()
            raise
        coming = threading.Thread(
            target=_carry_in, args=(bridge, line, far, wanted), name=f"junto from {name}", daemon=True
        )
        going = threading.Thread(
            target=_carry_out, args=(bridge, line, far, coming, before), name=f"junto to {name}", daemon=True
        )
        coming.start()
        going.start()
        return transport

    return connect


def _carry_in(bridge: _Bridge, line: Line, far: socket.socket, wanted: threading.Event) -> None:
    """Carry what the line sends, until it is gone or nobody wants it any more."""
    buffer = memoryview(bytearray(_CHUNK))
    try:
        while wanted.is_set():
            size = line.readinto(buffer, timeout=_LOOK)
            if size:
                far.sendall(buffer[:size])
    except Exception as error:  # whatever a driver raises, the line is gone
        bridge.error = error
    with contextlib.suppress(OSError):
        far.shutdown(socket.SHUT_RDWR)


def _carry_out(
    bridge: _Bridge, line: Line, far: socket.socket, coming: threading.Thread, closed: threading.Event
) -> None:
    """Carry what is sent to the line; close both in the end."""
    receive = functools.partial(far.recv, _CHUNK)
    try:
        while data := receive():
            line.write(data)
    except Exception as error:  # as above
        bridge.error = bridge.error or error
    with contextlib.suppress(OSError):
        far.shutdown(socket.SHUT_RDWR)
    coming.join()
    far.close()
    with contextlib.suppress(Exception):
        line.close()
    closed.set()
