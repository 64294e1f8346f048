from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from junto.vsoa.backlog import Backlog


def fill(policy: Any, limit: int, *items: Any) -> tuple[list[Any], int, bool]:
    backlog: Backlog[Any] = Backlog(policy, limit)
    fine = min([backlog.put(key, (key, number)) for number, key in enumerate(items)])
    kept = []
    while backlog:
        kept.append(backlog.pop())
    return kept, backlog.dropped, fine


def test_each_policy_keeps_what_it_says() -> None:
    assert fill("drop-oldest", 2, "a", "b", "c") == ([("b", 1), ("c", 2)], 1, True)
    assert fill("drop-newest", 2, "a", "b", "c") == ([("a", 0), ("b", 1)], 1, True)
    assert fill("disconnect", 2, "a", "b", "c") == ([("a", 0), ("b", 1)], 0, False)
    assert fill("latest", 2, "a", "b", "a", "a") == ([("a", 3), ("b", 1)], 2, True)
    assert fill("latest", 2, "a", "b", "c") == ([("b", 1), ("c", 2)], 1, True)


@given(
    st.sampled_from(["drop-oldest", "drop-newest", "latest", "disconnect"]),
    st.integers(1, 30),
    st.lists(st.one_of(st.none(), st.tuples(st.sampled_from("abc"), st.integers(1, 12)))),
)
def test_a_backlog_never_holds_more_than_its_limit_but_for_one_large_item(
    policy: Any, limit: int, steps: list[tuple[str, int] | None]
) -> None:
    backlog: Backlog[int] = Backlog(policy, limit)
    held = put = taken = refused = 0
    for step in steps:
        if step is None:
            if backlog:
                held -= backlog.pop()
                taken += 1
        else:
            put += 1
            refused += not backlog.put(step[0], step[1], step[1])
        assert backlog._size <= limit or len(backlog) == 1
    assert put == taken + len(backlog) + backlog.dropped + refused
    backlog.clear()
    assert not backlog
    assert backlog._size == 0


def test_a_backlog_needs_a_policy_and_some_room() -> None:
    with pytest.raises(ValueError, match="policy"):
        Backlog("never", 1)  # type: ignore[arg-type]  # the mistake that is meant
    with pytest.raises(ValueError):
        Backlog("latest", 0)
