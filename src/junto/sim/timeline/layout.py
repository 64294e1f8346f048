"""Where the marks of a diagram come to lie: rows as high as what happens in one instant needs.

Marks of one instant are stacked in slots, so that no text lies upon another: a mark takes a slot of its
lane, and its text one of each gap between lanes that it crosses. The page's script does the same for what
it shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from junto.sim.timeline.model import Arrow, Diagram, Mark

__all__ = ["LEFT", "SLOT", "Layout", "is_banner", "lane_width"]

LEFT: Final = 164
"""The width of the column with the times."""
SLOT: Final = 22
_PADDING: Final = 7


def lane_width(lanes: int) -> int:
    """Tell how far apart *lanes* lanes are."""
    return 260 if lanes <= 3 else 220 if lanes <= 4 else 190 if lanes <= 5 else 170 if lanes <= 8 else 150


def is_banner(mark: Mark) -> bool:
    """Tell whether a mark goes across all lanes."""
    return mark.lane < 0 or mark.kind == "oracle"


class Layout:
    """The places of a part of a diagram.

    Attributes:
        first: Its first row.
        last: Its last row.
        tops: Where each of its rows begins.
        height: Where the last one ends.
        marks: The places in `Diagram.marks` of what lies in it.
    """

    def __init__(self, diagram: Diagram, first: int, last: int, marks: Sequence[int]) -> None:
        """Lay out the rows *first* to *last* and the *marks*, all of them in these rows."""
        self.first = first
        self.last = last
        self.marks = marks
        self._diagram = diagram
        self._labelled: dict[int, Arrow] = {}
        self._begins: dict[int, int] = {}
        for arrow in diagram.arrows:
            if arrow.first:
                self._labelled[arrow.start] = arrow
            if arrow.end >= 0:
                self._begins.setdefault(arrow.end, arrow.start)
        self._slots: dict[int, int] = {}
        self.tops: list[int] = []
        self.height = 0
        self._place()

    def _place(self) -> None:
        marks = self._diagram.marks
        by_row: dict[int, list[int]] = {}
        for place in self.marks:
            by_row.setdefault(marks[place].row, []).append(place)
        for row in range(self.first, self.last + 1):
            self.tops.append(self.height)
            self.height += self._place_row(by_row.get(row, [])) * SLOT + _PADDING

    def _place_row(self, places: list[int]) -> int:
        marks = self._diagram.marks
        # What is true of the whole network comes first; the verdict comes last.
        begin = 0
        for place in places:
            if marks[place].lane < 0 and marks[place].kind != "oracle":
                self._slots[place] = begin
                begin += 1
        high = begin
        lanes: dict[int, int] = {}
        gaps: dict[int, int] = {}
        for place in places:
            if is_banner(marks[place]):
                continue
            lane = marks[place].lane
            crossed = self._gaps(place)
            slot = max(
                lanes.get(lane, begin),
                *(gaps.get(gap, begin) for gap in crossed),
                self._slots.get(self._begins.get(place, -1), 0)
                if self._same_row(place, self._begins.get(place, -1))
                else 0,
            )
            self._slots[place] = slot
            lanes[lane] = slot + 1
            for gap in crossed:
                gaps[gap] = slot + 1
            high = max(high, slot + 1)
        for place in places:
            if marks[place].kind == "oracle":
                self._slots[place] = high
                high += 1
        return max(high, 1)

    def _same_row(self, place: int, other: int) -> bool:
        marks = self._diagram.marks
        return other >= 0 and marks[place].row == marks[other].row

    def _gaps(self, place: int) -> range:
        """Tell which gaps between lanes the text of a mark needs; gap 0 is right of lane 0."""
        arrow = self._labelled.get(place)
        lane = self._diagram.marks[place].lane
        if arrow is not None:
            return range(min(lane, arrow.lane), max(lane, arrow.lane, lane + (arrow.lane == lane)))
        return range(0) if place in self._begins else range(lane, lane + 1)

    def has(self, place: int) -> bool:
        """Tell whether a mark is in this part."""
        return place in self._slots

    def y(self, place: int) -> int:
        """Tell where the line of a mark is."""
        return self.tops[self._diagram.marks[place].row - self.first] + self._slots[place] * SLOT + 16

    def top(self, row: int) -> int:
        """Tell where a row begins, or the edge that is nearest to it."""
        return 0 if row < self.first else self.height if row > self.last else self.tops[row - self.first]

    def arrives(self, place: int) -> bool:
        """Tell whether a mark is where an arrow ends, which says all."""
        return place in self._begins

    def arrow_from(self, place: int) -> Arrow | None:
        """Give the arrow whose label is that of the mark."""
        return self._labelled.get(place)
