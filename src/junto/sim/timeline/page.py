"""One page, complete in itself, that shows a run: to be read without a script, and better with its own.

Without a script the page shows the window of rows around the failure and, as long as that is not too much,
the rest folded. The script takes the same diagram as data, compressed, and draws what is on the screen.
"""

from __future__ import annotations

import base64
import zlib
from html import escape as quote
from importlib.resources import files
from typing import Any

import msgspec

from junto.sim.showing import seconds, visible
from junto.sim.timeline.drawing import BOXED, draw, overview, symbols
from junto.sim.timeline.layout import lane_width
from junto.sim.timeline.model import GROUPS, WINDOW, Arrow, Diagram, make_diagram
from junto.sim.trace import Trace

__all__ = ["make_page"]

_DRAWN_WHOLE = 4000
"""Up to how many events the folded rows are drawn too; beyond it only the script shows them."""


def make_page(
    trace: Trace,
    *,
    title: str = "",
    facts: list[tuple[str, str]] | None = None,
    failed: tuple[int, str] | None = None,
) -> str:
    """Make the page of a run.

    Args:
        trace: What happened.
        title: The sentence that tells how the run ended; without it, what the failing oracle said.
        facts: More to be told at the top, as pairs of a word and a text, such as the command that
            repeats the run.
        failed: When, in nanoseconds, and on which host it failed, if no oracle in the trace says it.

    Returns:
        An HTML document that loads nothing from elsewhere.
    """
    diagram = make_diagram(trace, None if failed is None else (*failed, title))
    went_wrong = diagram.failure >= 0 or bool(title)
    headline = visible(title) or _headline(diagram)
    parts = {
        "title": quote(headline),
        "style": _file("page.css"),
        "state": "failed" if went_wrong else "ended",
        "pill": "Failed" if went_wrong else "Ended",
        "seed": str(trace.seed),
        "subtitle": _subtitle(diagram, trace),
        "facts": _facts(facts or []),
        "begin": seconds(diagram.times[0], 3) if diagram.times else "0",
        "end": seconds(diagram.times[-1], 3) if diagram.times else "0",
        "overview": overview(diagram),
        "symbols": symbols(),
        "legend": _legend(diagram),
        "diagram": _folds(diagram),
        "data": _pack(diagram),
        "script": _file("page.js"),
    }
    page = _file("page.html")
    # Only the template's own places are replaced: what comes in may hold anything.
    head, *rest = page.split("{{")
    return head + "".join(parts[name] + tail for name, tail in (part.split("}}", 1) for part in rest))


def _file(name: str) -> str:
    return files("junto.sim.timeline").joinpath(name).read_text(encoding="utf-8")


def _headline(diagram: Diagram) -> str:
    if diagram.failure >= 0:
        return diagram.marks[diagram.failure].label
    errors = sum(mark.kind == "error" for mark in diagram.marks)
    found = f"; {errors} error{'s' * (errors > 1)} on the way" if errors else ""
    return f"This run ended without a failure{found}"


def _subtitle(diagram: Diagram, trace: Trace) -> str:
    facts: list[str] = []
    if diagram.failure >= 0:
        mark = diagram.marks[diagram.failure]
        host = f" on <b>{quote(diagram.lanes[mark.lane])}</b>" if mark.lane >= 0 else ""
        facts.append(f"at <b>{seconds(diagram.times[mark.row], 6)} s</b>{host}")
    hosts = len(diagram.lanes)
    facts.append(f"{hosts} host{'s' * (hosts != 1)}")
    facts.append(f"{len(trace.events):,} events in {len(diagram.times):,} instants")
    if diagram.failure >= 0:
        facts.append('<a href="#failure">go to the failure</a>')
    return " · ".join(facts)


def _facts(facts: list[tuple[str, str]]) -> str:
    """Write words and texts; a word that comes again stands only once."""
    lines: list[str] = []
    before = ""
    for word, text in facts:
        shown = "" if word == before else quote(visible(word))
        lines.append(f"<dt>{shown}</dt><dd><code>{quote(visible(text))}</code></dd>")
        before = word
    return "".join(lines)


def _folds(diagram: Diagram) -> str:
    """Draw the window, and the rest of the rows in parts that are folded."""
    if not diagram.times:
        return "<p>Nothing was recorded.</p>"
    by_row: dict[int, list[int]] = {}
    turns = 0
    for place, mark in enumerate(diagram.marks):
        if mark.group == "turns":
            turns += 1
        else:
            by_row.setdefault(mark.row, []).append(place)

    def part(first: int, last: int) -> str:
        return draw(
            diagram, first, last, [place for row in range(first, last + 1) for place in by_row.get(row, ())]
        )

    whole = len(diagram.marks) <= _DRAWN_WHOLE
    parts: list[str] = []
    for first, last in _cut(0, diagram.first - 1):
        parts.append(_fold(diagram, first, last, part(first, last) if whole else ""))
    parts.append(part(diagram.first, diagram.last))
    for first, last in _cut(diagram.last + 1, len(diagram.times) - 1):
        parts.append(_fold(diagram, first, last, part(first, last) if whole else ""))
    if turns:
        parts.append(f"<p>{turns:,} turns and tasks of event loops are shown by the script only.</p>")
    return "".join(parts)


