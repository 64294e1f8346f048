"""How long to wait before something that failed is begun anew."""

from __future__ import annotations

import pytest

from junto.agents import Restart
from junto.agents.supervision import Recovery


def test_pauses_grow_up_to_the_longest_and_begin_anew_after_a_healthy_time() -> None:
    recovery = Recovery(Restart(first=1, factor=3, longest=10, healthy_after=60))
    assert [recovery.pause_after(0) for _ in range(4)] == [1, 3, 9, 10]
    assert recovery.pause_after(59.9) == 10
    assert recovery.pause_after(60) == 1
    assert recovery.pause_after(0) == 3


def test_only_as_many_in_a_row_as_were_allowed() -> None:
    recovery = Recovery(Restart(first=1, times=2, healthy_after=60))
    assert [recovery.pause_after(0) for _ in range(3)] == [1, 2, None]
    assert recovery.pause_after(60) == 1
    assert Recovery(None).pause_after(60) is None
    assert Recovery(Restart(times=0)).pause_after(60) is None


def test_failing_for_days_is_no_error_of_its_own() -> None:
    recovery = Recovery(Restart(first=0.1, longest=30))
    assert [recovery.pause_after(0) for _ in range(5000)][-1] == 30


@pytest.mark.parametrize("wrong", [{"first": -1}, {"factor": 0.5}, {"longest": 0.01}])
def test_pauses_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        Restart(**wrong)  # type: ignore[arg-type]  # all of them are numbers
