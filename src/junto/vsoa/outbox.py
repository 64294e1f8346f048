"""The way out to one client: what must arrive, and what may be dropped if the client is too slow.

Answers and datagrams must arrive: they wait, up to a limit at which the connection ends. What is published
waits in a backlog with a policy. So nobody waits for a client that does not read.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from junto.runtime import Runtime, TimerHandle, Transport
from junto.vsoa.backlog import Backlog
from junto.vsoa.settings import ServerSettings

__all__ = ["Outbox"]

logger = logging.getLogger("junto")

MOST_UNSENT: Final = 16 * 1024 * 1024
_PIECE: Final = 64 * 1024


class Outbox:
    """What leaves to one client.

    Attributes:
        holding: Whether what the server itself wants to say waits for a sign of the client.
    """

    __slots__ = (
        "_abort",
        "_backlog",
        "_closing",
        "_flushing",
        "_held",
        "_held_size",
        "_out",
        "_paused",
        "_runtime",
        "_settings",
        "_timer",
        "_transport",
        "holding",
    )

    def __init__(self, runtime: Runtime, settings: ServerSettings, abort: Callable[[], object]) -> None:
        """Call *abort* when the client is too slow for what must arrive, or for its policy."""
        self._runtime = runtime
        self._settings = settings
        self._abort = abort
        self._transport: Transport | None = None
        self._backlog: Backlog[bytes] | None = None  # most clients never need one
        self._out: list[bytes] = []
        self._held: list[bytes] = []
        self._held_size = 0
        self._flushing = False
        self._paused = False
        self._closing = False
        self._timer: TimerHandle | None = None
        self.holding = False

    @property
    def dropped(self) -> int:
        """How many publications this client did not get, since it was too slow."""
        return 0 if self._backlog is None else self._backlog.dropped

    def connected(self, transport: Transport) -> None:
        self._transport = transport

    def lost(self) -> None:
        self._transport = None
        self._out.clear()
        self._held.clear()
        if self._backlog is not None:
            self._backlog.clear()
        if self._timer is not None:
            self._timer.cancel()

    # -- what must arrive --

    def add(self, frame: bytes) -> None:
        """Queue a frame; somebody will call `flush`."""
        self._out.append(frame)

    def gather(self) -> None:
        """Let what is sent from now on wait for `flush`, which the caller will call."""
        self._flushing = True

    def send(self, frame: bytes) -> None:
        """Send a frame, together with others of this turn."""
        self._out.append(frame)
        if not self._flushing:
            self._flushing = True
            self._runtime.call_soon(self.flush)

    def flush(self) -> None:
        """Send what was queued, if the client takes it now."""
        self._flushing = False
        out = self._out
        if not out:
            return
        if self._paused or self.holding:
            self._held += out
            self._held_size += sum(map(len, out))
            out.clear()
            if self._held_size > MOST_UNSENT:
                logger.warning("a client does not take its answers, and is sent away")
                self._abort()
            return
        self._out = []
        self._write(out[0] if len(out) == 1 else b"".join(out))

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    # -- what may be dropped --

    def publish(self, joined: bytes, items: list[tuple[str, bytes]]) -> None:
        """Send what was published.

        Args:
            joined: All of it, the same object for each client.
            items: The same one by one, with its URL, for a client that is too slow for all of it.
        """
        if self._out:
            self.flush()
        if not (self._paused or self.holding or self._backlog):
            self._write(joined)
            return
        if self._closing:
            return
        if self._backlog is None:
            self._backlog = Backlog(self._settings.policy, self._settings.backlog)
        put = self._backlog.put
        for url, frame in items:
            if not put(url, frame, len(frame)):
                logger.info("a client does not take what is published, and is sent away")
                self._abort()
                return

    # -- when --

    def hold(self) -> None:
        """Keep all until `release`, or until the time is over."""
        if self._settings.hold_back > 0:
            self.holding = True
            self._timer = self._runtime.call_later(self._settings.hold_back, self.release)

    def release(self) -> None:
        """Hold back no more."""
        self.holding = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._send_waiting()

    def pause(self) -> None:
        self._paused = True

    def resume(self) -> None:
        self._paused = False
        self._send_waiting()

    def _send_waiting(self) -> None:
        if not (self._paused or self.holding) and self._held:
            held, self._held = self._held, []
            self._held_size = 0
            self._write(b"".join(held))
        self.flush()
        backlog = self._backlog
        while backlog and not (self._paused or self.holding):
            pieces = []
            size = 0
            while backlog and size < _PIECE:
                frame = backlog.pop()
                pieces.append(frame)
                size += len(frame)
            self._write(b"".join(pieces))
        if self._closing and not (self._out or self._held) and self._transport is not None:
            self._transport.close()

    def close(self) -> None:
        """Close the transport when all that must arrive was handed to it."""
        self._closing = True
        if self._backlog is not None:
            self._backlog.clear()
        self.holding = False
        self._send_waiting()
