from __future__ import annotations

import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import get_args

import pytest

import junto
from junto.errors import RemoteError
from junto.exposing import as_service, expose, resolve
from junto.sansio.failures import FailureForm, describe_failure

FORMS: tuple[FailureForm, ...] = get_args(FailureForm)
LONGEST = 32 * 1024


def caught(function: Callable[[], object]) -> BaseException:
    try:
        function()
    except BaseException as error:
        return error
    raise AssertionError("it was meant to fail")


def fail() -> None:
    raise ValueError("no step today")


def fail_because() -> None:
    try:
        fail()
    except ValueError as error:
        raise RuntimeError("it does not work") from error


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


def test_text_is_what_python_prints() -> None:
    error = caught(fail_because)
    assert describe_failure(error, "text") == "".join(traceback.format_exception(error))


# CH-6
def test_the_list_begins_with_the_name_and_the_message() -> None:
    name, message, *pieces = describe_failure(caught(fail), "list")
    assert (name, message) == ("ValueError", "no step today")
    assert "".join(pieces).startswith("Traceback (most recent call last):\n")
    assert "".join(pieces).endswith("ValueError: no step today\n")


# CH-8
@pytest.mark.parametrize(
    ("form", "expected"),
    [("brief", "RuntimeError: it does not work\n"), ("brief-list", ["RuntimeError", "it does not work"])],
)
def test_the_brief_forms_name_no_file(form: FailureForm, expected: object) -> None:
    assert describe_failure(caught(fail_because), form) == expected


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("text", "KeyError\n"),
        ("list", ["KeyError", "", "KeyError\n"]),
        ("brief", "KeyError\n"),
        ("brief-list", ["KeyError", ""]),
    ],
)
def test_an_error_that_was_never_raised_and_says_nothing_has_its_name(
    form: FailureForm, expected: object
) -> None:
    assert describe_failure(KeyError(), form) == expected


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "error",
    [
        pytest.param(Unprintable(), id="without a text"),
        pytest.param(ValueError("x" * 10_000_000), id="with a huge text"),
        pytest.param(ValueError("lone \ud800 surrogate"), id="with a surrogate"),
        pytest.param(ExceptionGroup("several", [ValueError("a"), Unprintable()]), id="of several"),
        pytest.param(KeyboardInterrupt(), id="that is no Exception"),
    ],
)
def test_any_error_can_be_described(error: BaseException, form: FailureForm) -> None:
    content = describe_failure(caught(lambda: (_ for _ in ()).throw(error)), form)
    if form in ("text", "brief"):
        assert isinstance(content, str)
        assert content.endswith("\n")
        parts = [content]
    else:
        assert isinstance(content, list)
        assert len(content) >= 2
        parts = content
    for part in parts:
        assert type(part) is str
        assert len(part) <= LONGEST
        part.encode()
    RemoteError(content)


def test_an_unprintable_cause_hides_nothing_of_the_error() -> None:
    def because_of_unprintable() -> None:
        try:
            raise Unprintable
        except Unprintable as error:
            raise ValueError("the error itself") from error

    assert "ValueError: the error itself\n" in describe_failure(caught(because_of_unprintable), "text")


class Service:
    @expose
    def divide(self, a: int, b: int) -> float:
        return a / b


def call(*args: object) -> object:
    function, exposed = resolve(as_service(Service()), "divide")
    return exposed.call(function, list(args), {})


def steps_of(error: BaseException, own: int) -> str:
    """Tell what the peer would see, without the first *own* steps, which are the test's."""
    place = error.__traceback__
    for _ in range(own):
        assert place is not None
        place = place.tb_next
    return "".join(describe_failure(error.with_traceback(place), "text"))


@pytest.mark.parametrize("args", [(1, 0), (1, "x"), (1,)], ids=["raises", "wrong type", "too few"])
def test_no_step_of_the_library_itself_is_shown(args: tuple[object, ...]) -> None:
    with pytest.raises(Exception, match=r"division|Expected|missing") as caught:
        call(*args)
    text = steps_of(caught.value, own=1 + 1)  # this test and its `call`
    assert str(Path(junto.__file__).parent) not in text
    assert ("in divide" in text) == (args == (1, 0))


def test_nor_are_the_steps_of_a_worker() -> None:
    with ThreadPoolExecutor(1) as pool:
        error = pool.submit(exposed_divide()).exception()
    assert error is not None
    text = "".join(describe_failure(error, "text"))
    assert "in divide" in text
    assert str(Path(junto.__file__).parent) not in text
    assert "thread.py" not in text


def exposed_divide() -> Callable[[], object]:
    function, exposed = resolve(as_service(Service()), "divide")
    return partial(exposed.call, function, [1, 0], {})
