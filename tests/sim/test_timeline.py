"""The page that shows a run."""

from __future__ import annotations

import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from junto.sim.timeline import make_page, write_timeline
from junto.sim.timeline.layout import Layout
from junto.sim.timeline.model import WINDOW, make_diagram
from junto.sim.trace import Trace, TraceError

from .traces import Maker, a_long_run, an_election

SVG = "{http://www.w3.org/2000/svg}"
BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "google-chrome", "chromium-browser", "chrome"))), None
)


def drawings(page: str) -> list[ET.Element]:
    page = page.partition("<script")[0]
    return [ET.fromstring(part) for part in re.findall(r"<svg.*?</svg>", page, re.DOTALL)]


def diagrams(page: str) -> list[ET.Element]:
    return [svg for svg in drawings(page) if svg.get("aria-label") == "sequence diagram"]


def texts(element: ET.Element) -> list[str]:
    return [text.text or "" for text in element.iter(f"{SVG}text")]


def classes(element: ET.Element) -> set[str]:
    return {name for part in element.iter() for name in (part.get("class") or "").split()}


def a_trace(make: Maker) -> Trace:
    trace = Trace()
    trace.events = make.events
    return trace


def test_the_page_says_in_its_title_what_failed_and_where() -> None:
    page = make_page(an_election(), facts=[("replay", "pytest --sim-replay x.json")])
    assert "<h1>one leader per term: term 23 has leaders n0, n2</h1>" in page
    assert "at <b>0.436450 s</b> on <b>n0</b>" in page
    assert "<code>pytest --sim-replay x.json</code>" in page


def test_the_diagram_shows_each_kind_of_mark() -> None:
    before, diagram = diagrams(make_page(an_election()))
    assert {"sent", "held", "lost", "refused", "opening", "ending", "unread"} <= classes(diagram)
    assert {"dead", "paused", "slow", "clock", "band", "note", "error", "log", "oracle"} <= classes(diagram)
    assert "request 0: raft.vote_request(23, 'n2')" in texts(diagram)
    assert "one leader per term" in texts(diagram)[-1]
    assert {"n0", "n1", "n2"} <= set(texts(before))


