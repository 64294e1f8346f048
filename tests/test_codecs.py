from __future__ import annotations

import datetime
import json
import math
import struct
from collections import OrderedDict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from junto.codecs import JSON, Codec, MsgPack, make_codec
from junto.errors import CodecError

CODECS = [pytest.param(JSON(), id="json"), pytest.param(MsgPack(), id="msgpack")]


class Text(str):
    pass


class Number(int):
    pass


# --- the form ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([1, {"a": 2, "b": [3]}], '[1, {"a": 2, "b": [3]}]'),
        ("ä€😀\ud800", '"\\u00e4\\u20ac\\ud83d\\ude00\\ud800"'),
        ([1e300, -0.0, 25.0, 0.1], "[1e+300, -0.0, 25.0, 0.1]"),
        ([math.nan, math.inf, -math.inf], "[NaN, Infinity, -Infinity]"),
        (10**40, "1" + "0" * 40),
        ({1: 1, 2.5: 2, False: 3, None: 4}, '{"1": 1, "2.5": 2, "false": 3, "null": 4}'),
        ((1, (2,)), "[1, [2]]"),
        ([Text("x"), Number(7), True, OrderedDict(b=1, a=2)], '["x", 7, true, {"b": 1, "a": 2}]'),
    ],
)
def test_json_is_written_in_one_style(value: Any, text: str) -> None:
    assert JSON().encode(value) == text.encode("ascii")


@pytest.mark.parametrize(
    ("payload", "value"),
    [
        (b' [0,0,"x"]\n', [0, 0, "x"]),
        ('"ä😀"'.encode(), "ä😀"),
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (b"[Infinity, -Infinity, 1e999]", [math.inf, -math.inf, math.inf]),
        (b'"\\ud800"', "\ud800"),
        (b"123456789012345678901234567890", 123456789012345678901234567890),
    ],
)
def test_json_is_read_in_any_style(payload: bytes, value: Any) -> None:
    assert JSON().decode(payload) == value


# CH-16
@pytest.mark.parametrize("value", [math.nan, math.inf, [-math.inf], {math.nan: 1}, {"a": {"b": math.nan}}])
def test_strict_json_refuses_to_send_what_is_not_json(value: Any) -> None:
    JSON().encode(value)
    with pytest.raises(CodecError):
        JSON(strict=True).encode(value)
    assert math.isnan(JSON(strict=True).decode(b"NaN"))


@pytest.mark.parametrize(
    ("value", "hexed"),
    [
        (127, "7f"),
        (-32, "e0"),
        (128, "cc80"),
        (-33, "d0df"),
        (2**64 - 1, "cf" + "ff" * 8),
        (-(2**63), "d3" + "80" + "00" * 7),
        (1.5, "cb" + struct.pack(">d", 1.5).hex()),
        (b"\0\1", "c4020001"),
        ([bytearray(b"\0"), memoryview(b"\1")], "92c40100c40101"),
        ({(1, (2, b"x")): 3}, "8192019202c4017803"),
        ({None: 1, b"k": 2, 1.5: 3, True: 4}, "84c001c4016b02cb3ff800000000000003c304"),
    ],
)
def test_msgpack_is_written_in_the_shortest_form(value: Any, hexed: str) -> None:
    assert MsgPack().encode(value).hex() == hexed


# --- there and back ------------------------------------------------------------------------------

common = st.one_of(st.none(), st.booleans(), st.floats())
texts = st.text(st.characters(exclude_categories=[]))  # with lone surrogates
keys = texts.filter(lambda key: key != "__type__")
json_values = st.recursive(
    st.one_of(common, texts, st.integers()),
    lambda inner: st.one_of(st.lists(inner, max_size=5), st.dictionaries(keys, inner, max_size=5)),
    max_leaves=40,
)
utf8 = st.text().filter(lambda key: key != "__type__")
scalars = st.one_of(common, utf8, st.integers(-(2**63), 2**64 - 1), st.binary(max_size=40))
hashable = st.one_of(scalars, st.tuples(scalars, st.tuples(scalars)))
msgpack_values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=20),
        st.dictionaries(hashable, inner, max_size=20),
        st.lists(inner, max_size=5).map(tuple),
    ),
    max_leaves=60,
)


