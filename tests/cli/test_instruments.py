"""``junto query``, ``junto stream`` and ``junto instrument serve``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from junto.instrument.script import CLOSE, Pause
from junto.instrument.simulated import SimulatedInstrument

from .conftest import Commands, Run, bounded, first_line, interrupt


@pytest.fixture
def device() -> Iterator[SimulatedInstrument]:
    answers = {
        "*IDN?": "ACME,Box,1,0",
        "VOLT? (@1)": "1.5",
        "GO": ["one", "two", "three", CLOSE],
        "WAIT?": [Pause(0.5), "late"],
        "odd?": b"\xff\x1b[0m\n",
        "END?": CLOSE,
    }
    with SimulatedInstrument(answers) as device:
        yield device


def test_a_query_shows_the_replies(junto: Run, device: SimulatedInstrument) -> None:
    outcome = junto("query", device.url, "*IDN?", "OUTP ON", "VOLT? (@1)")
    assert (outcome.code, outcome.out, outcome.err) == (0, "ACME,Box,1,0\n1.5\n", "")
    assert device.requests == ["*IDN?", "OUTP ON", "VOLT? (@1)"]


def test_a_query_writes_json(junto: Run, device: SimulatedInstrument) -> None:
    outcome = junto("query", device.url, "*IDN?", "--json")
    assert outcome.json == {"query": "*IDN?", "reply": "ACME,Box,1,0"}


def test_control_characters_are_shown_and_not_obeyed(junto: Run, device: SimulatedInstrument) -> None:
    assert junto("query", device.url, "odd?").out == "\\xff\\x1b[0m\n"


def test_a_terminator_may_be_chosen(junto: Run) -> None:
    with SimulatedInstrument({"a?": "b"}, eol=b"\r\n") as device:
        assert junto("query", device.url, "a?", "--eol", "crlf").out == "b\n"
        assert junto("query", f"{device.url}?eol=crlf", "a?").out == "b\n"


def test_what_ends_a_request_may_be_something_else_than_what_ends_a_reply(junto: Run) -> None:
    with SimulatedInstrument({"a?": "b"}, eol=b"\r") as device:
        url = f"{device.url}?eol=cr&write_eol=lf"
        assert junto("query", url, "a?", "--timeout", "0.1").code == 1
        assert junto("query", url, "a?", "--eol", "cr").out == "b\n"
        assert junto("query", f"{device.url}?eol=lf&write_eol=cr", "a?", "--timeout", "0.1").code == 1
        assert device.requests[-1] == "a?"


def test_a_reader_of_the_lines_may_go_away(commands: Commands) -> None:
    with SimulatedInstrument({"GO": ["line"] * 50_000}) as device:
        process = commands.start("stream", device.url, "--send", "GO")
        assert first_line(process) == "line\n"
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(20) == 141
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_a_reply_may_be_read_to_anything(junto: Run, device: SimulatedInstrument) -> None:
    assert junto("query", device.url, "GO", "--read").out == "one\n"


@pytest.mark.parametrize(
    ("words", "kind", "code"),
    [
        (["WAIT?", "--timeout", "0.1"], "timeout", 1),
        (["END?"], "connection", 1),
    ],
)
def test_what_goes_wrong_is_a_sentence(
    junto: Run, device: SimulatedInstrument, words: list[str], kind: str, code: int
) -> None:
    outcome = junto("query", device.url, *words, "--json")
    assert (outcome.code, outcome.out, outcome.error["kind"]) == (code, "", kind)
    outcome = junto("query", device.url, *words)
    assert (outcome.code, outcome.err.count("\n")) == (code, 1)


@pytest.mark.parametrize("command", ["query", "stream"])
@pytest.mark.parametrize(
    "url", ["udp://127.0.0.1:1", "tcp://127.0.0.1", "tcp://127.0.0.1:1?x=1", "hislip://h"]
)
def test_a_wrong_url_is_wrong_input(junto: Run, command: str, url: str) -> None:
    outcome = junto(command, url, *(["x?"] if command == "query" else []))
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)


@pytest.mark.parametrize(
    "words",
    [
        ["query", "tcp://127.0.0.1:1"],
        ["query", "tcp://127.0.0.1:1", "x?", "--timeout", "0"],
        ["query", "tcp://127.0.0.1:1", "x?", "--eol", "tab"],
        ["query", "tcp://127.0.0.1:1", "x?", "--timeout", "inf"],
        ["stream"],
        ["instrument", "serve"],
        ["instrument", "serve", "no_such_file.toml"],
        ["instrument", "serve", "no_such_module:Device"],
    ],
)
def test_wrong_words_are_wrong_input(junto: Run, words: list[str]) -> None:
    outcome = junto(*words)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("junto: ")


def test_nobody_there(junto: Run) -> None:
    outcome = junto("query", "tcp://127.0.0.1:1", "x?", "--json")
    assert (outcome.code, outcome.error["kind"]) == (1, "connection")


def test_a_stream_shows_lines_as_they_come(junto: Run, device: SimulatedInstrument) -> None:
    outcome = junto("stream", device.url, "--send", "GO")
    assert (outcome.code, outcome.out) == (0, "one\ntwo\nthree\n")
    outcome = junto("stream", device.url, "--send", "GO", "--count", "2", "--json")
    assert [json.loads(line) for line in outcome.out.splitlines()] == ["one", "two"]
    outcome = junto("stream", device.url, "--timeout", "0.05", "--json")
    assert (outcome.code, outcome.error["kind"]) == (1, "timeout")


def test_a_device_is_served_until_it_is_told_to_stop(commands: Commands, junto: Run, tmp_path: Path) -> None:
    (tmp_path / "device.toml").write_text('[replies]\n"*IDN?" = "ACME,Box,1,0"\n')
    (tmp_path / "devices.py").write_text('ANSWERS = {"*IDN?": "from python"}\n')
    for device, identity in (("device.toml", "ACME,Box,1,0"), ("devices:ANSWERS", "from python")):
        server = commands.start("instrument", "serve", device, "--json")
        with bounded(server) as (out, _):
            url = json.loads(out.readline())["url"]
        assert junto("query", url, "*IDN?").out == f"{identity}\n"
        assert interrupt(server).code == 0


def test_a_wrong_device_is_wrong_input(junto: Run, tmp_path: Path) -> None:
    path = tmp_path / "device.toml"
    path.write_text("[device]\ncolor = 1\n")
    outcome = junto("instrument", "serve", str(path), "--json")
    assert (outcome.code, outcome.error["kind"]) == (2, "input")
    assert "device.color" in outcome.error["message"]