def _cut(first: int, last: int) -> list[tuple[int, int]]:
    return [(begin, min(begin + WINDOW - 1, last)) for begin in range(first, last + 1, WINDOW)]


def _fold(diagram: Diagram, first: int, last: int, svg: str) -> str:
    times = diagram.times
    when = f"{seconds(times[first], 4)} s to {seconds(times[last], 4)} s"
    if not svg:
        return f'<p class="fold">{last - first + 1} instants, {when}: shown by the script only</p>'
    return f'<details class="fold"><summary>{last - first + 1} instants, {when}</summary>{svg}</details>'


_SWATCHES = {
    "sent": ("message", '<g class="arrow sent"><path d="M2 4L36 12"/></g>'),
    "held": ("held back by a fault, sent again", '<g class="arrow held"><path d="M2 4L36 12"/></g>'),
    "lost": (
        "lost",
        '<g class="arrow lost"><path d="M2 4L24 9"/><path class="cross" d="M19 4l10 10m0 -10l-10 10"/></g>',
    ),
    "unread": ("never read", '<g class="arrow unread"><path d="M2 8H26"/></g>'),
    "opening": ("connection opens", '<g class="arrow opening"><path d="M2 4L36 12"/></g>'),
    "ending": ("connection ends", '<g class="arrow ending"><path d="M2 4L36 12"/></g>'),
    "dead": ("host is down", '<rect class="bar dead" x="12" y="1" width="12" height="14" rx="3"/>'),
    "paused": ("paused", '<rect class="bar paused" x="12" y="1" width="12" height="14" rx="3"/>'),
    "slow": ("slow", '<rect class="bar slow" x="12" y="1" width="12" height="14" rx="3"/>'),
    "clock": ("clock is wrong", '<rect class="bar clock" x="12" y="1" width="12" height="14" rx="3"/>'),
    "band": ("network fault", '<rect class="band" x="2" y="1" width="34" height="14"/>'),
    "oracle": (
        "failure",
        '<g class="banner oracle"><rect x="2" y="1" width="34" height="14" rx="4"/></g>',
    ),
}


def _legend(diagram: Diagram) -> str:
    """Explain what there is on this page, and nothing else."""
    there = {arrow.style for arrow in diagram.arrows} | {bar.style for bar in diagram.bars}
    there |= {"band"} if diagram.bands else set()
    there |= {"oracle"} if diagram.failure >= 0 else set()
    return "".join(
        '<li><svg xmlns="http://www.w3.org/2000/svg" class="diagram" width="40" height="16" '
        f'viewBox="0 0 40 16" aria-hidden="true">{drawn}</svg>{name}</li>'
        for style, (name, drawn) in _SWATCHES.items()
        if style in there
    )


def _pack(diagram: Diagram) -> str:
    """Write a diagram for the script: columns, each text once, compressed, in base64."""
    texts: dict[str, int] = {"": 0}
    marks, arrows = diagram.marks, diagram.arrows

    def text(value: str) -> int:
        return texts.setdefault(value, len(texts))

    fields: dict[str, Any] = {
        "lanes": diagram.lanes,
        "width": lane_width(len(diagram.lanes)),
        "boxed": sorted(BOXED),
        "groups": GROUPS,
        "first": diagram.first,
        "last": diagram.last,
        "failure": diagram.failure,
        "times": _steps(diagram.times),
        "row": _steps([mark.row for mark in marks]),
        "number": _steps([mark.number for mark in marks]),
        "lane": [mark.lane for mark in marks],
        "kind": [text(mark.kind) for mark in marks],
        "label": [text(mark.label) for mark in marks],
        "peer": [mark.peer for mark in marks],
        "length": [mark.length for mark in marks],
        "about": [mark.about for mark in marks],
        "excerpt": [text(mark.excerpt) for mark in marks],
        "protocol": [text(mark.protocol) for mark in marks],
        "arrows": [*_steps([arrow.start for arrow in arrows]), *_columns(arrows, text)],
        "bars": [[bar.lane, bar.first, bar.last, text(bar.style), text(bar.label)] for bar in diagram.bars],
        "bands": [[list(band.lanes), band.first, band.last, text(band.label)] for band in diagram.bands],
    }
    fields["texts"] = list(texts)
    packed = zlib.compress(msgspec.json.encode(fields), 6)
    return base64.b64encode(packed).decode("ascii")


def _columns(arrows: list[Arrow], text: Any) -> list[int]:
    ends = [arrow.end - arrow.start if arrow.end >= 0 else 0 for arrow in arrows]
    lanes = [arrow.lane for arrow in arrows]
    styles = [text(arrow.style) for arrow in arrows]
    firsts = [int(arrow.first) for arrow in arrows]
    return [*ends, *lanes, *styles, *firsts]


def _steps(values: list[int]) -> list[int]:
    """Write numbers as their differences, which are small."""
    return [value - before for value, before in zip(values, [0, *values], strict=False)]
