"""Publishing: encode once, join once per turn, and give the same bytes to each who gets them."""

from __future__ import annotations

from typing import Final

from junto.runtime import Runtime
from junto.sansio.vsoa.urls import SubscriberIndex
from junto.vsoa.sessions import Session

__all__ = ["Publisher"]

_MOST: Final = 256 * 1024


class Publisher:
    """What a server publishes in this turn, and to whom."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._index: SubscriberIndex[Session] = SubscriberIndex()
        # In the order of publishing; neighbours for the same subscribers go together.
        self._turn: list[tuple[list[Session], list[tuple[str, bytes]]]] = []
        self._size = 0
        self._scheduled = False

    def subscribe(self, session: Session, urls: list[str]) -> None:
        self.flush()  # what was published before is not for this one
        for url in urls:
            self._index.add(url, session)

    def unsubscribe(self, session: Session, urls: list[str]) -> None:
        for url in urls:
            self._index.remove(url, session)

    def rearrange(self) -> None:
        """Take note that somebody's priority has changed, or whether somebody gets anything."""
        self._index.forget_answers()

    def subscribers(self, url: str) -> list[Session]:
        """Give those who get what is published to *url*, in their order: by priority, then by age."""
        return self._index.find(url, _arrange)

    def publish(self, url: str, frame: bytes) -> None:
        """Send *frame* to all subscribers of *url* when this turn ends, or sooner."""
        subscribers = self._index.find(url, _arrange)
        if not subscribers:
            return
        turn = self._turn
        if turn and turn[-1][0] is subscribers:
            turn[-1][1].append((url, frame))
        else:
            turn.append((subscribers, [(url, frame)]))
        self._size += len(frame)
        if self._size > _MOST:
            self.flush()
        elif not self._scheduled:
            self._scheduled = True
            self._runtime.call_soon(self._end_turn)

    def _end_turn(self) -> None:
        self._scheduled = False
        self.flush()

    def flush(self) -> None:
        """Send now what was published in this turn."""
        if not self._turn:
            return
        turn, self._turn = self._turn, []
        self._size = 0
        for subscribers, items in turn:
            joined = items[0][1] if len(items) == 1 else b"".join([frame for _, frame in items])
            for session in subscribers:
                session.outbox.publish(joined, items)


def _arrange(sessions: dict[Session, None]) -> list[Session]:
    return sorted(
        (session for session in sessions if session.authed),
        key=lambda session: (-session.priority, session.id),
    )
