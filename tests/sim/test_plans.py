"""Plans as values and as text."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from junto.sim import Fault, Plan, PlanError
from junto.sim.plans import KINDS, duration_text, read_duration

names = st.text("abcn0123456789-_.", min_size=1, max_size=8)
groups = st.lists(names, min_size=1, max_size=3, unique=True).map(",".join)
values = st.one_of(
    st.integers(-(10**12), 10**12),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.sampled_from(["SIGTERM", "n1", "10.0.0.1"]),
)
words = st.dictionaries(st.sampled_from(["p", "low", "high", "flap", "signal"]), values, max_size=3)
times = st.integers(0, 10**15)


@st.composite
def faults(draw: st.DrawFn) -> Fault:
    kind = draw(st.sampled_from(sorted(KINDS)))
    parameters: dict[str, Any] = draw(words)
    targets: tuple[str, ...] = ("*",)
    if draw(st.booleans()):
        targets = (draw(groups),)
        if KINDS[kind] == "sides":
            targets += (draw(groups),)
            if draw(st.booleans()):
                parameters["one_way"] = True
    return Fault(draw(times), kind, targets, parameters, draw(st.none() | times))


@given(st.lists(faults(), max_size=5))
def test_a_plan_is_read_from_its_text(some: list[Fault]) -> None:  # F4
    plan = Plan(some)
    assert Plan.from_text(str(plan)) == plan
    assert eval(repr(plan)) == plan
    assert [fault.at_ns for fault in plan] == sorted(fault.at_ns for fault in plan)


@given(times)
def test_a_duration_is_read_from_its_text(nanoseconds: int) -> None:
    assert read_duration(duration_text(nanoseconds)) == nanoseconds


def test_plans_are_read_as_people_write_them() -> None:
    plan = Plan.of(
        """
        # a regression
        1.25 partition n1|n2,n3 for 500ms   # cut it off
        250us kill n2 for 2s; 3s latency a>b low=0.01 high=1
        """
    )
    assert str(plan) == (
        "0.00025s kill n2 for 2.000s\n"
        "1.250s partition n1|n2,n3 for 0.500s\n"
        "3.000s latency a>b low=0.01 high=1"
    )
    kill, partition, latency = plan
    assert kill.hosts == ("n2",)
    assert kill.end_ns == 2_000_250_000
    assert partition.sides == (("n1",), ("n2", "n3"))
    assert partition.hosts == ("n1", "n2", "n3")
    assert latency.one_way
    assert latency.end_ns is None
    assert plan.end_ns == 3_000_000_000
    assert hash(kill) == hash(Fault(250_000, "kill", ("n2",), {}, 2_000_000_000))


def test_plans_are_changed_into_others() -> None:
    plan = Plan.of("1s kill a for 1s; 2s partition a|b,c; 3s pause b,c")
    assert str(plan.without(0, 2)) == str(plan.only([1])) == "2.000s partition a|b,c"
    assert str(plan.without_host("b")) == "1.000s kill a for 1.000s\n2.000s partition a|c\n3.000s pause c"
    assert str(plan.without_host("a")) == "3.000s pause b,c"
    assert (
        str(plan.changed(0, duration_ns=5, at_ns=4_000_000_000).only([2])) == "4.000s kill a for 0.000000005s"
    )
    assert str(plan.changed(1, flap=0.5).only([1])) == "2.000s partition a|b,c flap=0.5"
    assert plan == Plan.of("1s kill a for 1s; 2s partition a|b,c; 3s pause b,c")
    assert Plan.of(plan) is plan


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("kill n1", "kill"),
        ("1s", "needs a time and a kind"),
        ("1s explode n1", "there is no fault of kind 'explode'"),
        ("1s kill n1|n2", "one group"),
        ("1s partition n1", "needs the sides"),
        ("1s loss a>b>c p=1", "one direction"),
        ("1s kill n1 for ever", "'ever' is no time"),
        ("1s kill n1 again", "neither a parameter nor a duration"),
        ("-1s kill n1", "'-1s' is no time"),
    ],
)
def test_what_is_no_plan_is_refused(text: str, why: str) -> None:
    with pytest.raises(PlanError, match=why):
        Plan.from_text(text)


def test_negative_times_are_refused() -> None:
    with pytest.raises(PlanError):
        Fault(-1, "kill", ("n1",))
