"""What can be called from outside, without any connection."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any
from unittest import mock

import pytest

from junto.exposing import (
    Router,
    ServiceDict,
    describe,
    expose,
    find_path,
    is_service,
    resolve,
    resolve_service,
)


class Inner:
    @expose
    def deep(self) -> str:
        return "deep"


class Service:
    """A service of every kind of member."""

    class_level = Inner()

    def __init__(self) -> None:
        self.inner = Inner()
        self.evaluated = 0

    @expose
    def method(self, a: int) -> int:
        """Tell *a*."""
        return a

    @property
    def trap(self) -> Any:
        self.evaluated += 1
        return self.method

    @cached_property
    def cached_trap(self) -> Any:
        self.evaluated += 1
        return self.inner

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise AssertionError("no attribute is made up")


class Child(Service):
    @expose
    def more(self) -> str:
        return "more"


@pytest.mark.parametrize("wrong", [None, 3, "text", [], object()])
def test_only_what_is_callable_is_exposed(wrong: Any) -> None:
    with pytest.raises(ValueError):
        expose(wrong)


@pytest.mark.parametrize("wrong", [len, math.sqrt, Inner().deep, "x".upper])
def test_what_cannot_be_marked_is_refused_with_advice(wrong: Any) -> None:
    with pytest.raises(ValueError, match="wrap"):
        expose(wrong)


def test_expose_returns_the_function_itself() -> None:
    def function() -> None: ...

    assert expose(function) is function


def test_members_are_found_by_path() -> None:
    service = Child()
    for path in ("method", "more", "inner/deep", "class_level/deep"):
        function, exposed = resolve(service, path)
        assert exposed.call(function, [1] if path == "method" else [], {}) in (1, "more", "deep")
        assert callable(function)


@pytest.mark.parametrize(
    "path",
    [
        "", "/", "//", "/method", "method/", "inner", "inner/", "inner//deep", "/inner/deep", "trap", "trap/x",
        "cached_trap", "cached_trap/deep", "evaluated", "nothing", "nothing/deep", "__init__", "__class__",
        "__class__/method", "inner/__class__/deep", "method/__self__/method", "method/__func__", "_x",
    ],
)  # fmt: skip
def test_nothing_else_is_found_and_no_property_is_evaluated(path: str) -> None:
    service = Service()
    for look in (lambda: resolve(service, path), lambda: Router(service).call(path, [], {})):
        with pytest.raises(LookupError):
            look()
    assert service.evaluated == 0


def test_a_mock_offers_nothing() -> None:
    service = mock.MagicMock()
    with pytest.raises(LookupError):
        resolve(service, "anything")
    assert not is_service(service)


def test_a_service_is_told_from_other_values() -> None:
    assert is_service(Service())
    assert is_service(Child())
    assert is_service(ServiceDict())
    for other in (None, 3, {}, [], Service, Service().method, object()):
        assert not is_service(other)


def test_services_are_found_in_the_tree() -> None:
    service = Service()
    root = ServiceDict({"a": service, "b": {"c": Inner()}})
    assert find_path(root, root) == ""
    assert find_path(root, service) == "a"
    assert find_path(root, service.inner) == "a/inner"
    assert find_path(root, root["b"]["c"]) == "b/c"
    assert find_path(root, Inner()) is None
    assert resolve_service(root, "a/inner") is service.inner
    assert resolve_service(root, "") is root


def test_a_tree_with_circles_is_walked_once() -> None:
    service = Service()
    service.inner.parent = service  # type: ignore[attr-defined]
    paths = [function["path"] for function in describe(service)]
    assert sorted(paths) == ["class_level/deep", "inner/deep", "method"]
    assert resolve(service, "inner/parent/method")


def test_a_description_names_functions_signatures_and_docs() -> None:
    @expose
    def items() -> Any:
        yield 1

    @expose
    async def more_items() -> Any:
        yield 1

    (function,) = (each for each in describe(Service()) if each["path"] == "method")
    assert function == {"path": "method", "signature": "(a: int) -> int", "doc": "Tell *a*.", "stream": False}
    assert all(each["stream"] for each in describe(ServiceDict({"a": items, "b": more_items})))
    assert describe(ServiceDict()) == []


def test_an_annotation_that_means_nothing_at_run_time_hides_no_other() -> None:
    @expose
    def function(a: Nowhere, b: int) -> Nowhere:  # type: ignore[name-defined]  # noqa: F821
        return [a, b]

    router = Router({"f": function})
    assert router.call("f", ["x", 1], {}) == ["x", 1]
    with pytest.raises(TypeError, match="'b'"):
        router.call("f", [1, "x"], {})


def test_annotations_that_cannot_be_checked_leave_their_argument_alone() -> None:
    class Odd:
        pass

    @expose
    def function(a: Odd | int | list[Odd], b: int) -> Any:
        return [a, b]

    router = Router({"f": function})
    assert router.call("f", [1, 2], {}) == [1, 2]
    with pytest.raises(TypeError, match="'b'"):
        router.call("f", [1, "x"], {})


def test_a_function_may_be_exposed_under_several_names() -> None:
    @expose
    def function(a: int) -> int:
        return a

    router = Router({"a": function, "b": {"c": function}})
    assert router.call("a", [1], {}) == router.call("b/c", [1], {}) == 1


class Replaceable:
    @expose
    def f(self, a: int) -> Any:
        return ["the class's", a]


@expose
def another(*args: Any) -> Any:
    return ["another", *args[-1:]]


def otherwise(content: Any) -> Any:
    return ["not usual", content]


def test_the_short_way_is_for_methods_that_were_called_with_just_these_classes() -> None:
    router = Router(Replaceable())
    handle = router.shortcut(otherwise)
    call = ["f", [1], {}]
    assert handle(call) == ["not usual", call]
    router.call(*call)
    assert handle(call) == ["the class's", 1]
    unusual = (
        ["f", ["1"], {}],
        ["f", [], {"a": 1}],
        ["f", [True], {}],
        ["g", [1], {}],
        ["f", [1]],
        [[], [1], {}],
        7,
    )
    for content in unusual:
        assert handle(content) == ["not usual", content]


def test_what_replaces_a_method_is_seen_at_once() -> None:
    service = Replaceable()
    router = Router(service)
    handle = router.shortcut(lambda content: router.call(*content))
    for _ in range(2):
        assert handle(["f", [1], {}]) == ["the class's", 1]
    service.f = another  # type: ignore[method-assign]  # just that
    assert handle(["f", [1], {}]) == ["another", 1]
    del service.f
    assert handle(["f", [1], {}]) == ["the class's", 1]
    kept = Replaceable.f
    try:
        Replaceable.f = another  # type: ignore[method-assign]  # just that
        assert handle(["f", [1], {}]) == ["another", 1]
        del Replaceable.f
        with pytest.raises(LookupError):
            handle(["f", [1], {}])
    finally:
        Replaceable.f = kept  # type: ignore[method-assign]  # as it was
