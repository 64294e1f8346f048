"""``junto inspect``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from junto import expose, sync

from .conftest import Run, Serve

OldPeer = Callable[[Callable[[Any], Any]], str]


class Small:
    def __init__(self) -> None:
        self.inner = Inner()

    @expose
    def add(self, a: int, b: int = 3) -> int:
        """Add [bold]two[/bold] numbers.

        Slowly.
        """
        return a + b

    @expose
    def ticks(self, count: int) -> Any:
        """Count, \033[31mred."""
        yield count


class Inner:
    @expose
    def nothing(self) -> None: ...


def test_what_is_offered_is_shown_as_a_table(junto: Run, serve: Serve) -> None:
    outcome = junto("inspect", serve(Small()))
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == (
        "function       signature                       what it does\n"
        "add            (a: int, b: int = 3) -> int     Add [bold]two[/bold] numbers.\n"
        "ticks          (count: int) -> Any (a stream)  Count, \\x1b[31mred.\n"
        "inner/nothing  () -> None\n"
    )


def test_a_row_is_one_line_however_long_unless_a_terminal_shows_it(junto: Run, serve: Serve) -> None:
    def many(
        argument: dict[str, list[dict[str, list[int]]]], another: dict[str, list[dict[str, list[int]]]]
    ) -> None:
        """Tell at length what could be told in a few words, and go on for quite some time."""

    assert junto("inspect", serve({"many": expose(many)})).out.count("\n") == 2


def test_json_tells_all(junto: Run, serve: Serve) -> None:
    functions = junto("inspect", serve(Small()), "--json").json
    assert functions[0] == {
        "path": "add",
        "signature": "(a: int, b: int = 3) -> int",
        "doc": "Add [bold]two[/bold] numbers.\n\nSlowly.",
        "stream": False,
    }
    assert [(function["path"], function["stream"]) for function in functions[1:]] == [
        ("ticks", True),
        ("inner/nothing", False),
    ]


def refuse(content: Any) -> Any:
    raise LookupError("no such function")


@pytest.mark.parametrize(
    ("handler", "why"),
    [
        (refuse, "it answered with a failure: LookupError: no such function"),
        (lambda content: content, "it answered with something else"),
        (lambda content: None, "it answered with something else"),
        (lambda content: [{"path": 1}], "it answered with something else"),
    ],
)
def test_a_peer_that_is_no_junto_peer_is_told_so(
    handler: Callable[[Any], Any], why: str, junto: Run, old_peer: OldPeer
) -> None:
    url = old_peer(handler)
    sentence = f"{url} cannot tell what it offers, so it is no junto peer; {why}"
    outcome = junto("inspect", url)
    assert (outcome.code, outcome.out, outcome.err) == (3, "", f"junto: {sentence}\n")
    error = junto("inspect", url, "--json").error
    assert (error["kind"], error["message"]) == ("remote", sentence)


def test_a_junto_peer_without_a_service_is_told_apart(junto: Run, serve: Serve) -> None:
    outcome = junto("inspect", serve(None))
    assert (outcome.code, outcome.err) == (
        3,
        "junto: the peer failed: LookupError: this peer offers no service\n",
    )


def test_no_answer_in_time_is_told(junto: Run, silent_peer: str) -> None:
    outcome = junto("inspect", silent_peer, "--timeout", "0.05")
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (1, "", 1)


def test_a_refused_connection_is_told(junto: Run, refusing: str) -> None:
    outcome = junto("inspect", refusing)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (1, "", 1)


def test_a_socket_that_is_not_there_is_told(junto: Run, tmp_path: Path) -> None:
    outcome = junto("inspect", f"unix://{tmp_path}/none.sock", "--json")
    assert (outcome.code, outcome.out, outcome.error["kind"]) == (1, "", "connection")


def test_what_inspect_tells_is_what_describe_tells(junto: Run, url: str) -> None:
    with sync.connect(url) as peer:
        assert junto("inspect", url, "--json").out == json.dumps(peer.describe()) + "\n"
