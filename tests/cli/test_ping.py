"""``junto ping``."""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable
from typing import Any

import pytest

from .conftest import Commands, Run, first_line, interrupt


def test_round_trips_are_shown_and_summed_up(junto: Run, url: str) -> None:
    outcome = junto("ping", url, "--count", "3", "--interval", "0")
    assert (outcome.code, outcome.err) == (0, "")
    *answers, summary = outcome.out.splitlines()
    assert len(answers) == 3
    assert all(re.fullmatch(rf"answer from {url} after \d+\.\d{{3}} ms", answer) for answer in answers)
    number = r"\d+\.\d{3} ms"
    assert re.fullmatch(f"3 sent, 3 answered; min {number}, median {number}, max {number}", summary)


def test_json_is_one_document_in_seconds(junto: Run, url: str) -> None:
    outcome = junto("ping", url, "--count", "5", "--interval", "0", "--json")
    result = outcome.json
    times = result.pop("times")
    assert len(times) == 5
    assert result == {
        "url": url,
        "sent": 5,
        "received": 5,
        "min": min(times),
        "median": statistics.median(times),
        "max": max(times),
    }


def test_a_peer_that_does_not_know_the_question_is_alive(
    junto: Run, old_peer: Callable[[Callable[[Any], Any]], str]
) -> None:
    def refuse(content: Any) -> Any:
        raise LookupError("what?")

    outcome = junto("ping", old_peer(refuse), "--count", "1")
    assert outcome.code == 0
    assert "1 sent, 1 answered" in outcome.out


def test_without_any_answer_it_fails(junto: Run, silent_peer: str) -> None:
    words = ("ping", silent_peer, "--count", "2", "--interval", "0", "--timeout", "0.05")
    outcome = junto(*words)
    assert outcome.code == 1
    assert outcome.out == "no answer within 0.05 s\nno answer within 0.05 s\n2 sent, 0 answered\n"
    assert outcome.err == f"junto: no answer from {silent_peer} within 0.05 s\n"
    outcome = junto(*words, "--json")
    assert (outcome.code, outcome.error["kind"]) == (1, "timeout")
    assert outcome.json == {
        "url": silent_peer,
        "sent": 2,
        "received": 0,
        "min": None,
        "median": None,
        "max": None,
        "times": [None, None],
    }


def test_a_refused_connection_is_told(junto: Run, refusing: str) -> None:
    outcome = junto("ping", refusing)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (1, "", 1)
    assert outcome.err.startswith("junto: cannot connect to ")


def test_a_lost_connection_ends_it(junto: Run, url: str) -> None:
    outcome = junto("ping", url, "--codec", "msgpack", "--interval", "0")
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (1, "1 sent, 0 answered\n", 1)


@pytest.mark.parametrize("interval", ["60", "1e300"])
def test_ctrl_c_sums_up_what_there_is(commands: Commands, url: str, interval: str) -> None:
    process = commands.start("ping", url, "--count", "100", "--interval", interval)
    assert first_line(process).startswith("answer from ")
    outcome = interrupt(process)
    assert (outcome.code, outcome.err.strip()) == (130, "")
    assert outcome.out.startswith("1 sent, 1 answered; min ")
