from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import uuid
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from junto.codecs import JSON, Codec, MsgPack
from junto.custom_types import DATETIME, CustomType, TypeTable, serializable
from junto.errors import CodecError


class Point:
    def __init__(self, x: Any, *, y: Any = 0) -> None:
        self.x = x
        self.y = y

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Point) and (self.x, self.y) == (other.x, other.y)

    __hash__ = None  # type: ignore[assignment]  # it changes


class Point3(Point):
    pass


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


POINT = serializable(Point)
COMPLEX = CustomType(complex, lambda z: [z.real, z.imag], lambda data: complex(*data))
AWARE = datetime.datetime(2010, 3, 27, 10, 11, 12, 345678, datetime.timezone(datetime.timedelta(hours=1)))
CODECS = [JSON, MsgPack]


@pytest.mark.parametrize("codec", CODECS)
def test_types_are_numbered_in_their_order(codec: type[Codec]) -> None:
    bound = codec([COMPLEX, POINT])
    data = bound.load(bound.encode([Point(1, y=2), 1j]))
    assert data == [{"__type__": [1, {"x": 1, "y": 2}]}, {"__type__": [0, [0.0, 1.0]]}]
    assert bound.revive(data) == [Point(1, y=2), 1j]


@pytest.mark.parametrize("codec", CODECS)
def test_types_hold_types_at_any_depth(codec: type[Codec]) -> None:
    bound = codec([POINT, DATETIME, COMPLEX])
    value = {"a": [Point(Point(1j), y={"at": AWARE})]}
    assert bound.decode(bound.encode(value)) == value


# CH-20
def test_aware_dates_keep_their_offset() -> None:
    codec = JSON([DATETIME])
    assert codec.encode(AWARE) == b'{"__type__": [0, "2010-03-27T10:11:12.345678+01:00"]}'
    assert codec.decode(codec.encode(AWARE)) == AWARE
    assert codec.decode(codec.encode(AWARE)).utcoffset() == datetime.timedelta(hours=1)


def test_the_number_is_matched_by_equality() -> None:
    codec = JSON([COMPLEX, POINT])
    for number in (b"1", b"1.0", b"true"):
        assert codec.decode(b'{"__type__": [%b, {"x": 5}], "other": 1}' % number) == Point(5)


def test_a_type_is_looked_up_by_the_exact_class() -> None:
    with pytest.raises(CodecError, match="Point3 has no form"):
        JSON([POINT]).encode(Point3(1))


def test_object_stands_for_every_other_class() -> None:
    codec = JSON([POINT, CustomType(object, lambda value: type(value).__name__, lambda data: f"some {data}")])
    assert codec.decode(codec.encode([Point(1), {1}, Point3(2)])) == [Point(1), "some set", "some Point3"]


def test_a_class_is_registered_once() -> None:
    with pytest.raises(ValueError, match="once"):
        JSON([POINT, COMPLEX, POINT])


def test_subclasses_of_plain_types_are_never_custom() -> None:
    class Special(dict):  # type: ignore[type-arg]  # any will do
        pass

    assert JSON([CustomType(Special, list, Special)]).encode(Special(a=1)) == b'{"a": 1}'


@pytest.mark.parametrize("function", [lambda *args: None, lambda **kwargs: None, lambda x, /: None])
def test_only_a_constructor_of_names_is_serializable(function: Any) -> None:
    with pytest.raises(ValueError, match="names alone"):
        serializable(function)


# --- what can go wrong ---------------------------------------------------------------------------


def raising(error: Exception) -> Any:
    def function(_: Any) -> Any:
        raise error

    return function


ERRORS = [KeyError("k"), CodecError("own"), RecursionError(), Unprintable()]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_whatever_a_serializer_raises_is_a_codec_error(error: Exception) -> None:
    with pytest.raises(CodecError) as caught:
        JSON([CustomType(Point, raising(error), Point)]).encode(Point(1))
    assert error in (caught.value, caught.value.__cause__)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_whatever_a_deserializer_raises_is_a_codec_error(error: Exception) -> None:
    with pytest.raises(CodecError) as caught:
        JSON([CustomType(Point, vars, raising(error))]).decode(b'{"__type__": [0, 1]}')
    assert error in (caught.value, caught.value.__cause__)


def test_a_serializer_must_give_what_can_be_sent() -> None:
    with pytest.raises(CodecError):
        JSON([CustomType(Point, lambda point: {point.x}, Point)]).encode(Point(1))


