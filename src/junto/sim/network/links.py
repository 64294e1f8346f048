"""One direction between two hosts: how long bytes take there, what is lost, and whether anything passes.

All connections of the two hosts share it. What a packet meets is drawn when it is sent, from streams of the
link's own, so that a change of one link shifts nothing on another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from junto.sim.kernel import SECOND
from junto.sim.network.latency import Latency, Uniform, distribution

if TYPE_CHECKING:
    from junto.sim.host import Host
    from junto.sim.network.flows import Flow

__all__ = ["Conditions", "Link"]

RETRANSMISSION = SECOND // 5  # the least time after which TCP sends again what was not acknowledged


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a link does to what is sent over it.

    Attributes:
        latency: Seconds, a pair of them, or a function of a draw from [0, 1).
        bandwidth: Bytes per second of all that is sent together, or None for no limit.
        loss: The probability that a packet is lost. A stream's is sent again,
            which takes time; a datagram is gone.
        duplicate: The probability that a datagram arrives twice.
        reorder: The probability that a datagram is overtaken by others.
        chunking: The probability that a piece of a stream is cut in two, again
            and again, each part travelling by itself.
    """

    latency: Latency = (0.0005, 0.0015)
    bandwidth: float | None = None
    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    chunking: float = 0.0


class Link:
    """The direction from one host to another.

    Attributes:
        source: Where packets come from.
        target: Where they go to.
        blocked: Whether nothing passes.
        plain: Whether a piece of a stream is neither cut nor delayed: then a
            sender need not ask further.
        flows: The directions of connections that go over it.
        low: The least latency in nanoseconds, where `span` tells the rest.
        span: How much longer it may take, in nanoseconds, all equally likely;
            None for another distribution.
        draw: Draws what decides a packet's latency.
        held: How many packets have been held back by blocks so far.
    """

    def __init__(self, source: Host, target: Host, conditions: Conditions) -> None:
        self.source = source
        self.target = target
        self.name = f"{source.name}>{target.name}"
        self.flows: dict[Flow, None] = {}
        self.blocked = False
        self.plain = True
        self.low = 0
        self.span: int | None = 0
        self.held = 0
        choices = source.world.choices
        self.draw = choices.stream("net.latency", self.name).drawing()
        self._loss = choices.stream("net.loss", self.name).random
        self._duplicate = choices.stream("net.duplicate", self.name).random
        self._reorder = choices.stream("net.reorder", self.name).random
        self._chunk = choices.stream("net.chunk", self.name)
        self._blocks: dict[Any, None] = {}
        self._free = 0  # when what was sent before has left
        self._conditions = conditions
        self._apply()

    def __repr__(self) -> str:
        return f"<link {self.name}{' blocked' if self.blocked else ''} {self._conditions}>"

    @property
    def conditions(self) -> Conditions:
        """What it does now; what is under way already is not touched by a change."""
        return self._conditions

    @conditions.setter
    def conditions(self, conditions: Conditions) -> None:
        self._conditions = conditions
        self._apply()

    def change(self, **conditions: Any) -> None:
        """Change some of its conditions, by the names of `Conditions`."""
        self.conditions = replace(self._conditions, **conditions)

    def _apply(self) -> None:
        conditions = self._conditions
        self._sample: Callable[[float], float] = distribution(conditions.latency)
        sample = self._sample
        if isinstance(sample, Uniform):
            self.low, self.span = round(sample.low * SECOND), round((sample.high - sample.low) * SECOND)
        else:
            self.low, self.span = 0, None
        self._mark()

    def _mark(self) -> None:
        conditions = self._conditions
        self.plain = not (
            self.blocked
            or self.span is None
            or conditions.bandwidth
            or conditions.loss
            or conditions.chunking
        )

    # Blocks

    def block(self, reason: Any = "blocked") -> None:
        """Let nothing pass until the same reason is taken away; what is under way is lost."""
        self._blocks[reason] = None
        if not self.blocked:
            self.blocked = True
            self._mark()
            for flow in list(self.flows):
                flow.lost()

    def unblock(self, reason: Any = "blocked") -> None:
        """Take a reason away; with the last one packets pass again, when they are next sent."""
        self._blocks.pop(reason, None)
        if self.blocked and not self._blocks:
            self.blocked = False
            self._mark()

    # Packets

    def latency(self) -> int:
        """Draw how long one packet takes, in nanoseconds."""
        span = self.span
        if span is None:
            return max(round(self._sample(self.draw()) * SECOND), 0)
        return self.low + int(span * self.draw())

    def usual_latency(self) -> int:
        """Tell its median, in nanoseconds, without a draw: how long what has no event of its own takes."""
        return round(self._sample(0.5) * SECOND)

    def leave(self, now: int, size: int) -> int:
        """Put a packet on the wire behind the others; tell when it has left."""
        bandwidth = self._conditions.bandwidth
        if not bandwidth:
            return now
        self._free = max(now, self._free) + round(size * SECOND / bandwidth)
        return self._free

    def stream_latency(self) -> int:
        """Draw how long a piece of a stream takes with all its retransmissions, in nanoseconds."""
        delay = self.latency()
        loss = self._conditions.loss
        if loss:
            again = RETRANSMISSION
            # Those after the fifth would meet other conditions, as a rule: a loss that lasts is a block.
            while self._loss() < loss and again < RETRANSMISSION << 5:
                delay += again
                again *= 2
        return delay

    def lost(self) -> bool:
        """Draw whether a packet is lost."""
        loss = self._conditions.loss
        return bool(loss) and self._loss() < loss

    def duplicated(self) -> bool:
        """Draw whether a datagram arrives twice."""
        duplicate = self._conditions.duplicate
        return bool(duplicate) and self._duplicate() < duplicate

    def detour(self) -> int:
        """Draw how much longer a datagram takes than others, in nanoseconds: nothing, as a rule."""
        reorder = self._conditions.reorder
        if reorder and self._reorder() < reorder:
            return round((1 + 4 * self._reorder()) * max(self.usual_latency(), SECOND // 1000))
        return 0

    def cut(self, size: int, grain: int = 1) -> int:
        """Draw after how many of `size` bytes a piece of a stream is cut; `size` for not at all.

        It is cut between grains only.
        """
        chunking = self._conditions.chunking
        grains = -(-size // grain)
        if chunking and grains > 1 and self._chunk.random() < chunking:
            return grain * (1 + self._chunk.below(grains - 1))
        return size
