"""The report of a failure."""

from __future__ import annotations

import json

import pytest

from junto.sim.report import FORMAT, Failure, ReportError, read_failure, report_json, report_text
from junto.sim.telling import last_lines

from .traces import a_long_run, an_election


def a_failure(**changes: object) -> Failure:
    fields: dict[str, object] = {
        "test": "test_one_leader",
        "seed": 4711,
        "seeds_tried": 212,
        "wall_seconds": 3.14,
        "oracle": "one leader per term",
        "message": "term 23 has leaders n0, n2",
        "time": 14_203_118_000,
        "host": "n2",
        "needs": ("kill n1 at 14.038 s for 0.05 s; everything else neutral",),
        "shrunk": "27 faults -> 1, 44 runs",
        "last": ("14.0312  n0 -> n1  vote request term 23", "14.0380  n1        killed"),
        "replay": "pytest tests/test_raft.py::test_one_leader --sim-replay .sim/one_leader-4711.sim.json",
        "view": ".sim/one_leader-4711.html",
        "versions": {"python": "3.12.1", "PYTHONHASHSEED": "0"},
        "confirmed": True,
    }
    return Failure(**(fields | changes))  # type: ignore[arg-type]  # tests change what they like


def test_the_parts_stand_in_their_order() -> None:
    assert (
        report_text(a_failure())
        == """\
SIM FAILURE test_one_leader  seed 4711  after 212 seeds (3.1 s)
  oracle  one leader per term: term 23 has leaders n0, n2      at t=14.203118 s on n2
  needs   kill n1 at 14.038 s for 0.05 s; everything else neutral      (27 faults -> 1, 44 runs)
  last    14.0312  n0 -> n1  vote request term 23
          14.0380  n1        killed
  replay  pytest tests/test_raft.py::test_one_leader --sim-replay .sim/one_leader-4711.sim.json
  view    .sim/one_leader-4711.html
  python 3.12.1, PYTHONHASHSEED=0, confirmed in a clean process"""
    )


def test_an_exception_is_told_in_the_place_of_an_oracle() -> None:
    text = report_text(a_failure(oracle="", error="KeyError", message="'x'", host="", confirmed=None))
    assert "  error   KeyError: 'x'      at t=14.203118 s\n" in text
    assert text.endswith("not confirmed in a clean process")


def test_a_failure_that_is_not_repeated_says_so() -> None:
    assert "depends on state left by earlier runs" in report_text(a_failure(confirmed=False))


@pytest.mark.parametrize("needs", [(), tuple(f"kill n{number} at 1 s" for number in range(40))])
def test_whatever_comes_in_it_has_at_most_25_lines(needs: tuple[str, ...]) -> None:
    failure = a_failure(
        needs=needs,
        message="long " * 500 + "\n" * 30,
        last=tuple(last_lines(a_long_run(2000).events, 200)),
        notes=("order not promised but not produced by the standard loop",) * 4,
    )
    lines = report_text(failure).splitlines()
    assert len(lines) == 25
    assert max(map(len, lines)) <= 120
    assert "before" in "".join(lines)


def test_the_last_of_a_real_run_are_told() -> None:
    text = report_text(a_failure(last=tuple(last_lines(an_election().events))))
    assert "raft.vote_request(23, 'n0')" in text


def test_no_character_of_it_can_turn_the_terminal_around() -> None:
    text = report_text(a_failure(message="\x1b[2J\u202e", host="\u2066", last=("\x07",)))
    assert all(line.isprintable() for line in text.splitlines())


def test_as_json_it_has_the_same_facts() -> None:
    failure = a_failure()
    fields = json.loads(report_json(failure))
    assert next(iter(fields)) == "format"
    assert fields["format"] == FORMAT
    assert fields["needs"] == list(failure.needs)
    assert read_failure(report_json(failure)) == failure


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format":"junto-sim-failure/2"}', f'{{"format":"{FORMAT}"}}']
)
def test_what_is_no_report_is_refused(text: str) -> None:
    with pytest.raises(ReportError, match="no report"):
        read_failure(text)
