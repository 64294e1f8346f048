"""One direction of a connection: what is under way, what was lost, and what the receiver has room for.

Bytes arrive in order, for each event says only that the next piece arrives. There is no event for an
acknowledgement: what the sender may know of the receiver it looks up when it needs it, as of one latency ago,
and only a sender that waits is told.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from errno import ETIMEDOUT
from typing import TYPE_CHECKING, Any

from junto.sim.kernel import SECOND, Kernel
from junto.sim.network.links import RETRANSMISSION, Link

if TYPE_CHECKING:
    from junto.sim.network.streams import StreamEnd

__all__ = ["Flow"]

LONGEST_WAIT = 120 * SECOND  # between two retransmissions
PACKET = 16 * 1024  # the most that leaves a link of limited bandwidth at once


class Flow:
    """The way of bytes from one end of a connection to the other.

    Attributes:
        source: The end that sends.
        target: The end that receives.
        link: The link it goes over.
        back: The link of the acknowledgements.
        credit: How many bytes can be sent without looking further; below 0 for none.
        sent: How many have been put on the way, also those that were lost there.
        last: When the last piece on the way arrives.
        queue: The pieces under way, the next one first: bytes, or None for the
            end; empty bytes acknowledge a connection.
        epoch: Tells the events of the queue from those of one that was lost.
        log: Records an event, if there is a trace.
        attentive: Whether an arrival needs more than to be handed over.
    """

    __slots__ = (
        "_backlog",
        "_backlogged",
        "_held",
        "_known_arrived",
        "_known_read",
        "_look",
        "_observed",
        "_retry",
        "_since",
        "_starved",
        "_telling",
        "_wait",
        "attentive",
        "back",
        "ceased",
        "credit",
        "ended",
        "epoch",
        "kernel",
        "last",
        "link",
        "log",
        "queue",
        "sent",
        "source",
        "target",
    )

    def __init__(self, source: StreamEnd, target: StreamEnd, link: Link, back: Link) -> None:
        self.source = source
        self.target = target
        self.link = link
        self.back = back
        self.kernel: Kernel = source.host.kernel
        self.queue: deque[bytes | None] = deque()
        self.epoch = 0
        self.last = 0
        self.sent = 0
        self.credit = -1
        self.ended = self.ceased = False
        world = source.host.world
        self.log: Callable[[Any], None] | None = None if world.trace is None else world.trace.events.append
        self._observed = world.net.coincidence.active
        self.attentive = self._observed
        self._backlog: deque[bytes | None] = deque()  # in the send buffer, for the window is full
        self._backlogged = 0
        self._held: deque[bytes | None] = deque()  # lost, to be sent again
        self._known_arrived = 0
        self._known_read = 0
        self._look: tuple[int, int, int] | None = (
            None  # when the sender knows how much has arrived and been read
        )
        self._starved = self._telling = False
        self._since: int | None = None  # since when something is not acknowledged that should be
        self._retry = 0  # which retry event is valid
        self._wait = RETRANSMISSION
        link.flows[self] = None

    # The sender's side

    def open(self) -> None:
        """Let the sender use what there is room for."""
        self._reckon()

    def offer(self, data: bytes) -> int:
        """Take as much as the send buffer has room for.

        Returns:
            How many bytes were taken.
        """
        now = self.source.host.now()
        self._look_up(now)
        room = self.room()
        if room <= 0:
            self._starve()
            return 0
        if len(data) > room:
            data = data[:room]
        self._backlog.append(data)
        self._backlogged += len(data)
        self._pump(now)
        return len(data)

    def room(self) -> int:
        """Tell how many bytes the send buffer has room for."""
        return self.source.send_buffer - (self.sent + self._backlogged - self._known_arrived)

    def writable(self) -> bool:
        """Tell whether there is room; if there is none, the sender is told when there is."""
        if self.credit > 0:
            return True
        self._look_up(self.source.host.now())
        if self.room() > 0:
            return True
        self._starve()
        return False

    def unsent(self) -> int:
        """Tell how many bytes the receiver's kernel has not yet."""
        return self._backlogged + self._on_the_way()

    def finish(self) -> None:
        """Send the end of the stream behind what was written."""
        if not self.ended:
            self.ended = True
            self.credit = -1
            self._backlog.append(None)
            self._pump(self.source.host.now())

    def greet(self) -> None:
        """Send the acknowledgement that completes the connection."""
        self._transmit(b"", self.source.host.now())

    def _pump(self, now: int) -> None:
        """Put on the way what the window has room for."""
        backlog = self._backlog
        while backlog:
            piece = backlog[0]
            if piece is not None:
                window = self.target.receive_buffer - (self.sent - self._known_read)
                if window <= 0:
                    self._starve()
                    break
                if len(piece) > window:
                    backlog[0] = piece[window:]
                    piece = piece[:window]
                else:
                    backlog.popleft()
                self._backlogged -= len(piece)
                self.sent += len(piece)
                self._cut(piece, now)
            else:
                backlog.popleft()
                self._transmit(None, now)
        self._reckon()

    def _cut(self, piece: bytes, now: int) -> None:
        """Send a piece in the parts the link makes of it."""
        link = self.link
        grain = 64 if self.source.is_encrypted(piece) else 1
        most = PACKET if link.conditions.bandwidth else len(piece)
        while True:
            size = min(link.cut(len(piece), grain), most)
            if size >= len(piece):
                self._transmit(piece, now)
                return
            self._transmit(piece[:size], now)
            piece = piece[size:]

    def _transmit(self, piece: bytes | None, now: int) -> None:
        link = self.link
        if self._held or link.blocked:
            self._held.append(piece)
            link.held += 1
            self.source.record(self.target, "hold", now, piece)
            self._wait_for_acknowledgement(now)
            return
        if piece is None:
            self.source.record(self.target, "fin", now)
        elif piece:
            self.source.record(self.target, "send", now, piece)
        size = len(piece) if piece else 0
        if size and self.source.encrypted:
            size = -(-size // 64) * 64  # its exact length depends on bytes that no seed decides
        when = max(link.leave(now, size) + link.stream_latency(), self.last)
        self.last = when
        self.queue.append(piece)
        self.kernel.at(when, self.arrive, self.epoch)

    # What the sender may know of the receiver

    def _on_the_way(self) -> int:
        return sum([len(piece) for piece in self.queue if piece]) + sum(
            [len(piece) for piece in self._held if piece]
        )

    def _look_up(self, now: int) -> None:
        """Learn what was seen one latency ago, and look again."""
        look = self._look
        if look is not None and now >= look[0]:
            self._known_arrived, self._known_read = look[1], look[2]
            self._look = look = None
            self._reckon()
        if look is None and not self.back.blocked:
            arrived = self.sent - self._on_the_way()
            read = arrived - self.target.unread()
            if arrived > self._known_arrived or read > self._known_read:
                self._look = (now + self.back.usual_latency(), arrived, read)

    def _reckon(self) -> None:
        """Reckon how much can be sent without looking; the half is kept, to look in time."""
        if self.ended or self._backlog or self._held or self.link.blocked:
            self.credit = -1
            return
        source, target = self.source, self.target
        room = source.send_buffer // 2 - (self.sent - self._known_arrived)
        window = target.receive_buffer // 2 - (self.sent - self._known_read)
        self.credit = room if room < window else window

    def _starve(self) -> None:
        """Have the sender told when the receiver has more room."""
        self._starved = self.attentive = True
        self.progress()

    def progress(self) -> None:
        """Something has arrived or been read: let the news travel to a sender that waits."""
        if self._starved and not self._telling:
            if self._look is None:
                self._look_up(self.kernel.now)
            if self.back.blocked:
                self._wait_for_acknowledgement(self.kernel.now)
            elif self._look is not None:
                self._telling = True
                self.kernel.at(max(self._look[0], self.kernel.now), self._told)

    def _told(self) -> None:
        self._telling = False
        if not self._starved:
            return
        now = self.kernel.now
        if self.back.blocked:  # the news is lost; the sender asks again
            self._wait_for_acknowledgement(now)
            return
        self._look_up(now)
        self._starved = False
        self._pump(now)
        if self.room() > 0:
            self.attentive = self._starved or self.target.deaf or self._observed
            self.source.changed()
        else:
            self._starve()

    # The receiver's side

    def arrive(self, epoch: int) -> None:
        """Let the next piece arrive, unless it was lost meanwhile."""
        if epoch != self.epoch:
            return
        piece = self.queue.popleft()
        if not piece or self.attentive or self.back.blocked:
            self._attend(piece)
            return
        target = self.target
        log = self.log
        if log is not None:
            if target.encrypted:
                target.record(self.source, "recv", self.kernel.now, piece)
            else:
                peer, size = self.source.host.name, len(piece)
                at = self.kernel.now
                log((at, target.host.name, "recv", target.connection, peer, size, piece[:64], None))
        target.incoming.append(piece)
        change = target.on_change
        if change is not None:
            change()

    def _attend(self, piece: bytes | None) -> None:
        target = self.target
        target.host.world.net.coincidence.arrived(target.host)
        if self.back.blocked:
            self._wait_for_acknowledgement(self.kernel.now)
        if piece is None:
            target.end_arrived()
            self.drop()
        elif target.deaf:
            target.refuse(piece)
        elif piece:
            target.record(self.source, "recv", self.kernel.now, piece)
            target.incoming.append(piece)
            target.changed()
            self.progress()
        else:
            target.greeted()

    # Loss and retransmission

    def lost(self) -> None:
        """The link was cut: all that is under way is lost, and will be sent again."""
        self.credit = -1
        if self.ceased:
            self.queue.clear()
            self.epoch += 1
        elif self.queue:
            self.link.held += len(self.queue)
            for piece in self.queue:
                self.source.record(self.target, "hold", self.kernel.now, piece)
            self._held.extend(self.queue)
            self.queue.clear()
            self.epoch += 1
            self.last = 0
            self._wait_for_acknowledgement(self.kernel.now)
        elif self._starved:
            self._wait_for_acknowledgement(self.kernel.now)

    def _wait_for_acknowledgement(self, now: int) -> None:
        if self._since is None:
            self._since = now
            self._wait = max(RETRANSMISSION, 2 * self.link.usual_latency())
            self._retry += 1
            self.kernel.at(now + self._wait, self._try_again, self._retry)

    def _try_again(self, retry: int) -> None:
        if retry != self._retry or self._since is None:
            return
        now = self.kernel.now
        net = self.source.host.world.net
        end = self._since + net.retransmission_timeout
        if now >= end:
            self.source.fail(ETIMEDOUT)
            return
        if not self.link.blocked:
            held, self._held = self._held, deque()
            for piece in held:
                self._transmit(piece, now)
            if not self.back.blocked:
                self._since = None
                if self.target.is_broken():  # it said so, and was not heard; it says so again
                    self.kernel.at(now + self.link.latency(), self.target.refuse, b"")
                self._pump(now)
                self.progress()
                return
        self._wait = min(2 * self._wait, LONGEST_WAIT)
        self._retry += 1
        self.kernel.at(min(now + self._wait, end), self._try_again, self._retry)

    def cease(self) -> None:
        """Send nothing any more, and nothing again; what is under way may arrive."""
        self.ceased = self.ended = True
        self.credit = -1
        self._retry += 1
        self._since = None
        self._held.clear()
        self._backlog.clear()
        self._backlogged = 0

    def drop(self) -> None:
        """Forget all that is on the way: nothing arrives any more."""
        self.cease()
        self.epoch += 1
        self._starved = False
        self.queue.clear()
        self.link.flows.pop(self, None)
