"""``junto call``."""

from __future__ import annotations

import ast
import json
import os
import pty
from pathlib import Path
from typing import Any

import pytest

from junto import tls

from .conftest import BOUND, Certificates, Commands, Math, Run, Serve, first_line, interrupt


def test_a_result_is_shown(junto: Run, url: str) -> None:
    outcome = junto("call", url, "add", "3", "4")
    assert (outcome.code, outcome.out, outcome.err) == (0, "7\n", "")


def test_a_function_in_a_nested_service_is_called_by_its_path(junto: Run, url: str) -> None:
    assert junto("call", url, "geometry/area", "1.5", "2").out == "3.0\n"


@pytest.mark.parametrize(
    ("words", "args", "kwargs"),
    [
        ([], [], {}),
        (
            ["1", "2.5", "true", "null", '"42"', "[1, 2]", '{"a": 1}'],
            [1, 2.5, True, None, "42", [1, 2], {"a": 1}],
            {},
        ),
        (["Ann", "two words", "", "NaN", "[1,", "1e"], ["Ann", "two words", "", "NaN", "[1,", "1e"], {}),
        (["-3", "-2.5", "-1e3"], [-3, -2.5, -1000.0], {}),
        (["a=1", "2", "name=Ann", "x=a=b"], [2], {"a": 1, "name": "Ann", "x": "a=b"}),
        (["a-b=1", "=1", "1=2", "a =1"], ["a-b=1", "=1", "1=2", "a =1"], {}),
        (["k=1", "--", "a=b", "--json", "-3", "--"], ["a=b", "--json", -3, "--"], {"k": 1}),
        (["--args-json", '["a=b", 1]'], ["a=b", 1], {}),
        (["--args-json", '{"a": [1], "not a name": 2}'], [], {"a": [1], "not a name": 2}),
    ],
)
def test_words_become_arguments(
    words: list[str], args: list[Any], kwargs: dict[str, Any], junto: Run, url: str
) -> None:
    assert junto("call", "--json", url, "echo", *words).json == [args, kwargs]


def test_options_may_stand_anywhere_before_the_escape(junto: Run, url: str) -> None:
    assert junto("call", url, "--codec=json", "add", "3", "--json", "4").json == 7


def test_json_is_one_document_for_any_result(junto: Run, serve: Serve) -> None:
    url = serve(Math(), codec="msgpack")
    result = junto("call", url, "odd", "--codec", "msgpack", "--json").json
    assert result == {"bytes": "AP8=", "nan": None, "3": [{"service": "geometry"}]}


def test_no_result_is_shown_as_none_and_null(junto: Run, url: str) -> None:
    assert junto("call", url, "nothing").out == "None\n"
    assert junto("call", url, "nothing", "--json").out == "null\n"


def test_a_text_is_shown_as_it_is_but_does_not_control_the_terminal(junto: Run, url: str) -> None:
    outcome = junto("call", url, "say", "--", '"Grüße [bold]\\n\\u001b[31mred \\ud800"')
    assert outcome.out == "Grüße [bold]\n\\x1b[31mred \\ud800\n"


def test_a_large_result_is_laid_out(junto: Run, url: str) -> None:
    outcome = junto("call", url, "echo", *["a text of some length"] * 10)
    assert outcome.out.count("\n") > 10
    assert ast.literal_eval(outcome.out) == [["a text of some length"] * 10, {}]


def test_a_stream_is_shown_line_by_line(junto: Run, url: str) -> None:
    assert junto("call", url, "count", "3").out == "{'i': 0}\n{'i': 1}\n{'i': 2}\n"


def test_a_stream_as_json_is_one_value_per_line(junto: Run, url: str) -> None:
    lines = junto("call", url, "count", "100", "--json").out.splitlines()
    assert [json.loads(line) for line in lines] == [{"i": i} for i in range(100)]


def test_the_failure_of_a_stream_comes_after_its_items(junto: Run, url: str) -> None:
    outcome = junto("call", url, "broken_stream")
    assert (outcome.code, outcome.out, outcome.err) == (
        3,
        "1\n",
        "junto: the peer failed: ValueError: no more\n",
    )


def test_ctrl_c_stops_a_stream_and_its_producer(commands: Commands, url: str, math: Math) -> None:
    process = commands.start("call", url, "for_ever", "--json")
    assert first_line(process) == "0\n"
    outcome = interrupt(process)
    assert (outcome.code, outcome.err.strip()) == (130, "")
    assert outcome.out.splitlines() == [str(n + 1) for n in range(outcome.out.count("\n"))]
    assert math.stream_closed.wait(BOUND)


def test_ctrl_c_ends_the_wait_for_an_answer(commands: Commands, serve: Serve, math: Math) -> None:
    process = commands.start("call", serve(math, workers=1), "wait")
    assert math.waited_for.wait(BOUND)
    outcome = interrupt(process)
    math.release.set()
    assert (outcome.code, outcome.out, outcome.err.strip()) == (130, "", "")


