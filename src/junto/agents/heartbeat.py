"""Signs of life: a container elsewhere whose host has gone without a word is noticed by its silence.

A host that loses its power or its cable ends no connection, and the system takes minutes to give one up.
So each connection is asked for a sign of life, and one that gives none is taken for lost. A peer of aiomas
does not know the question, and by saying so it lives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from junto.errors import ConnectionLost, Overloaded, RequestTimeout
from junto.rpc import PING
from junto.runtime import Future, TimerHandle

if TYPE_CHECKING:
    from junto.agents.peers import AgentPeer
    from junto.runtime import Runtime

__all__ = ["Heartbeat"]


class Heartbeat:
    """Asks one peer, again and again, until its connection is lost."""

    def __init__(self, runtime: Runtime, peer: AgentPeer, seconds: float) -> None:
        """Ask *peer* from now on, *seconds* after each answer; it has as long for the next one."""
        self._runtime = runtime
        self._peer = peer
        self._seconds = seconds
        self._timer: TimerHandle | None = None
        self._wait()

    def _wait(self) -> None:
        self._timer = self._runtime.call_later(self._seconds, self._ask)

    def _ask(self) -> None:
        try:
            answer = self._peer.call_path(PING, timeout=self._seconds)
        except Overloaded:  # with so many calls under way, one of them will tell
            self._wait()
        except ConnectionLost:
            self.stop()
        else:
            answer.add_done_callback(self._answered)

    def _answered(self, answer: Future[Any]) -> None:
        error = None if answer.cancelled() else answer.exception()
        if isinstance(error, RequestTimeout):
            whom = self._peer.channel.peername
            self._peer.lose(ConnectionLost(f"no sign of life from {whom} for {self._seconds:g} s"))
        elif not self._peer.is_closing():
            self._wait()

    def stop(self) -> None:
        """Ask no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