# CH-12, CH-19
@pytest.mark.parametrize(
    "data",
    [
        pytest.param([7, 0], id="an unknown number"),
        pytest.param([-1, 0], id="a negative number"),
        pytest.param(["0", 0], id="a text for a number"),
        pytest.param([[0], 0], id="an array for a number"),
        pytest.param(7, id="no pair"),
        pytest.param([0], id="one"),
        pytest.param([0, 0, 0], id="three"),
        pytest.param({"0": 1}, id="a map"),
        pytest.param("01", id="two characters"),
        pytest.param(None, id="null"),
        pytest.param([0, {"z": 1}], id="data of another class"),
    ],
)
def test_a_custom_value_that_means_nothing_is_refused(data: Any) -> None:
    with pytest.raises(CodecError):
        JSON([POINT]).revive([{"__type__": data}])


def test_values_nested_too_deep_are_refused() -> None:
    data: Any = 1
    for _ in range(100_000):
        data = {"__type__": [0, data]}
    with pytest.raises(CodecError):
        JSON([POINT]).revive(data)


plain = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=3)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.just("__type__"), st.text(max_size=3)), inner, max_size=3),
        st.fixed_dictionaries({"__type__": st.tuples(st.integers(-1, 3), inner).map(list)}),
    ),
    max_leaves=20,
)


@given(plain)
def test_any_data_are_rebuilt_or_refused(data: Any) -> None:
    try:
        TypeTable([POINT, DATETIME]).from_wire(data)
    except CodecError:
        pass


# --- types that need no table --------------------------------------------------------------------


class Color(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


@dataclasses.dataclass
class Reading:
    name: str
    value: Any


class Struct(msgspec.Struct):
    name: str
    value: Reading | msgspec.UnsetType = msgspec.UNSET


class Renamed(msgspec.Struct, rename="camel", tag="r"):
    first_name: str


class Array(msgspec.Struct, array_like=True, tag=True):
    a: int
    b: Array | None


ID = uuid.UUID(int=5)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize(
    ("value", "data"),
    [
        (Color.RED, "red"),
        (Level.HIGH, 3),
        (Reading("t", [Level.HIGH]), {"name": "t", "value": [3]}),
        (Struct("t"), {"name": "t"}),
        (Struct("t", Reading("u", None)), {"name": "t", "value": {"name": "u", "value": None}}),
        (Renamed("x"), {"type": "r", "firstName": "x"}),
        (Array(1, Array(2, None)), ["Array", 1, ["Array", 2, None]]),
        (datetime.date(2020, 1, 2), "2020-01-02"),
        (datetime.datetime(2020, 1, 2, 3), "2020-01-02T03:00:00"),
        (datetime.time(1, 2, 3), "01:02:03"),
        (datetime.timedelta(seconds=90), "PT90S"),
        (decimal.Decimal("1.50"), "1.50"),
        (ID, str(ID)),
    ],
)
def test_types_that_annotations_tell_travel_as_plain_data(codec: type[Codec], value: Any, data: Any) -> None:
    assert codec().decode(codec().encode(value)) == data
    assert msgspec.convert(data, type(value), str_keys=True) == value


def test_a_registered_type_comes_before_that() -> None:
    codec = JSON([serializable(Reading)])
    assert codec.decode(codec.encode(Reading("t", 1))) == Reading("t", 1)


def test_a_type_can_hold_a_type_that_needs_no_table_and_the_reverse() -> None:
    codec = JSON([POINT])
    assert codec.decode(codec.encode(Reading("t", Point(Color.RED)))) == {"name": "t", "value": Point("red")}


class Disguised(msgspec.Struct, rename={"kind": "__type__"}):
    kind: Any


class Tagged(msgspec.Struct, tag_field="__type__", tag="x"):
    pass


Sneaky = dataclasses.make_dataclass("Sneaky", ["__type__"])


# CH-19
@pytest.mark.parametrize("value", [Disguised([0, 1]), Tagged(), Sneaky([0, 1])])
def test_no_class_can_smuggle_in_the_reserved_key(value: Any) -> None:
    with pytest.raises(CodecError, match="reserved"):
        JSON([POINT]).encode([value])


@dataclasses.dataclass
class Halfway:
    missing: int = dataclasses.field(init=False)


def test_an_object_that_is_not_finished_is_refused() -> None:
    with pytest.raises(CodecError):
        JSON().encode(Halfway())