def test_a_reader_that_goes_away_stops_the_stream(commands: Commands, url: str, math: Math) -> None:
    process = commands.start("call", url, "for_ever")
    assert first_line(process) == "0\n"
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(BOUND) == 141
    assert process.stderr is not None
    assert process.stderr.read() == ""
    assert math.stream_closed.wait(BOUND)


def test_a_result_that_cannot_be_written_is_told_in_a_sentence(commands: Commands, url: str) -> None:
    with open(__file__) as only_to_read:
        outcome = commands.run("call", url, "add", "1", "2", stdout=only_to_read)
    assert (outcome.code, outcome.err) == (1, "junto: the system refused: [Errno 9] Bad file descriptor\n")


def test_a_failure_of_the_peer_has_an_exit_code_of_its_own(junto: Run, url: str) -> None:
    outcome = junto("call", url, "fail", "by zero")
    assert (outcome.code, outcome.out) == (3, "")
    assert outcome.err == "junto: the peer failed: ZeroDivisionError: by zero\n"


def test_a_failure_as_json_tells_its_parts(junto: Run, url: str) -> None:
    outcome = junto("call", url, "fail", "by zero", "--json")
    assert outcome.out == ""
    error = outcome.error
    text = error.pop("text")
    assert text.startswith("Traceback")
    assert text.endswith("ZeroDivisionError: by zero")
    assert error == {
        "kind": "remote",
        "message": "the peer failed: ZeroDivisionError: by zero",
        "exit_code": 3,
        "type": "ZeroDivisionError",
    }


def test_a_failure_does_not_control_the_terminal(junto: Run, url: str) -> None:
    assert junto("call", url, "fail", '"\\u001b[2J"').err.endswith("ZeroDivisionError: \\x1b[2J\n")


def test_an_unknown_function_and_wrong_arguments_are_failures_of_the_peer(junto: Run, url: str) -> None:
    outcome = junto("call", url, "nope")
    assert (outcome.code, outcome.err) == (
        3,
        "junto: the peer failed: LookupError: nothing is offered at 'nope'\n",
    )
    outcome = junto("call", url, "add", "x", "1")
    assert (outcome.code, outcome.err.count("\n")) == (3, 1)
    assert "TypeError: argument 'a'" in outcome.err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["call", "nonsense", "add"], "'nonsense' does not begin with one of tcp://"),
        (["call", "tcp://127.0.0.1", "add"], "needs a port from 0 to 65535"),
        (["call", "URL"], "Missing argument 'NAME'"),
        (["call", "URL", "add", "--codec", "xml"], "'xml' is not one of 'json', 'msgpack', 'msgpack+blosc'"),
        (["call", "URL", "add", "--timeout", "0"], "0.0 is not in the range x>0"),
        (["call", "URL", "add", "--timeout", "nan"], "nan is no number of seconds"),
        (["ping", "URL", "--interval", "nan"], "nan is no number of seconds"),
        (["call", "URL", "add", "--frobnicate"], "No such option: --frobnicate"),
        (["call", "URL", "add", "-x"], "No such option: -x"),
        (["call", "URL", "add", "a=1", "a=2"], "the argument 'a' is given twice"),
        (["call", "URL", "add", "--args-json", "[1"], "--args-json is not JSON"),
        (["call", "URL", "add", "--args-json", "1"], "--args-json has to be an array or a map"),
        (["call", "URL", "add", "1", "--args-json", "[]"], "not both"),
        (
            ["call", "URL", "add", '{"__type__": 1}'],
            "the arguments cannot be sent: a map with the key '__type__'",
        ),
        (["call", "URL", "add", "--cafile", "/no/such/file"], "'/no/such/file' does not exist"),
        (["call", "tls://127.0.0.1:1", "add", "--keyfile", __file__], "of no use without --certfile"),
        (["call", "tls://127.0.0.1:1", "add", "--cafile", __file__], "the certificates cannot be used"),
        (["call", "URL", "add", "--cafile", __file__], "nothing would be encrypted"),
        (["frobnicate"], "No such command 'frobnicate'"),
    ],
)
def test_wrong_input_is_told_in_a_sentence(
    words: list[str], sentence: str, junto: Run, url: str, math: Math
) -> None:
    words = [url if word == "URL" else word for word in words]
    outcome = junto(*words)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert outcome.err.startswith("junto: ")
    assert sentence in outcome.err
    outcome = junto(*words, "--json")
    assert (outcome.code, outcome.out, outcome.error["kind"], outcome.error["exit_code"]) == (
        2,
        "",
        "input",
        2,
    )
    assert sentence in outcome.error["message"]
    assert math.called == 0


