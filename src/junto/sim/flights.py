"""Flights: from where a message was sent to where it arrived, found again in the events of a trace.

A write is no message, and one read may take several writes or a part of one. So the bytes of each direction
of a connection are counted: what is read first was sent first. Datagrams are found by their bytes, whole.

A trace without numbers of messages costs nothing while it is recorded; this is the price, paid when
somebody looks.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence
from typing import Literal, TypeAlias

from junto.sim.trace import Event

__all__ = ["Fate", "Flight", "find_flights"]

Fate: TypeAlias = Literal["arrived", "lost", "refused", "unread"]

_Way: TypeAlias = tuple[int | None, str, str | None]

_ENDS = frozenset({"fin", "reset"})
_STARTS = frozenset({"connect", "dgram", "fin", "reset", "send"})


class Flight:
    """One thing that was sent.

    Attributes:
        start: The number of the event with which it began: `connect`, `send`, `fin`, `reset` or
            `dgram`; or `hold`, if the way was blocked already.
        kind: The kind of what was sent: that of *start* or, if that is `hold`, `send` or `fin`.
        ends: The numbers of those that received it or parts of it, oldest first.
        holds: Those that held it back: `hold`, and `drop` of what is sent again.
        again: Those that sent it again.
        fate: What became of it; ``unread`` is what nobody received until the end of the trace.
        duplicated: Whether the network made a second one of it.
        left: How many of its bytes nobody received.
        waiting: Whether it was held, and not yet sent again.
    """

    __slots__ = ("again", "duplicated", "ends", "fate", "holds", "kind", "left", "start", "waiting")

    def __init__(self, start: int, event: Event) -> None:
        self.start = start
        self.kind = event[2]
        if self.kind == "hold":
            self.kind = "send" if event[5] else "fin"
        self.ends: list[int] = []
        self.holds: list[int] = []
        self.again: list[int] = []
        self.fate: Fate = "unread"
        self.duplicated = False
        self.left = event[5] or 0
        self.waiting = event[2] == "hold"

    def __repr__(self) -> str:
        return f"<Flight {self.start} -> {self.ends} {self.fate}>"


class _Matcher:
    """Keeps what is under way while events are looked at one after the other."""

    def __init__(self, events: Sequence[Event]) -> None:
        self.events = events
        self.flights: list[Flight] = []
        # What is under way in a direction of a connection, and datagrams between two hosts: the number of a
        # datagram is that of a socket, which is another one at each end.
        self._ways: defaultdict[_Way, deque[Flight]] = defaultdict(deque)
        self._waiting: defaultdict[_Way, deque[Flight]] = defaultdict(
            deque
        )  # what was held of it, oldest first
        self._datagrams: defaultdict[tuple[str, str | None], deque[Flight]] = defaultdict(deque)

    def look_at(self, number: int) -> None:
        _, host, kind, about, peer = self.events[number][:5]
        if kind in _STARTS:
            self._send(number)
        elif kind == "recv":
            self._receive(number)
        elif kind == "accept":
            self._settle(self._ways[about, peer or "", host], number, "arrived")
        elif kind == "refuse":
            self._settle(self._ways[about, host, peer], number, "refused")
        elif kind == "hold":
            self._hold(number)
        elif kind == "drop":
            self._drop(number)
        elif kind == "dup":
            flight = self._find(self._datagrams[host, peer], number)
            if flight is not None:
                flight.duplicated = True

    def _begin(self, number: int) -> Flight:
        event = self.events[number]
        flight = Flight(number, event)
        self.flights.append(flight)
        if flight.kind == "dgram":
            self._datagrams[event[1], event[4]].append(flight)
        else:
            self._ways[event[3], event[1], event[4]].append(flight)
        return flight

    def _send(self, number: int) -> None:
        event = self.events[number]
        if event[2] in ("send", "fin"):
            waiting = self._waiting.get((event[3], event[1], event[4]))
            if waiting and waiting[0].kind == event[2] and self._same(waiting[0], event):
                flight = waiting.popleft()
                flight.waiting = False
                flight.again.append(number)
                return
        self._begin(number)

    def _hold(self, number: int) -> None:
        event = self.events[number]
        for flight in self._ways[event[3], event[1], event[4]]:
            if not flight.waiting and not flight.ends and self._same(flight, event):
                flight.holds.append(number)
                flight.waiting = True
                break
        else:
            flight = self._begin(number)
        self._waiting[event[3], event[1], event[4]].append(flight)

    def _receive(self, number: int) -> None:
        _, host, _, about, peer, length, _, _ = self.events[number]
        way = self._ways[about, peer or "", host]
        if not way:
            self._receive_datagram(self._datagrams[peer or "", host], number)
            return
        if not length:
            if any(flight.kind in _ENDS for flight in way):
                while way[0].kind not in _ENDS:
                    way.popleft()  # unread: the reset overtook it
                self._arrive(way.popleft(), number)
            return
        while way and length > 0:
            flight = way[0]
            if flight.kind == "connect":  # nobody recorded that it was accepted
                way.popleft()
                continue
            if flight.kind != "send":
                break
            taken = min(length, flight.left)
            flight.left -= taken
            length -= taken
            self._arrive(flight, number)
            if flight.left == 0:
                way.popleft()

    def _receive_datagram(self, way: deque[Flight], number: int) -> None:
        # They overtake each other; where two are alike it does not matter which is which.
        flight = self._find(way, number)
        if flight is not None:
            self._arrive(flight, number)
            if not flight.duplicated or len(flight.ends) > 1:
                way.remove(flight)

    def _drop(self, number: int) -> None:
        """Find what was lost: on its way, or by the one it came to."""
        _, host, _, about, peer, *_ = self.events[number]
        flight = self._find(self._ways[about, host, peer], number)
        if flight is not None:  # a stream sends it again
            flight.holds.append(number)
            return
        for way in (
            self._datagrams[host, peer],
            self._ways[about, peer or "", host],
            self._datagrams[peer or "", host],
        ):
            flight = self._find(way, number)
            if flight is not None:
                flight.ends.append(number)
                flight.fate = "lost"
                way.remove(flight)
                return

    def _settle(self, way: deque[Flight], number: int, fate: Fate) -> None:
        for flight in way:
            if flight.kind == "connect":
                flight.ends.append(number)
                flight.fate = fate
                way.remove(flight)
                return

    def _arrive(self, flight: Flight, number: int) -> None:
        flight.ends.append(number)
        flight.fate = "arrived"

    def _find(self, way: deque[Flight], number: int) -> Flight | None:
        return next((flight for flight in way if self._same(flight, self.events[number])), None)

    def _same(self, flight: Flight, event: Event) -> bool:
        """Tell whether an event has the length and the excerpt of what was sent."""
        return self.events[flight.start][5:7] == event[5:7]


def find_flights(events: Sequence[Event]) -> list[Flight]:
    """Find what was sent in *events*, and where it went, in the order of sending."""
    matcher = _Matcher(events)
    for number in range(len(events)):
        matcher.look_at(number)
    return matcher.flights
