from __future__ import annotations

import copy
import inspect
import pickle
from collections.abc import Iterable
from typing import Any
from unittest import mock

import pytest

from junto.proxies import Proxy


@pytest.fixture
def calls() -> list[Any]:
    return []


@pytest.fixture
def remote(calls: list[Any]) -> Proxy[Any]:
    def call(path: str, /, *args: Any, **kwargs: Any) -> str:
        calls.append((path, args, kwargs))
        return "result"

    return Proxy(call)


def test_attributes_and_items_lead_to_members(remote: Proxy[Any], calls: list[Any]) -> None:
    assert remote.add(3, 4) == "result"
    assert remote.math.deep.add(x=1, timeout=2.0) == "result"
    assert remote["math"]["_mul"]() == "result"
    assert remote["not a name"]() == "result"
    assert calls == [
        ("add", (3, 4), {}),
        ("math/deep/add", (), {"x": 1, "timeout": 2.0}),
        ("math/_mul", (), {}),
        ("not a name", (), {}),
    ]


@pytest.mark.parametrize(
    "name", ["func", "args", "keywords", "call", "path", "mro", "copy", "items", "real", "self"]
)
def test_every_public_name_is_the_peers(remote: Proxy[Any], calls: list[Any], name: str) -> None:
    getattr(remote, name)(1)
    getattr(remote.inner, name)(1)
    assert calls == [(name, (1,), {}), (f"inner/{name}", (1,), {})]


@pytest.mark.parametrize("name", ["path", "self", "cls", "name", "function", "args", "kwargs"])
def test_every_argument_name_but_timeout_is_the_peers(
    remote: Proxy[Any], calls: list[Any], name: str
) -> None:
    remote.call(**{name: 1})
    assert calls == [("call", (), {name: 1})]


def test_the_root_cannot_be_called(remote: Proxy[Any], calls: list[Any]) -> None:
    with pytest.raises(AttributeError):
        remote()
    with pytest.raises(AttributeError):
        remote(1, timeout=2.0)
    assert calls == []


@pytest.mark.parametrize("wrong", [0, None, "", slice(None), b"x", ("a",)])
def test_an_item_is_named_by_a_text(remote: Proxy[Any], wrong: Any) -> None:
    with pytest.raises(TypeError):
        remote[wrong]


PROBED = [
    "_repr_html_",
    "_repr_mimebundle_",
    "_ipython_display_",
    "_ipython_canary_method_should_not_exist_",
    "__len__",
    "__bool__",
    "__await__",
    "__aiter__",
    "__anext__",
    "__next__",
    "__enter__",
    "__aenter__",
    "__array__",
    "__array_interface__",
    "__fspath__",
    "__index__",
    "__int__",
    "__wrapped__",
    "__name__",
    "__iter_next__",
    "__rich_repr__",
    "__deepcopy__",
    "__getnewargs__",
    "_private",
]


@pytest.mark.parametrize("name", PROBED)
def test_no_name_with_an_underscore_becomes_a_call(remote: Proxy[Any], calls: list[Any], name: str) -> None:
    for proxy in (remote, remote.add):
        with pytest.raises(AttributeError):
            getattr(proxy, name)
        assert not hasattr(proxy, name)
    assert calls == []


def test_tools_that_look_at_objects_call_nothing(remote: Proxy[Any], calls: list[Any]) -> None:
    for proxy in (remote, remote.add):
        repr(proxy), str(proxy), hash(proxy), bool(proxy), dir(proxy), f"{proxy}"
        inspect.isgenerator(proxy), inspect.isawaitable(proxy), inspect.iscoroutinefunction(proxy)
        inspect.getmembers(proxy)
        inspect.getdoc(proxy)
        inspect.unwrap(proxy)
        isinstance(proxy, Iterable)
        assert callable(proxy)
        for wrong in (len, iter, list, tuple, set, int, float, bytes, next, aiter, sorted, sum):
            with pytest.raises(TypeError):
                wrong(proxy)  # type: ignore[operator, call-overload]  # that is the point
        with pytest.raises(TypeError):
            _ = "x" in proxy  # type: ignore[operator]
        with pytest.raises(TypeError):
            _first, *_rest = proxy  # type: ignore[misc]
        with pytest.raises(TypeError):
            proxy + 1  # type: ignore[operator]
        with pytest.raises((TypeError, AttributeError)), proxy:  # type: ignore[attr-defined]
            pass
    mock.Mock(spec=remote)
    assert calls == []


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_proxies_are_neither_copied_nor_pickled(remote: Proxy[Any], calls: list[Any], protocol: int) -> None:
    for proxy in (remote, remote.add):
        with pytest.raises((TypeError, AttributeError)):
            pickle.dumps(proxy, protocol)
        with pytest.raises(TypeError):
            copy.copy(proxy)
        with pytest.raises(TypeError):
            copy.deepcopy([proxy])
    assert calls == []


def test_proxies_are_equal_by_connection_and_path(remote: Proxy[Any]) -> None:
    def other(path: str, /, *args: Any, **kwargs: Any) -> None: ...

    assert remote.a.b == remote["a"]["b"]
    assert hash(remote.a.b) == hash(remote["a"]["b"])
    assert remote.a != remote.b
    assert remote.a != Proxy(other).a
    assert remote != Proxy(other)
    assert remote.a != "a"
    assert len({remote.a, remote.a, remote["a"], remote.b}) == 2


def test_a_proxy_tells_its_path(remote: Proxy[Any]) -> None:
    assert repr(remote.math.add) == "<Proxy of 'math/add'>"
    assert repr(remote) == "<Proxy of ''>"


def test_a_path_found_once_is_found_again_as_the_same_object(remote: Proxy[Any]) -> None:
    assert remote.add is remote.add