def test_a_refused_connection_is_told_at_once(junto: Run, refusing: str) -> None:
    outcome = junto("call", refusing, "add")
    assert (outcome.code, outcome.err.count("\n")) == (1, 1)
    assert outcome.err.startswith(f"junto: cannot connect to {refusing}: ")
    assert junto("call", refusing, "add", "--json").error["kind"] == "connection"


def test_a_connection_is_tried_again_while_there_is_time(
    commands: Commands, junto: Run, serve: Serve, refusing: str, tmp_path: Path
) -> None:
    assert junto("call", refusing, "add", "--timeout", "0.1").code == 1
    place = f"unix://{tmp_path}/later.sock"
    process = commands.start("call", place, "add", "3", "4", "--timeout", str(BOUND))
    serve(Math(), place)
    assert process.communicate(timeout=BOUND) == ("7\n", "")


def test_no_answer_in_time_is_told(junto: Run, silent_peer: str) -> None:
    outcome = junto("call", silent_peer, "add", "--timeout", "0.05")
    assert (outcome.code, outcome.err.count("\n")) == (1, 1)
    assert outcome.err.startswith("junto: no answer: ")
    assert junto("call", silent_peer, "add", "--timeout", "0.05", "--json").error["kind"] == "timeout"


def test_a_peer_with_another_codec_is_hinted_at(junto: Run, url: str) -> None:
    outcome = junto("call", url, "add", "1", "2", "--codec", "msgpack")
    assert (outcome.code, outcome.err.count("\n")) == (1, 1)
    assert outcome.err.endswith(f"does {url} speak msgpack without TLS?\n")


def test_mutual_tls(junto: Run, serve: Serve, certificates: Certificates) -> None:
    url = serve(Math(), "tls://127.0.0.1:0", tls=tls.server_context(certificates.ca, certificates.server))
    files = ["--cafile", certificates.ca, "--certfile", certificates.client]
    assert junto("call", url, "add", "3", "4", *files).out == "7\n"
    outcome = junto("call", url, "add", "3", "4", "--cafile", certificates.ca)
    assert (outcome.code, outcome.err.count("\n")) == (1, 1)
    assert outcome.err.endswith("speak json over TLS, and does it want to see a certificate (--certfile)?\n")


def test_a_certificate_that_is_not_trusted_is_told(
    junto: Run, serve: Serve, certificates: Certificates
) -> None:
    url = serve(Math(), "tls://127.0.0.1:0", tls=tls.server_context(certificates.ca, certificates.server))
    for files in (["--cafile", certificates.stranger], []):
        outcome = junto("call", url, "add", "3", "4", *files)
        assert (outcome.code, outcome.err.count("\n")) == (1, 1)
        assert "CERTIFICATE_VERIFY_FAILED" in outcome.err


def test_tls_with_a_peer_that_has_none_is_told(junto: Run, url: str, certificates: Certificates) -> None:
    outcome = junto("call", url.replace("tcp", "tls"), "add", "--cafile", certificates.ca)
    assert (outcome.code, outcome.err.count("\n")) == (1, 1)


def test_colours_are_for_terminals_and_not_if_refused(commands: Commands, url: str) -> None:
    assert commands.run("call", url, "count", "1").out == "{'i': 0}\n"
    for refused in (False, True):
        ours, theirs = pty.openpty()
        program = (
            "import os, sys; os.environ.update(TERM='xterm'%s); from junto.cli import main; sys.exit(main())"
        )
        process = commands.start(
            "call", url, "count", "1",
            program=("-c", program % (", NO_COLOR='1'" if refused else "")), stdout=theirs,
        )  # fmt: skip
        os.close(theirs)
        assert process.wait(BOUND) == 0
        shown = os.read(ours, 1000)
        os.close(ours)
        assert (b"\x1b[3" in shown) is not refused, shown


def test_json_does_without_rich(commands: Commands, url: str) -> None:
    unwanted = "{'rich', 'asyncio'} & sys.modules.keys()"
    program = f"import sys; from junto.cli import main; main(); sys.exit(bool({unwanted}))"
    assert commands.run("call", url, "add", "1", "2", "--json", program=("-c", program)).code == 0


def test_the_help_tells_of_arguments_and_exit_codes(junto: Run) -> None:
    assert "one that is not JSON is taken as a text" in junto("call", "--help").out
    for words in ([], ["--help"]):
        outcome = junto(*words)
        assert outcome.code == 0
        assert "Exit codes:" in outcome.out
        assert "  3    the peer answered with a failure" in outcome.out


def test_it_runs_as_a_module(commands: Commands, url: str) -> None:
    outcome = commands.run("call", url, "add", "20", "22", "--json")
    assert (outcome.code, outcome.out, outcome.err) == (0, "42\n", "")
