from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import json
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from junto.errors import CodecError
from junto.sansio.vsoa.payloads import Payload, decode_param, encode_data, encode_param

json_values: Any = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@dataclasses.dataclass
class Point:
    x: int
    y: int


@given(json_values)
def test_a_param_comes_back(value: Any) -> None:
    param = encode_param(value)
    assert param.isascii()
    assert decode_param(param) == value


@given(st.binary(max_size=60))
def test_any_param_can_be_read(param: bytes) -> None:
    decode_param(param)


@pytest.mark.parametrize(
    ("value", "param"),
    [
        ({"a": 1, "b": [1, "two", None, 3.5]}, b'{"a":1,"b":[1,"two",null,3.5]}'),
        ({}, b"{}"),
        ([], b"[]"),
        ("", b'""'),
        ("hé", b'"h\\u00e9"'),
        (12, b"12"),
        (1.5, b"1.5"),
        (True, b"true"),
        ((1, 2), b"[1,2]"),
        ({"a": [(1, 2)]}, b'{"a":[[1,2]]}'),
        ({1: True, None: 2**70}, b'{"1":true,"null":1180591620717411303424}'),
        (enum.IntEnum("Gear", ["FIRST"])(1), b"1"),
        ("\ud800", b'"\\ud800"'),
        (None, b""),
        (b"\0\xff", b"\0\xff"),
        (bytearray(b"x"), b"x"),
        (memoryview(b"xyz")[1:], b"yz"),
    ],
)
def test_values_become_json_and_bytes_stay_bytes(value: Any, param: bytes) -> None:
    assert encode_param(value) == param


@pytest.mark.parametrize(
    "value",
    [
        object(),
        {1, 2},
        {"a": object()},
        [b"x"],
        float("nan"),
        [float("inf")],
        {"a": [None, float("nan")]},
        1j,
        [datetime.date(2020, 1, 2)],
        uuid.UUID(int=1),
        decimal.Decimal("1.5"),
        enum.Enum("Colour", {"RED": "red"})("red"),
        Point(1, 2),
    ],
)
def test_what_has_no_form_is_refused_and_not_left_out(value: Any) -> None:
    with pytest.raises(CodecError):
        encode_param(value)


def test_a_list_in_itself_is_refused_and_the_next_one_is_fine() -> None:
    loop: list[Any] = []
    loop.append(loop)
    for _ in range(2):
        with pytest.raises(CodecError):
            encode_param(loop)
    assert encode_param([[], []]) == b"[[],[]]"


@pytest.mark.parametrize(
    ("param", "value"),
    [
        (b"123", 123),
        (b"{oops", b"{oops"),
        (b'{"a": "\\/"}', {"a": "/"}),
        (b"\xff\xfe", b"\xff\xfe"),
        (json.dumps({"a": "ü"}).encode("utf-16"), {"a": "ü"}),
        (b"[Infinity]", [float("inf")]),
        (b"", None),
        (b"[" * 100_000, b"[" * 100_000),
    ],
)
def test_a_param_is_json_if_it_can_be_and_else_bytes(param: bytes, value: Any) -> None:
    assert decode_param(param) == value


def test_data_are_bytes() -> None:
    assert encode_data(memoryview(b"abc")) == b"abc"
    assert encode_data(bytearray(b"abc")) == b"abc"
    assert encode_data(None) == b""
    with pytest.raises(CodecError):
        encode_data("abc")  # type: ignore[arg-type]  # the mistake that is meant


def test_a_payload_tells_its_param_as_it_was_and_as_it_is_on_the_wire() -> None:
    sent = Payload({"a": (1, 2)}, b"x")
    assert sent.raw == b'{"a":[1,2]}'
    received = Payload.received(sent.raw, sent.data)
    assert received.param == {"a": [1, 2]}
    assert received.param is received.param
    assert received == sent
    assert received != Payload()
    assert repr(received) == "Payload({'a': [1, 2]}, b'x')"
    assert Payload().param is None
