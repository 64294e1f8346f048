"""The timelines that the site and the README show, made from the examples and their seeds.

``python docs/timelines.py`` writes the picture of the README anew.
"""

from __future__ import annotations

import re
import sys
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from junto.sim.confirming import events_of
from junto.sim.exploring import explore
from junto.sim.investigating import Investigation
from junto.sim.scenarios import load
from junto.sim.timeline import make_page
from junto.sim.timeline.drawing import draw, symbols
from junto.sim.timeline.model import make_diagram
from junto.sim.trace import Trace

HERE = Path(__file__).parent
EXAMPLES = HERE.parent / "examples/simulation"
PICTURE = HERE / "timeline.svg"


class Shown(NamedTuple):
    """A run that is shown: the program, and the first seed with which it fails."""

    program: str
    seed: int


TIMELINES = {
    "lost_update": Shown("lost_update.py:test_both_are_counted", 173),
    "retry": Shown("test_retry.py:test_retry", 25),
    "cache": Shown("test_cache.py:test_cache", 37),
    "lease": Shown("test_lease.py:test_lease", 9),
}


def investigate(name: str) -> Investigation:
    """Make the run, and shrink it."""
    if str(EXAMPLES) not in sys.path:
        sys.path.insert(0, str(EXAMPLES))
    program, seed = TIMELINES[name]
    scenario = load(f"{EXAMPLES}/{program}")
    found = explore(scenario.main, [seed], jobs=1, raises=False, faults=scenario.faults).investigation
    assert found is not None, f"{program} does not fail any more with seed {seed}"
    return found


def page(name: str) -> str:
    """Make the page of a run."""
    program, seed = TIMELINES[name]
    found = investigate(name)
    artefact = f"{program.partition(':test_')[2]}-{seed}.sim.json"
    facts = [("test", program), ("replay", f"junto sim replay .sim/{artefact}")]
    facts += [("needs", line) for line in found.failure.needs]
    return make_page(
        events_of(found.summary), title=found.failure.sentence, facts=facts, failed=found.failure.place
    )


def picture() -> str:
    """Draw what was said in the end of the run with the cache, as one SVG."""
    trace = events_of(investigate("cache").summary)
    begin = trace.events[-1][0] - 790_000_000
    told = Trace(seed=trace.seed, hosts=trace.hosts)
    told.events = [
        event
        for event in trace.events
        if event[0] >= begin and (event[2] == "oracle" or (event[2] in ("send", "recv") and event[5]))
    ]
    while told.events[0][2] == "recv":  # of what was sent before
        told.events.pop(0)
    diagram = make_diagram(told)
    drawn = draw(diagram, 0, len(diagram.times) - 1, list(range(len(diagram.marks))))
    style = files("junto.sim.timeline").joinpath("page.css").read_text(encoding="utf-8")
    # Those of the page in the light theme: whoever shows a picture knows nothing of themes.
    colours = dict(re.findall(r"(--[\w-]+): ([^;]+);", style[: style.index("@media")]))
    wanted = r"^(?:\.(?:row|lane|arrow|head|dot|mark|banner|diagram|band)\b|code,).*$"
    rules = "\n".join(re.findall(wanted, style, re.MULTILINE))
    rules = re.sub(r"var\((--[\w-]+)\)", lambda found: colours[found[1]], rules)
    head, defs = drawn.partition(">")[::2]
    marks = symbols()
    heads = marks[marks.index("<defs>") : marks.index("</svg>")]
    style = f"<style>text{{font-family:system-ui,sans-serif}}\n{rules}</style>"
    ground = '<rect width="100%" height="100%" rx="8" fill="#ffffff"/>'
    return f"{head}>{style}{heads}{ground}{defs}\n"


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8", newline="\n")
