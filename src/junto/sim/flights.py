"""Flights: from where a message was sent to where it arrived, found again in the events of a trace.

A write is no message, and one read may take several writes or a part of one. So the bytes of each direction
of a connection are counted: what is read first was sent first. Datagrams are found by their number, whole.

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

_ENDS = frozenset({"fin", "reset"})


class Flight:
    """One thing that was sent.

    Attributes:
        start: The number of the event that sent it: `connect`, `send`, `fin`, `reset` or `dgram`.
        ends: The numbers of those that received it or parts of it, oldest first.
        holds: Those that held it back: `hold`, and `drop` on a stream, which sends again.
        fate: What became of it; ``unread`` is what nobody received until the end of the trace.
        duplicated: Whether the network made a second one of it.
        left: How many of its bytes nobody received.
    """

    __slots__ = ("duplicated", "ends", "fate", "holds", "left", "start")

    def __init__(self, start: int, length: int) -> None:
        self.start = start
        self.ends: list[int] = []
        self.holds: list[int] = []
        self.fate: Fate = "unread"
        self.duplicated = False
        self.left = length

    def __repr__(self) -> str:
        return f"<Flight {self.start} -> {self.ends} {self.fate}>"


_Way: TypeAlias = tuple[int | None, str, str | None]


def find_flights(events: Sequence[Event]) -> list[Flight]:
    """Find what was sent in *events*, and where it went, in the order of sending."""
    flights: list[Flight] = []
    ways: defaultdict[_Way, deque[Flight]] = defaultdict(deque)
    for number, event in enumerate(events):
        kind, host, about, peer = event[2], event[1], event[3], event[4]
        if kind in ("send", "dgram", "connect", "fin", "reset"):
            flight = Flight(number, event[5] or 0)
            flights.append(flight)
            ways[about, host, peer].append(flight)
        elif kind == "recv":
            _receive(ways[about, peer or "", host], number, events)
        elif kind == "accept":
            _settle(ways[about, peer or "", host], number, events, "connect", "arrived")
        elif kind == "refuse":
            _settle(ways[about, host, peer], number, events, "connect", "refused")
        elif kind in ("hold", "drop", "dup"):
            _disturb(ways[about, host, peer], number, events)
    return flights


def _receive(way: deque[Flight], number: int, events: Sequence[Event]) -> None:
    event = events[number]
    length = event[5] or 0
    if way and events[way[0].start][2] == "dgram":
        _receive_datagram(way, number, events)
        return
    if length == 0:
        if any(events[flight.start][2] in _ENDS for flight in way):
            while events[way[0].start][2] not in _ENDS:
                way.popleft()  # unread: the reset overtook it
            _arrive(way.popleft(), number)
        return
    while way and length > 0:
        flight = way[0]
        kind = events[flight.start][2]
        if kind == "connect":  # nobody recorded that it was accepted
            way.popleft()
            continue
        if kind != "send":
            break
        taken = min(length, flight.left)
        flight.left -= taken
        length -= taken
        _arrive(flight, number)
        if flight.left == 0:
            way.popleft()


def _receive_datagram(way: deque[Flight], number: int, events: Sequence[Event]) -> None:
    # They overtake each other; where two are alike it does not matter which is which.
    content = events[number][5:7]
    found = next((flight for flight in way if events[flight.start][5:7] == content), way[0])
    _arrive(found, number)
    if not found.duplicated or len(found.ends) > 1:
        way.remove(found)


def _settle(way: deque[Flight], number: int, events: Sequence[Event], kind: str, fate: Fate) -> None:
    for flight in way:
        if events[flight.start][2] == kind:
            flight.ends.append(number)
            flight.fate = fate
            way.remove(flight)
            return


def _arrive(flight: Flight, number: int) -> None:
    flight.ends.append(number)
    flight.fate = "arrived"


def _disturb(way: deque[Flight], number: int, events: Sequence[Event]) -> None:
    """Find which of those under way was held, lost or doubled: the network names only the connection."""
    time, _, kind = events[number][:3]
    if not way:
        return
    under_way = [flight for flight in way if not flight.ends]
    fresh = [flight for flight in under_way if not flight.holds]
    same_moment = [flight for flight in fresh if events[flight.start][0] == time]
    # What was just sent; else the oldest that was not yet disturbed; else one is held once more.
    candidates = same_moment[-1:] or fresh or under_way
    if not candidates:
        return
    flight = candidates[0]
    if kind == "dup":
        flight.duplicated = True
    elif kind == "drop" and events[flight.start][2] == "dgram":
        flight.ends.append(number)
        flight.fate = "lost"
        way.remove(flight)
    else:
        flight.holds.append(number)