def test_the_page_loads_nothing_from_elsewhere() -> None:
    page = make_page(an_election()).replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?:|\bsrc=|@import|url\((?!#)|fetch\(|XMLHttp", page)


def test_every_drawing_is_well_formed_whatever_was_said() -> None:
    make = Maker()
    nasty = "<script>&\"'\x00\x1b\u202e\ud800\ufffe]]>{{data}}"
    number = make.connect("<a>", "b&\u2066")
    make.send(number, "<a>", "b&\u2066", nasty.encode("utf-8", "surrogatepass"))
    make.add("<a>", "note", detail=nasty)
    make.add("world", "fault", 1, None, detail=f"partition {nasty}")
    make.add("<a>", "oracle", detail=nasty)
    page = make_page(a_trace(make), title=nasty, facts=[(nasty, nasty)])
    assert drawings(page)
    assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", page)
    assert page.count("<script") == 2
    page.encode()


def test_two_thousand_events_stay_below_two_megabytes() -> None:
    page = make_page(a_long_run(2000))
    assert len(page.encode()) < 2_000_000
    assert sum(len(svg.findall(f".//{SVG}text[@class='time']")) for svg in diagrams(page)) > 1000


def test_the_window_holds_the_failure_and_at_most_200_rows() -> None:
    diagram = make_diagram(a_long_run(5000))
    assert diagram.last - diagram.first + 1 == WINDOW
    assert diagram.first <= diagram.marks[diagram.failure].row <= diagram.last


def test_a_failure_that_no_oracle_tells_is_marked_at_its_time_and_host() -> None:  # Q6
    trace = a_long_run(500)
    trace.events = [event for event in trace.events if event[2] != "oracle"]
    end = trace.events[-1][0] + 1000
    asserted = make_diagram(trace, (end, "world", "AssertionError: 1 == 2"))
    mark = asserted.marks[asserted.failure]
    assert (asserted.times[mark.row], mark.label) == (end, "AssertionError: 1 == 2")
    assert asserted.first <= mark.row <= asserted.last

    host = trace.events[-1][1]
    trace.events += [
        (end, host, "error", None, None, None, None, "KeyError: of somebody"),
        (end + 5000, host, "error", None, None, None, None, "KeyError: of a thread"),
    ]
    raised = make_diagram(trace, (end + 4999, host, "KeyError: of a thread"))
    assert raised.marks[raised.failure].label == "KeyError: of a thread"
    assert len(raised.marks) == len(asserted.marks) + 1  # none was added
    assert "go to the failure" in make_page(trace, title="KeyError", failed=(end, host))
    assert make_diagram(trace).failure == -1


def test_without_a_failure_the_window_begins_at_the_first_fault() -> None:
    trace = a_long_run(5000)
    trace.events.pop()
    diagram = make_diagram(trace)
    fault = next(event[0] for event in trace.events if event[2] in ("fault", "kill", "hold"))
    assert 0 <= diagram.times.index(fault) - diagram.first < 10
    assert "This run ended without a failure" in make_page(trace)


def test_rows_are_in_order_of_time_though_events_are_not() -> None:
    make = Maker()
    make.wait(2)
    make.add("a", "note", detail="later")
    make.now = 1
    make.add("b", "note", detail="earlier")
    diagram = make_diagram(a_trace(make))
    assert diagram.times == [1, 2_000_000]
    assert [mark.label for mark in diagram.marks] == ["earlier", "later"]


def test_no_text_lies_upon_another() -> None:
    diagram = make_diagram(a_long_run(1500))
    for first in range(0, len(diagram.times), WINDOW):
        last = min(first + WINDOW, len(diagram.times)) - 1
        places = [place for place, mark in enumerate(diagram.marks) if first <= mark.row <= last]
        layout = Layout(diagram, first, last, places)
        taken = [(diagram.marks[place].lane, layout.y(place)) for place in places]
        assert len(taken) == len(set(taken))


def test_a_fault_of_a_host_is_at_its_lane_and_one_of_the_network_across() -> None:
    make = Maker()
    make.add("a", "start")
    make.add("b", "start")
    make.add("world", "fault", 1, "b", detail="slow b by 8")
    make.add("world", "fault", 2, "a,b", detail="partition a | b")
    make.wait(1)
    make.add("world", "fault_end", 1, "b")
    make.add("world", "fault_end", 2, "a,b")
    diagram = make_diagram(a_trace(make))
    assert [(bar.lane, bar.style, bar.label) for bar in diagram.bars] == [(1, "slow", "slow b by 8")]
    assert [(band.lanes, band.first, band.last) for band in diagram.bands] == [((0, 1), 0, 1)]


def test_what_is_so_everywhere_from_begin_to_end_is_no_band() -> None:
    make = Maker()
    make.add("a", "start")
    make.add("b", "start")
    make.add("world", "fault", 1, None, detail="0.000s latency * low=0.001 high=0.05")
    make.wait(1)
    make.add("world", "fault", 2, "a,b", detail="partition a | b")
    make.wait(1)
    make.add("a", "note", detail="over")
    assert [band.label for band in make_diagram(a_trace(make)).bands] == ["partition a | b"]


def test_what_was_sent_long_ago_is_told_again_where_it_arrives() -> None:
    make = Maker()
    number = make.connect("a", "b")
    make.send(number, "a", "b", b"hello\n")
    for _ in range(20):
        make.wait(10)
        make.add("b", "note", detail="waits")
    make.receive(number, "b", "a", b"hello\n")
    (drawn,) = diagrams(make_page(a_trace(make)))
    assert [text for text in texts(drawn) if "hello" in text] == ["hello", "hello, sent 200 ms before"]


def test_the_legend_explains_what_there_is_and_nothing_else() -> None:
    make = Maker()
    make.say(make.connect("a", "b"), "a", "b", b"hello\n")
    legend = make_page(a_trace(make)).partition('class="legend"')[2].partition("</ul>")[0]
    assert re.findall(r"</svg>(.*?)</li>", legend) == ["message", "connection opens"]


def test_the_controlling_program_is_no_host_unless_it_talks() -> None:
    assert make_diagram(an_election()).lanes == ["n0", "n1", "n2"]
    trace = an_election()
    trace.events.append((trace.events[-1][0], "world", "note", None, None, None, None, "over"))
    assert make_diagram(trace).lanes[-1] == "world"


def test_what_goes_to_an_address_where_nobody_is_has_no_lane() -> None:
    make = Maker()
    make.add("a", "connect", 1, "10.9.9.9:80")
    diagram = make_diagram(a_trace(make))
    assert diagram.lanes == ["a"]
    assert [mark.label for mark in diagram.marks] == ["connect to 10.9.9.9:80"]


def test_an_empty_trace_has_a_page_too() -> None:
    assert "Nothing was recorded" in make_page(Trace())


def test_a_file_is_turned_into_a_page(tmp_path: Path) -> None:
    an_election().write(tmp_path / "run.jsonl")
    write_timeline(tmp_path / "run.jsonl", tmp_path / "run.html")
    assert (tmp_path / "run.html").read_text(encoding="utf-8") == make_page(an_election())
    (tmp_path / "run.jsonl").write_text("no trace")
    with pytest.raises(TraceError):
        write_timeline(tmp_path / "run.jsonl", tmp_path / "run.html")


def opened(page: str, tmp_path: Path) -> ET.Element:
    """Open a page in a browser, let its script run, and give what it made of it."""
    assert BROWSER is not None
    (tmp_path / "page.html").write_text(page, encoding="utf-8")
    command = [
        *(BROWSER, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/profile"),
        *(
            "--window-size=1400,900",
            "--virtual-time-budget=5000",
            "--dump-dom",
            f"file://{tmp_path}/page.html",
        ),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=True)
    root = re.search(r"<html[^>]*>", done.stdout)
    live = re.search(r'<div id="stage".*?(<svg.*?</svg>)', done.stdout, re.DOTALL)
    assert root is not None
    assert 'data-ready="yes"' in root[0]
    assert live is not None
    return ET.fromstring(live[1].replace("<svg ", f'<svg xmlns="{SVG[1:-1]}" ', 1))


if BROWSER is not None:

    @pytest.mark.parametrize("count", [10, 100_000])
    def test_in_a_browser_the_script_shows_the_failure(count: int, tmp_path: Path) -> None:
        trace = a_long_run(count)
        page = make_page(trace)
        assert len(page) < 4_000_000
        svg = opened(page, tmp_path)
        assert any("every write is kept" in text for text in texts(svg))
        assert svg.findall(f".//{SVG}g[@class='banner oracle on']")
        assert len(list(svg.iter())) < 3000

    def test_in_a_browser_the_script_draws_what_the_page_has_without_it(tmp_path: Path) -> None:
        page = make_page(an_election())
        drawn = diagrams(page)[1]
        live = opened(page, tmp_path)
        shown = {text for text in texts(live) if ":" in text}
        assert shown
        assert shown <= set(texts(drawn))
