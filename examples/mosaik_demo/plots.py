"""Plots as SVG text: lines and areas over the time, such as 24 hours."""

from __future__ import annotations

import html
import json
import math
from dataclasses import dataclass

WIDTH, HEIGHT = 960, 280
LEFT, RIGHT, TOP, BOTTOM = 44, 10, 12, 30  # what is kept free around the plot


@dataclass(frozen=True)
class Span:
    """The time of a plot, in minutes, or in seconds: sixty of them make the unit above.

    Attributes:
        length: Of all the time.
        tick: From one label to the next.
        missing: What is told of a time without a value.
    """

    length: float
    tick: int
    missing: str


DAY = Span(24 * 60, 3 * 60, "no answer")


@dataclass
class Line:
    """One series of a plot.

    Attributes:
        name: What the legend says.
        colour: The name of a colour of the page's style sheet.
        values: At equal distances, the first at the begin of the time; not-a-number leaves a gap.
        filled: Whether the area down to zero is tinted.
        dashed: Whether it is drawn as one that is not real.
    """

    name: str
    colour: str
    values: list[float]
    filled: bool = False
    dashed: bool = False


def plot(lines: list[Line], unit: str, span: Span = DAY, mark: tuple[float, str] | None = None) -> str:
    """Draw a plot, with its legend, and the values for the reader's pointer.

    Args:
        lines: What is drawn; all have as many values.
        unit: Of the values.
        span: The time from the first value to the last.
        mark: A time, and what happened then.
    """
    low, high, ticks = _scale(lines)

    def x(part: float) -> float:
        return LEFT + part * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM)

    marks = []
    for tick in ticks:
        kind = "zero" if tick == 0 else "grid"
        marks.append(
            f'<line class="{kind}" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>'
        )
        marks.append(
            f'<text class="tick" x="{LEFT - 8}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>'
        )
    for time in range(0, int(span.length) + 1, span.tick):
        anchor = "start" if time == 0 else "end" if time == span.length else "middle"
        place = f'x="{x(time / span.length):.1f}" y="{HEIGHT - 8}" text-anchor="{anchor}"'
        marks.append(f'<text class="tick" {place}>{time // 60:02}:{time % 60:02}</text>')
    if mark is not None:
        at = f"{x(mark[0] / span.length):.1f}"
        marks.append(f'<line class="mark" x1="{at}" x2="{at}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
        marks.append(f'<text class="tick" x="{at}" y="{TOP + 10}" dx="6">{html.escape(mark[1])}</text>')
    for line in lines:
        step = 1 / len(line.values)
        path = ""
        for number, value in enumerate(line.values):
            if not math.isnan(value):
                begins = number == 0 or math.isnan(line.values[number - 1])
                path += f"{'M' if begins else ' '}{x(number * step):.1f},{y(value):.1f}"
        if line.filled:
            area = f"M{x(0):.1f},{y(0):.1f} L{path[1:]} L{x(1 - step):.1f},{y(0):.1f} Z"
            marks.append(f'<path class="area" style="fill: var(--{line.colour})" d="{area}"/>')
        kind = "line dashed" if line.dashed else "line"
        marks.append(f'<path class="{kind}" style="stroke: var(--{line.colour})" d="{path}"/>')
    legend = "".join(
        f'<li><i style="background: var(--{line.colour})"></i>{html.escape(line.name)} '
        f'<b data-line="{number}"></b></li>'
        for number, line in enumerate(lines)
    )
    data = json.dumps(
        [[None if math.isnan(value) else round(value, 2) for value in line.values] for line in lines],
        separators=(",", ":"),
    )
    label = html.escape(", ".join(line.name for line in lines))
    return (
        f'<figure class="plot" data-left="{LEFT / WIDTH}" data-right="{RIGHT / WIDTH}" data-unit="{unit}" '
        f'data-length="{span.length}" data-missing="{span.missing}">'
        f'<ul class="legend">{legend}<li class="clock"><b></b></li></ul>'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label} over the time, in {unit}">'
        f'<text class="tick" x="{LEFT - 8}" y="{HEIGHT - 8}" text-anchor="end">{unit}</text>{"".join(marks)}'
        f'<line class="cursor" y1="{TOP}" y2="{HEIGHT - BOTTOM}" x1="-9" x2="-9"/></svg>'
        f'<script type="application/json">{data}</script></figure>'
    )


def _scale(lines: list[Line]) -> tuple[float, float, list[float]]:
    """Choose round numbers for the axis, zero among them."""
    known = [value for line in lines for value in line.values if not math.isnan(value)]
    low, high = min(0.0, *known), max(0.0, *known)
    step = 10.0 ** math.floor(math.log10((high - low) / 2))
    while (high - low) / step > 6:
        step *= 2
    first, last = math.floor(low / step), math.ceil(high / step)
    return first * step, last * step, [number * step for number in range(first, last + 1)]
