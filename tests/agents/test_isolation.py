from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from junto import CodecError
from junto.agents.isolation import Isolation
from junto.codecs import JSON, Codec, MsgPack

CODECS = [JSON(), JSON(strict=True), MsgPack()]
PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(st.characters(codec="utf-8") | st.just("\ud800"))
    | st.binary(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner)
        | st.dictionaries(st.text(max_size=3) | st.integers() | st.just("__type__"), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(value=PLAIN)
@pytest.mark.parametrize("codec", CODECS, ids=["json", "strict", "msgpack"])
def test_what_passes_is_what_would_have_travelled(codec: Codec, value: Any) -> None:
    isolation = Isolation(codec)
    try:
        travelled = codec.decode(codec.encode(value))
    except CodecError:
        with pytest.raises(CodecError):
            isolation.value(value)
        with pytest.raises(CodecError):
            isolation.args((1, value))
        with pytest.raises(CodecError):
            isolation.kwargs({"x": value})
        return
    assert repr(isolation.value(value)) == repr(travelled)
    assert repr(isolation.args((1, value))) == repr((1, travelled))
    assert repr(isolation.kwargs({"x": value})) == repr({"x": travelled})


@pytest.mark.parametrize("codec", CODECS, ids=["json", "strict", "msgpack"])
def test_what_contains_itself_or_is_too_deep_is_refused(codec: Codec) -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(CodecError):
        Isolation(codec).value(endless)


def test_subclasses_pass_as_what_they_are_derived_from() -> None:
    class Text(str):
        pass

    class Table(dict[str, int]):
        pass

    assert type(Isolation(JSON()).value(Text("x"))) is str
    assert type(Isolation(JSON()).value(Table(a=1))) is dict


def test_not_a_number_passes_only_where_it_travels() -> None:
    assert math.isnan(Isolation(JSON()).value(math.nan))
    assert math.isnan(Isolation(MsgPack()).value([math.nan])[0])
    with pytest.raises(CodecError):
        Isolation(JSON(strict=True)).value([math.inf])
