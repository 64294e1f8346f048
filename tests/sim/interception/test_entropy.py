from __future__ import annotations

import os
import random
import secrets
import ssl
import tempfile
import uuid
from collections.abc import Callable
from random import randint
from typing import Any

import pytest

from .fake_host import FakeHost, on


def seeded_anew(generator: Any) -> Any:
    generator.seed()
    return generator.random()


SOURCES: dict[str, Callable[[], Any]] = {
    "os.urandom": lambda: os.urandom(16),
    "os.getrandom": lambda: os.getrandom(16),
    "ssl.RAND_bytes": lambda: ssl.RAND_bytes(16),
    "random.random": lambda: random.random(),
    "random.randint, bound early": lambda: randint(0, 10**9),
    "random.shuffle": lambda: random.sample(range(100), 20),
    "random.seed()": lambda: seeded_anew(random),
    "Random()": lambda: random.Random().random(),
    "Random.seed(None)": lambda: seeded_anew(random.Random(1)),
    "SystemRandom": lambda: random.SystemRandom().random(),
    "secrets.token_bytes": lambda: secrets.token_bytes(16),
    "secrets.token_hex": lambda: secrets.token_hex(),
    "secrets.randbelow": lambda: secrets.randbelow(10**9),
    "secrets.choice": lambda: [secrets.choice(range(1000)) for _ in range(5)],
    "uuid4": lambda: uuid.uuid4(),
    "uuid1": lambda: uuid.uuid1(),
    "tempfile": lambda: next(tempfile._get_candidate_names()),
}


@pytest.fixture(params=list(SOURCES.values()), ids=list(SOURCES))
def source(request: pytest.FixtureRequest) -> Callable[[], Any]:
    function: Callable[[], Any] = request.param
    return function


def drawn(source: Callable[[], Any], host: FakeHost) -> Any:
    with on(host):
        return [source(), source()]


def test_the_same_seed_gives_the_same_values(source: Callable[[], Any]) -> None:
    first = drawn(source, FakeHost())
    assert first == drawn(source, FakeHost())
    assert first[0] != first[1]


def test_another_seed_or_host_gives_others(source: Callable[[], Any]) -> None:
    found = [drawn(source, host) for host in (FakeHost(), FakeHost(seed=2), FakeHost("n2"))]
    assert found[0] != found[1]
    assert found[0] != found[2]


def test_outside_nothing_repeats_itself(source: Callable[[], Any]) -> None:
    assert [source(), source()] != [source(), source()]


def test_draws_of_one_host_do_not_shift_those_of_another(source: Callable[[], Any]) -> None:
    alone = drawn(source, FakeHost("n2"))
    one, two = FakeHost("n1"), FakeHost("n2")
    drawn(source, one)
    assert drawn(source, two) == alone


def test_a_host_leaves_the_state_of_the_process_alone(source: Callable[[], Any]) -> None:
    state = random.getstate()
    drawn(source, FakeHost())
    assert random.getstate() == state
    assert uuid._last_timestamp is None or isinstance(uuid._last_timestamp, int)


def test_a_given_seed_is_obeyed_and_seeds_only_that_host(host: FakeHost) -> None:
    other = FakeHost("n2")
    undisturbed = drawn(random.random, FakeHost("n2"))
    with on(host):
        random.seed(7)
        values = [random.random(), random.gauss()]
    assert drawn(random.random, other) == undisturbed
    generator = random.Random(7)
    assert values == [generator.random(), generator.gauss()]


def test_seeded_generators_are_python_s_own(host: FakeHost) -> None:
    outside = [random.Random(seed).random() for seed in (1, "text", b"bytes", 0.5)]
    with on(host):
        assert [random.Random(seed).random() for seed in (1, "text", b"bytes", 0.5)] == outside


def test_the_state_of_a_host_can_be_saved_and_set(host: FakeHost) -> None:
    with on(host):
        state = random.getstate()
        first = random.random()
        random.setstate(state)
        assert random.random() == first


def test_a_new_process_of_a_host_draws_others(host: FakeHost) -> None:
    first = drawn(random.random, host)
    host.process = {}
    assert drawn(random.random, host) != first


@pytest.mark.parametrize(("size", "error"), [(-1, ValueError), ("1", TypeError), (1.0, TypeError)])
@pytest.mark.parametrize("inside", [True, False])
def test_a_size_is_checked(host: FakeHost, size: Any, error: type[Exception], inside: bool) -> None:
    with on(host if inside else None), pytest.raises(error):
        os.urandom(size)


def test_uuids_of_one_instant_differ_and_carry_the_host(host: FakeHost) -> None:
    with on(host):
        first, second = uuid.uuid1(), uuid.uuid1()
        assert second.time == first.time + 1
        assert first.node == uuid.getnode()
        assert uuid.uuid1(node=5, clock_seq=6).fields[3:] == (0x80, 6, 5)
    with on(FakeHost()):
        assert uuid.uuid1().time == first.time


def test_uuids_outside_go_on_from_where_they_were(host: FakeHost) -> None:
    before = uuid.uuid1(node=1)
    drawn(uuid.uuid1, host)  # in the future
    assert 0 < uuid.uuid1(node=1).time - before.time < 60 * 10**7


def test_the_simulator_s_own_streams_take_nothing_from_a_host(host: FakeHost) -> None:
    with on(host):
        host.choices("net.latency").random()
    assert drawn(lambda: os.urandom(8), host) == drawn(lambda: os.urandom(8), FakeHost())