def same(value: Any) -> str:
    """Make a text to compare by: not-a-number is itself, 1 is not 1.0, an array is an array."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(same, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{same(k)}: {same(v)}' for k, v in value.items())}}}"
    return repr(value)


@given(json_values)
def test_json_gives_back_what_it_was_given(value: Any) -> None:
    codec = JSON()
    payload = codec.encode(value)
    assert payload == json.dumps(value).encode()
    assert same(codec.decode(payload)) == same(value)


@given(msgpack_values)
def test_msgpack_gives_back_what_it_was_given(value: Any) -> None:
    codec = MsgPack()
    assert same(codec.decode(codec.encode(value))) == same(value)


# --- what cannot be sent -------------------------------------------------------------------------


def nest(levels: int) -> Any:
    value: Any = 0
    for _ in range(levels):
        value = [value]
    return value


def endless() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


class Rude(dict):  # type: ignore[type-arg]  # holds nothing
    def items(self) -> Any:
        raise KeyError("not for you")


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(object(), id="any object"),
        pytest.param({1, 2}, id="a set"),
        pytest.param(int, id="a class"),
        pytest.param({frozenset(): 1}, id="a set as key"),
        pytest.param(nest(100_000), id="too deep"),
        pytest.param(endless(), id="endless"),
        pytest.param({"a": [{"__type__": [0, 1]}]}, id="the reserved key"),  # CH-19
        pytest.param({Text("__type__"): 1}, id="the reserved key in disguise"),
        pytest.param(Rude(a=1), id="a map that fails"),
    ],
)
@pytest.mark.parametrize("codec", CODECS)
def test_what_has_no_form_is_refused(codec: Codec, value: Any) -> None:
    with pytest.raises(CodecError):
        codec.encode(value)


@pytest.mark.parametrize("value", [b"x", bytearray(b"x"), memoryview(b"x"), {b"k": 1}, {(1,): 1}])
def test_json_carries_no_bytes(value: Any) -> None:
    with pytest.raises(CodecError):
        JSON().encode(value)


@pytest.mark.parametrize("value", [2**64, -(2**63) - 1, "\ud800", {"\ud800": 1}])
def test_msgpack_carries_64_bits_and_utf8(value: Any) -> None:
    with pytest.raises(CodecError):
        MsgPack().encode([value])


# --- what cannot be read -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[0, 0",
        b"\xff\xfe",
        b"\xef\xbb\xbf[1]",
        b"[1] [2]",
        b"[01]",
        b"{1: 2}",
        b'"\xed\xa0\x80"',
        b'"\x01"',
        b"nan",
        b"[" * 100_000,
        b"[" * 100_000 + b"NaN" + b"]" * 100_000,
        b"1" * 5000,
    ],
    ids=lambda payload: repr(payload[:20]),
)
def test_what_is_not_json_is_refused(payload: bytes) -> None:
    with pytest.raises(CodecError):
        JSON().decode(payload)


@pytest.mark.parametrize(
    "hexed",
    [
        "",
        "93",
        "c1",
        "9300",
        "0000",
        "a1ff",
        "a3eda080",
        "818001",
        "81918001",
        "ddffffffff",
        "dfffffffff",
        "dbffffffff",
        "c6ffffffff",
        "d40500",
        pytest.param("91" * 100_000 + "00", id="too deep"),
    ],
)
def test_what_is_not_msgpack_is_refused(hexed: str) -> None:
    with pytest.raises(CodecError):
        MsgPack().decode(bytes.fromhex(hexed))


def test_msgpacks_own_timestamps_are_read_as_dates() -> None:
    assert MsgPack().decode(bytes.fromhex("d6ff00000001")) == datetime.datetime(
        1970, 1, 1, 0, 0, 1, tzinfo=datetime.UTC
    )


@given(st.binary(max_size=200), st.sampled_from([JSON(), MsgPack()]))
def test_any_bytes_are_a_value_or_refused(payload: bytes, codec: Codec) -> None:
    try:
        value = codec.decode(payload)
    except CodecError:
        return
    codec.encode(value)


@given(st.text('[]{}",:0123456789.eE-+ \\untrfalsNIiy\ud800ä\t\n', max_size=30))
def test_anything_that_looks_like_json_is_a_value_or_refused(text: str) -> None:
    try:
        JSON().decode(text.encode("utf-8", "surrogatepass"))
    except CodecError:
        pass


# --- the rest of the interface -------------------------------------------------------------------


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("count", [0, 1, 15, 16, 65_535, 65_536])
def test_joined_items_are_an_array(codec: Codec, count: int) -> None:
    assert codec.decode(codec.join([codec.dump(1)] * count)) == [1] * count


@pytest.mark.parametrize("codec", CODECS)
def test_a_marked_triple_is_the_same_triple(codec: Codec) -> None:
    data = codec.dump([0, 0, "x"])
    marked = codec.mark(data)
    assert marked != data
    assert codec.load(marked) == codec.load(data)
    assert codec.is_marked(marked)
    assert codec.is_marked(memoryview(marked))
    assert not codec.is_marked(data)


@pytest.mark.parametrize(
    "written",
    [b'{"__type__": 1}', b'{"\\u005f_type__": 1}', b'{"__typ\\u0065__": 1}', b'{"__\\u0074ype__":1}'],
)
def test_the_reserved_key_is_seen_in_each_way_to_write_it(written: bytes) -> None:
    assert JSON().load(written) == {"__type__": 1}
    assert JSON().may_hold_types(bytearray(b"[" + written + b"]"), 0, len(written) + 2)
    assert not JSON().may_hold_types(bytearray(b"..." + written), 0, 3)


@pytest.mark.parametrize("name", ["json", "msgpack", "msgpack+blosc"])
def test_codecs_are_made_by_name(name: Any) -> None:
    codec = make_codec(name)
    assert codec.name == name
    assert make_codec(codec) is codec


def test_an_unknown_codec_is_refused_with_the_known_names() -> None:
    with pytest.raises(ValueError, match="'json', 'msgpack'"):
        make_codec("xml")  # type: ignore[arg-type]  # that is the point
