"""The timeline: a page that shows a run as a sequence diagram, where a failure can be followed back by eye.

`model` finds out what there is to show, `layout` where it lies, `drawing` draws it for readers without a
script, and `page` makes one file of all, with the style and the script that are beside it.
"""

from __future__ import annotations

import os
from pathlib import Path

from junto.sim.timeline.page import make_page
from junto.sim.trace import read_trace

__all__ = ["make_page", "write_timeline"]


def write_timeline(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    title: str = "",
    facts: list[tuple[str, str]] | None = None,
) -> None:
    """Write the page of a trace; see `make_page`.

    Args:
        source: The path of the trace.
        target: Where the page is written, anew.
        title: How the run ended, in a sentence.
        facts: More to be told at the top.

    Raises:
        TraceError: The file is no trace.
        OSError: A file cannot be read or written.
    """
    page = make_page(read_trace(source), title=title, facts=facts)
    Path(target).write_text(page, encoding="utf-8", newline="\n")
