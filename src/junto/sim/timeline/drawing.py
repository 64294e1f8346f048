"""Draws a part of a diagram as SVG, to be read without any script."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape as quote

from junto.sim.showing import digits_for, duration, seconds, shorten
from junto.sim.timeline.layout import LEFT, Layout, is_banner, lane_width
from junto.sim.timeline.model import Arrow, Diagram, Mark
from junto.sim.timeline.spans import Bar

__all__ = ["draw", "overview", "symbols"]

_CHARACTER = 6.1  # the width of one, nearly
_HEAD = 34  # the height of the names of the lanes
_FAR = 300  # further than this an arrow is labelled at both ends
_WHICH = re.compile(r"^((?:sent again|lost|held): )?(?:request|result) \d+: ")
BOXED = frozenset({"clock", "error", "kill", "note", "oracle", "pause", "resume", "start"})
"""The kinds whose text has a box."""


def draw(diagram: Diagram, first: int, last: int, places: list[int]) -> str:
    """Draw the rows *first* to *last*, and of the marks those in *places*."""
    return "".join(_Drawing(diagram, Layout(diagram, first, last, places)).parts())


class _Drawing:
    def __init__(self, diagram: Diagram, layout: Layout) -> None:
        self.diagram = diagram
        self.layout = layout
        self.lane_width = lane_width(len(diagram.lanes))
        self.width = LEFT + self.lane_width * len(diagram.lanes) + 24
        self.height = layout.height + _HEAD + 6
        times = diagram.times[max(layout.first - 1, 0) : layout.last + 1]
        self.digits = digits_for(times)

    def x(self, lane: int) -> float:
        return LEFT + 30 + lane * self.lane_width

    def parts(self) -> Iterator[str]:
        yield (
            '<svg xmlns="http://www.w3.org/2000/svg" class="diagram" '
            f'viewBox="0 0 {self.width} {self.height}" '
            f'width="{self.width}" height="{self.height}" role="img" aria-label="sequence diagram">'
        )
        for lane, name in enumerate(self.diagram.lanes):
            chars = int((self.lane_width - 20) / 7.5)
            yield f'<text class="host" x="{self.x(lane):g}" y="20">{quote(shorten(name, chars))}</text>'
        yield f'<g transform="translate(0 {_HEAD})">'
        yield from self.rows()
        yield from self.spans()
        for arrow in self.diagram.arrows:
            yield from self.arrow(arrow)
        for arrow in self.diagram.arrows:  # above all lines
            if arrow.first and self.layout.has(arrow.start):
                yield self.arrow_label(arrow)
            yield from self.arrival_label(arrow)
        for place in self.layout.marks:
            yield from self.mark(place)
        yield "</g></svg>"

    def spans(self) -> Iterator[str]:
        layout, bottom = self.layout, self.layout.height
        for band in self.diagram.bands:
            if band.last >= layout.first and band.first <= layout.last:
                left = self.x(min(band.lanes)) - 22
                right = self.x(max(band.lanes)) + 22
                top, end = layout.top(band.first), layout.top(band.last + 1)
                yield (
                    f'<rect class="band" x="{left:g}" y="{top}" width="{right - left:g}" '
                    f'height="{end - top}">'
                    f"<title>{quote(band.label)}</title></rect>"
                )
        for lane in range(len(self.diagram.lanes)):
            yield f'<path class="lane" d="M{self.x(lane):g} -6V{bottom}"/>'
        for bar in self.diagram.bars:
            if bar.last >= layout.first and bar.first <= layout.last:
                yield self.bar(bar)

    def bar(self, bar: Bar) -> str:
        top, end = self.layout.top(bar.first) + 12, self.layout.top(bar.last) + 12
        top, end = max(top, 0), min(end, self.layout.height)
        return (
            f'<rect class="bar {bar.style}" x="{self.x(bar.lane) - 6:g}" y="{top}" width="12" '
            f'height="{max(end - top, 4)}" rx="3"><title>{quote(bar.label)}</title></rect>'
        )

    def rows(self) -> Iterator[str]:
        times, layout = self.diagram.times, self.layout
        for row in range(layout.first, layout.last + 1):
            y = layout.top(row)
            yield f'<path class="row" d="M0 {y}H{self.width}"/>'
            yield f'<text class="time" x="98" y="{y + 17}">{seconds(times[row], self.digits)}</text>'
            if row:
                gap = duration(times[row] - times[row - 1])
                yield f'<text class="gap" x="{LEFT - 6}" y="{y + 17}">+{gap}</text>'

    def arrow(self, arrow: Arrow) -> Iterator[str]:
        layout, marks = self.layout, self.diagram.marks
        mark = marks[arrow.start]
        begins = layout.has(arrow.start)
        ends = arrow.end >= 0 and layout.has(arrow.end)
        if not begins and not ends:
            return
        x1, x2 = self.x(mark.lane), self.x(arrow.lane)
        y1: float = layout.y(arrow.start) if begins else -6
        y2: float = layout.y(arrow.end) if ends else layout.height
        way = 1 if x2 > x1 else -1
        if arrow.style == "lost":
            x2 = (x1 + x2) / 2
        elif arrow.end < 0:
            x2, y2 = (x1 + x2) / 2, y1
        elif not ends:
            x2 = (x1 + x2) / 2
        else:
            x2 -= 5 * way
        itself = mark.lane == arrow.lane
        line = f"M{x1:g} {y1:g}h26V{y2:g}h-20" if itself else f"M{x1:g} {y1:g}L{x2:g} {y2:g}"
        yield f'<g class="arrow {arrow.style}">{_title(self.diagram, mark)}<path d="{line}"/>'
        if arrow.style in ("lost", "refused"):
            yield f'<path class="cross" d="M{x2 - 5:g} {y2 - 5:g}l10 10m0 -10l-10 10"/>'
        yield "</g>"

    def arrow_label(self, arrow: Arrow) -> str:
        mark = self.diagram.marks[arrow.start]
        span = max(abs(arrow.lane - mark.lane), 1)
        label = quote(_brief(mark.label, int((span * self.lane_width - 26) / _CHARACTER)))
        left = arrow.lane < mark.lane
        x, end = self.x(mark.lane) + (-10 if left else 10), ' text-anchor="end"' if left else ""
        y = self.layout.y(arrow.start) - 4
        return f'<text class="label {arrow.style}" x="{x:g}" y="{y}"{end}>{label}</text>'

    def arrival_label(self, arrow: Arrow) -> Iterator[str]:
        """Label the end as well, if it is so far down that the eye has lost the beginning."""
        layout, marks = self.layout, self.diagram.marks
        if not arrow.first or arrow.end < 0 or not layout.has(arrow.end) or arrow.style in ("lost", "ending"):
            return
        start, end = marks[arrow.start], marks[arrow.end]
        if layout.has(arrow.start) and layout.y(arrow.end) - layout.y(arrow.start) <= _FAR:
            return
        took = duration(self.diagram.times[end.row] - self.diagram.times[start.row])
        span = max(abs(arrow.lane - start.lane), 1)
        label = quote(
            _brief(f"{start.label}, sent {took} before", int((span * self.lane_width - 26) / _CHARACTER))
        )
        right = arrow.lane <= start.lane
        x, anchor = self.x(arrow.lane) + (15 if right else -15), "" if right else ' text-anchor="end"'
        y = layout.y(arrow.end) + 4
        yield f'<text class="label {arrow.style}" x="{x:g}" y="{y}"{anchor}>{label}</text>'

    def mark(self, place: int) -> Iterator[str]:
        mark, y = self.diagram.marks[place], self.layout.y(place)
        here = ' id="failure"' if place == self.diagram.failure else ""
        if is_banner(mark):
            chars = int((self.width - LEFT - 20) / 6.6)
            yield (
                f'<g class="banner {mark.kind}"{here}>{_title(self.diagram, mark)}'
                f'<rect x="{LEFT}" y="{y - 10}" width="{self.width - LEFT - 4}" height="19" rx="4"/>'
                f'<text x="{LEFT + 8}" y="{y + 4}">{quote(shorten(_banner(mark), chars))}</text>'
            )
            if mark.lane >= 0:
                yield f'<path class="pin" d="M{self.x(mark.lane):g} {y - 10}v-8"/>'
            yield "</g>"
            return
        x = self.x(mark.lane)
        if self.layout.arrives(place) or self.layout.arrow_from(place) is not None:
            radius = 2 if self.layout.arrives(place) else 3
            yield f'<circle class="dot" cx="{x:g}" cy="{y}" r="{radius}"/>'
            return
        chars = int((self.lane_width - 36) / _CHARACTER)
        label = _brief(mark.label, chars)
        yield f'<g class="mark {mark.kind}"{here}>{_title(self.diagram, mark)}'
        yield f'<circle cx="{x:g}" cy="{y}" r="4"/>'
        if mark.kind in BOXED:
            width = len(label) * _CHARACTER + 12
            yield f'<rect x="{x + 10:g}" y="{y - 9}" width="{width:g}" height="18" rx="4"/>'
        yield f'<text x="{x + 16:g}" y="{y + 4}">{quote(label)}</text></g>'


def _brief(label: str, chars: int) -> str:
    """Shorten a label; first goes what the arrows show: which request it is."""
    return shorten(label if len(label) <= chars else _WHICH.sub(r"\1", label), chars)


def _banner(mark: Mark) -> str:
    return f"✖ {mark.label}" if mark.kind == "oracle" else f"⚡ {mark.label}"


def _title(diagram: Diagram, mark: Mark) -> str:
    who = diagram.lanes[mark.lane] if mark.lane >= 0 else "network"
    peer = f" → {diagram.lanes[mark.peer]}" if mark.peer >= 0 else ""
    size = f", {mark.length:,} bytes" if mark.length >= 0 else ""
    text = (
        f"{mark.kind} {mark.number} · {seconds(diagram.times[mark.row])} s · {who}{peer}{size}\n{mark.label}"
    )
    return f"<title>{quote(text)}</title>"


def overview(diagram: Diagram, buckets: int = 240) -> str:
    """Draw the whole run as one strip in true time: how much happened, and when it was disturbed."""
    times = diagram.times
    begin, span = (times[0], max(times[-1] - times[0], 1)) if times else (0, 1)

    def x(row: int) -> float:
        return round((times[row] - begin) / span * 1000, 1)

    counts = [0] * buckets
    for mark in diagram.marks:
        counts[min(int((times[mark.row] - begin) / span * buckets), buckets - 1)] += 1
    most = max(counts, default=1) or 1
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" class="overview" viewBox="0 0 1000 44" '
        'preserveAspectRatio="none" role="img" aria-label="the whole run">'
    ]
    for band in diagram.bands[:2000]:
        width = max(x(band.last) - x(band.first), 2)
        parts.append(f'<rect class="band" x="{x(band.first):g}" y="0" width="{width:g}" height="44"/>')
    step = 1000 / buckets
    for index, count in enumerate(counts):
        if count:
            height = max(34 * (count / most) ** 0.5, 2)
            parts.append(
                f'<rect class="count" x="{index * step:.4g}" y="{44 - height:.3g}" width="{step * 0.8:.3g}" '
                f'height="{height:.3g}"/>'
            )
    for bar in [bar for bar in diagram.bars if bar.style in ("dead", "paused", "slow")][:2000]:
        width = max(x(bar.last) - x(bar.first), 2)
        parts.append(
            f'<rect class="bar {bar.style}" x="{x(bar.first):g}" y="0" width="{width:g}" height="5"/>'
        )
    if diagram.failure >= 0:
        at = x(diagram.marks[diagram.failure].row)
        parts.append(f'<rect class="oracle" x="{min(at, 997):g}" y="0" width="3" height="44"/>')
    parts.append('<rect class="view" x="0" y="0" width="0" height="44"/></svg>')
    return "".join(parts)


def symbols() -> str:
    """Draw the heads of arrows that all diagrams of a page use."""
    heads = "".join(
        f'<marker id="head-{style}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
        'orient="auto" markerUnits="userSpaceOnUse">'
        f'<path class="head {style}" d="M0 0.5L8 4L0 7.5z"/></marker>'
        for style in ("sent", "held", "opening", "ending")
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="symbols" width="0" height="0" aria-hidden="true">'
        f"<defs>{heads}</defs></svg>"
    )
