from __future__ import annotations

import pickle
import traceback
from typing import Any

import pytest

import junto.errors
from junto.errors import (
    CodecError,
    ConnectionFailed,
    ConnectionLost,
    JuntoError,
    LocalProtocolError,
    Overloaded,
    PacketTooLarge,
    RemoteError,
    RemoteProtocolError,
    RequestTimeout,
    fresh,
)


class OddError(Exception):
    pass


def printed(message: str, cause: BaseException | None = None, note: str | None = None) -> str:
    try:
        raise OddError(message) from cause
    except OddError as error:
        if note is not None:
            error.add_note(note)
        return traceback.format_exc()


def printed_local() -> str:
    class Local(Exception):
        pass

    try:
        raise Local("here")
    except Local:
        return traceback.format_exc()


HERE = __name__


@pytest.mark.parametrize(
    "name", [name for name in junto.errors.__all__ if name not in ("fresh", "JuntoError")]
)
def test_every_error_has_the_one_root(name: str) -> None:
    assert issubclass(getattr(junto.errors, name), JuntoError)


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (RemoteProtocolError, ConnectionError),
        (PacketTooLarge, ConnectionError),
        (ConnectionFailed, ConnectionError),
        (ConnectionLost, ConnectionError),
        (RequestTimeout, TimeoutError),
        (CodecError, ValueError),
    ],
)
def test_who_knows_only_pythons_own_errors_catches_ours(error: type[BaseException], builtin: type) -> None:
    assert issubclass(error, builtin)


def test_a_packet_above_the_limit_tells_both_numbers() -> None:
    error = PacketTooLarge(70_000, 16_384)
    assert (error.size, error.max_size) == (70_000, 16_384)
    assert str(error) == "the peer announced a packet of 70,000 bytes; the limit is 16,384"


# CH-7
@pytest.mark.parametrize(
    ("content", "type_name", "message"),
    [
        pytest.param("ValueError: 42\n", "ValueError", "42", id="the last line alone"),
        pytest.param("ValueError: 42", "ValueError", "42", id="without a newline"),
        pytest.param("KeyError\n", "KeyError", "", id="no message"),
        pytest.param("a.b.Error: x: y\n", "a.b.Error", "x: y", id="with a colon in the message"),
        pytest.param(printed("so"), f"{HERE}.OddError", "so", id="a traceback"),
        pytest.param(printed("one\ntwo"), f"{HERE}.OddError", "one\ntwo", id="a message of two lines"),
        pytest.param(
            printed("one\n  two: 2"), f"{HERE}.OddError", "one\n  two: 2", id="an indented second line"
        ),
        pytest.param(printed("so", KeyError("k")), f"{HERE}.OddError", "so", id="a cause"),
        pytest.param(
            printed_local(), f"{HERE}.printed_local.<locals>.Local", "here", id="a class inside a function"
        ),
        pytest.param(
            "Traceback (most recent call last):\n"
            '  File "x.py", line 1, in f\n'
            "KeyError: 'k'\n"
            "\nThe above exception was the direct cause of the following exception:\n\n"
            "RuntimeError: never raised\n",
            "RuntimeError",
            "never raised",
            id="a cause that was raised by an error that was not",
        ),
        pytest.param("", None, None, id="an empty text"),
        pytest.param("it does not work\n", None, None, id="a sentence"),
        pytest.param(
            ["ValueError", "no step today", "Traceback ...\n"], "ValueError", "no step today", id="a list"
        ),
        pytest.param(("ValueError", "x"), "ValueError", "x", id="a tuple"),
        pytest.param(["ValueError"], "ValueError", None, id="a list of one"),
        pytest.param([], None, None, id="an empty list"),
        pytest.param([1, None, [2]], None, None, id="a list of others"),
        pytest.param(None, None, None, id="null"),
        pytest.param(42, None, None, id="a number"),
        pytest.param({"message": "x"}, None, None, id="a map"),
        pytest.param(b"\xff", None, None, id="bytes"),
    ],
)
def test_a_failure_is_read_in_any_form(content: Any, type_name: str | None, message: str | None) -> None:
    error = RemoteError(content, ("127.0.0.1", 5555))
    assert (error.type_name, error.message) == (type_name, message)
    assert error.content == content
    assert error.origin == ("127.0.0.1", 5555)
    assert isinstance(error.text, str)
    assert isinstance(str(error), str)


def test_an_exception_group_shows_its_text() -> None:
    try:
        raise ExceptionGroup("two", [ValueError("a"), KeyError("b")])
    except ExceptionGroup:
        text = traceback.format_exc()
    assert "ValueError: a" in RemoteError(text).text


def deep(levels: int) -> Any:
    value: Any = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "content",
    [deep(100_000), [deep(100_000)], [10**5000], 10**5000, ["E", 10**5000]],
    ids=["deep", "a deep element", "a list of a long number", "a long number", "a long number as message"],
)
def test_no_failure_content_is_too_strange(content: Any) -> None:
    assert isinstance(str(RemoteError(content)), str)


def test_a_remote_error_is_shown_by_its_last_line() -> None:
    assert str(RemoteError(printed("so"))) == f"{HERE}.OddError: so"
    assert str(RemoteError("KeyError\n")) == "KeyError"
    assert str(RemoteError("it does not work\n")) == "it does not work"


class TwoArguments(Exception):
    def __init__(self, a: int, *, b: int) -> None:
        super().__init__(a)
        self.b = b


class Unprintable(TwoArguments):
    def __str__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize(
    "error",
    [
        ConnectionLost("it broke"),
        PacketTooLarge(2, 1),
        RemoteError(["E", "x"], "here"),
        RemoteProtocolError("bad"),
        RequestTimeout("late"),
        LocalProtocolError("no"),
        Overloaded("full"),
        OSError(32, "Broken pipe"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_fresh_error_says_the_same_and_is_chained(error: Exception) -> None:
    copy = fresh(error)
    assert copy is not error
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert copy.__cause__ is error


@pytest.mark.parametrize("error", [TwoArguments(1, b=2), Unprintable(1, b=2)], ids=["printable", "not"])
def test_an_error_that_cannot_be_copied_becomes_a_lost_connection(error: Exception) -> None:
    copy = fresh(error)
    assert type(copy) is ConnectionLost
    assert copy.__cause__ is error


@pytest.mark.parametrize("error", [PacketTooLarge(2, 1), RemoteError(["E", "x"], "here")])
def test_errors_pass_between_processes(error: Exception) -> None:
    assert vars(pickle.loads(pickle.dumps(error))) == vars(error)
