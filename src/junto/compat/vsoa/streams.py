"""Streams with callbacks, as both sides have them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from junto.blocking import BlockingRuntime
from junto.vsoa.tunnels import TunnelStream

__all__ = ["Stream"]

logger = logging.getLogger("junto")


class Stream:
    """One stream; *onlink* is told once when it is there, and once when it has ended.

    Attributes:
        tunid: The server's port for it.
        connected: Whether bytes can be sent.
    """

    def __init__(
        self, runtime: BlockingRuntime, tunid: int, onlink: Any, ondata: Callable[[Stream, bytes], Any] | None
    ) -> None:
        self._runtime = runtime
        self.tunid = tunid
        self._onlink = onlink if callable(onlink) else None
        self._ondata = ondata
        self._inner: TunnelStream | None = None
        self._ended = False
        self._timeout: float | None = None
        self._withdraw: Callable[[], object] | None = None
        self._lock = threading.Lock()

    def withdrawn_by(self, withdraw: Callable[[], object]) -> None:
        """Let `close` call *withdraw* while nobody is connected."""
        self._withdraw = withdraw

    async def serve(self, inner: TunnelStream | None) -> None:
        """Tell the callbacks what happens on *inner*, until it ends; ``None`` has ended already."""
        if inner is not None:
            self._inner = inner
            self._tell(self._onlink, True)
            try:
                async for chunk in inner:
                    if self._ondata is not None:
                        self._tell(self._ondata, chunk)
            except ConnectionError:
                pass
            inner.abort() if not inner.connected else await inner.close(1.0)
        self._end()

    def _end(self) -> None:
        with self._lock:
            ended, self._ended = self._ended, True
        if not ended:
            self._tell(self._onlink, False)

    def _tell(self, callback: Callable[..., Any] | None, value: Any) -> None:
        if callback is not None:
            try:
                callback(self, value)
            except Exception as error:
                logger.error("a stream's callback failed", exc_info=error)

    @property
    def connected(self) -> bool:
        return self._inner is not None and self._inner.connected and not self._ended

    def send(self, data: bytes | bytearray) -> int:
        """Send all of *data*; gives their number, or 0 if the stream broke or the timeout was over.

        Raises:
            Exception: The stream is not connected, yet or any more.
        """
        inner = self._inner
        if inner is None or self._ended:
            raise Exception("the stream is closed" if self._ended else "the stream is not connected")
        try:
            if self._runtime.is_in_callback():
                inner.send_nowait(data)
            else:
                self._runtime.call(self._send, inner, data)
        except (ConnectionError, TimeoutError):
            return 0
        return len(data)

    async def _send(self, inner: TunnelStream, data: bytes | bytearray) -> None:
        timer = None
        if self._timeout is not None:
            timer = self._runtime.call_later(self._timeout, inner.abort)
        try:
            await inner.send(data)
        finally:
            if timer is not None:
                timer.cancel()

    def close(self) -> None:
        """Close the stream; closing twice is fine."""
        inner = self._inner
        if inner is not None:
            self._in_runtime(lambda: (self._runtime.create_task(inner.close(1.0)),))
        elif self._withdraw is not None and not self._ended:
            self._withdraw()
            self._end()

    def keepalive(self, idle: int) -> None:
        """Let the system find out about a dead peer."""
        if self._inner is not None:
            self._in_runtime(self._inner.keepalive, idle)

    def sendtimeout(self, timeout: float) -> None:
        """Give up a `send` after *timeout* seconds, and the stream with it.

        Raises:
            Exception: It is the server's, and nobody is connected yet.
        """
        if self._withdraw is not None and self._inner is None and not self._ended:
            raise Exception("the stream is not connected")
        self._timeout = timeout

    def _in_runtime(self, function: Callable[..., Any], *args: Any) -> None:
        if self._runtime.is_in_callback():
            function(*args)
        else:
            try:
                self._runtime.call(function, *args)
            except ConnectionError:
                pass  # the runtime has ended, and the stream with it
