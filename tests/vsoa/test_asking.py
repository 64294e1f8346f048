from __future__ import annotations

from typing import Any

import pytest

from junto.errors import ConnectionLost, Overloaded
from junto.runtimes.threads import ThreadsRuntime
from junto.sansio.vsoa.frames import RPC, SUBSCRIBE
from junto.vsoa.asking import MAX_OPEN, Asking


def ask(runtime: ThreadsRuntime, asking: Asking, kind: int = RPC) -> tuple[int, Any]:
    number = asking.take_number()
    future = runtime.create_future()
    asking.add(number, kind, future, True, None, None)
    return number, future


@pytest.fixture
def runtime() -> Any:
    runtime = ThreadsRuntime()
    yield runtime
    runtime.close()


def test_when_all_numbers_are_in_use_those_that_nobody_waits_for_are_free_again(
    runtime: ThreadsRuntime,
) -> None:
    asking = Asking(runtime)
    made = [ask(runtime, asking) for _ in range(MAX_OPEN)]
    assert len({number for number, _ in made}) == MAX_OPEN
    with pytest.raises(Overloaded):
        asking.take_number()
    made[7][1].cancel()
    made[9][1].cancel()
    numbers = {ask(runtime, asking)[0] for _ in range(2)}
    assert len(numbers) == 2
    assert numbers <= {made[7][0], made[9][0], MAX_OPEN}
    with pytest.raises(Overloaded):
        asking.take_number()


def test_a_number_is_not_used_again_before_its_late_reply_came(runtime: ThreadsRuntime) -> None:
    asking = Asking(runtime)
    number, future = ask(runtime, asking)
    future.cancel()
    others = {ask(runtime, asking)[0] for _ in range(5)}
    assert number not in others
    assert asking.take(SUBSCRIBE, number) is None
    assert asking.take(RPC, number) is None
    assert asking.take(RPC, number) is None
    assert asking.late_replies == 3


def test_what_is_kept_does_not_fail_with_the_rest(runtime: ThreadsRuntime) -> None:
    asking = Asking(runtime)
    lost, kept = ask(runtime, asking), ask(runtime, asking)
    asking.fail(ConnectionLost("gone"), {kept[0]: b""})
    assert isinstance(lost[1].exception(), ConnectionLost)
    assert not kept[1].done()
    asked = asking.take(RPC, kept[0])
    assert asked is not None
    assert asked[1] is kept[1]
