"""Models of SimPy that do nothing but make events; each returns how many, and when it is over."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import simpy

from benchmarks.simulated.programs import ACTORS
from benchmarks.simulated.stopwatch import resident_bytes

PROCESSES = 100
Steps = Any


def clocks(env: simpy.Environment, rounds: int) -> int:
    """Make processes that wait for timeouts only."""

    def clock(period: float) -> Steps:
        for _ in range(rounds):
            yield env.timeout(period)

    for number in range(PROCESSES):
        env.process(clock(1 - number / 1000))
    return PROCESSES * rounds


def bank(env: simpy.Environment, rounds: int) -> int:
    """Make customers who take one of ten counters, are served and come again: request, timeout, release."""
    counters = simpy.Resource(env, capacity=10)

    def customer() -> Steps:
        for _ in range(rounds):
            with counters.request() as mine:
                yield mine
                yield env.timeout(PROCESSES**-1.5)

    for _ in range(PROCESSES):
        env.process(customer())
    return 3 * PROCESSES * rounds


def conveyor(env: simpy.Environment, rounds: int) -> int:
    """Make producers and consumers with stores between them: timeout, put, get."""

    def producer(store: simpy.Store) -> Steps:
        for number in range(rounds):
            yield env.timeout(1)
            yield store.put(number)

    def consumer(store: simpy.Store) -> Steps:
        for _ in range(rounds):
            yield store.get()

    for _ in range(PROCESSES // 2):
        store = simpy.Store(env, capacity=5)
        env.process(producer(store))
        env.process(consumer(store))
    return 3 * PROCESSES // 2 * rounds


MODELS: dict[str, Callable[[simpy.Environment, int], int]] = {
    "clocks": clocks,
    "bank": bank,
    "conveyor": conveyor,
}
DURATION = 1.01
"""How long a round of a model takes at most, in its own time."""


def handlers(env: simpy.Environment, hops: int) -> int:
    """Make 100,000 actors that pass messages on by callbacks of events: no process, one event per message."""

    class Actor:
        __slots__ = ("neighbour",)
        neighbour: Actor

        def receive(self, event: simpy.Event) -> None:
            left: Any = event.value
            send(self.neighbour, left - 1)

    def send(actor: Actor, hops: int) -> None:
        if hops >= 0:
            event = simpy.Event(env)
            assert event.callbacks is not None
            event.callbacks.append(actor.receive)
            event.succeed(hops)

    actors = [Actor() for _ in range(ACTORS)]
    for number, actor in enumerate(actors):
        actor.neighbour = actors[number - 1]
    for actor in actors:
        send(actor, hops - 1)
    return ACTORS * hops


def timers(env: simpy.Environment, hops: int) -> int:
    """Make 100,000 processes that wait: the heap has 100,000 entries."""

    def actor(number: int) -> Steps:
        for hop in range(hops):
            yield env.timeout(0.001 * (1 + (number + hop) % 7))

    for number in range(ACTORS):
        env.process(actor(number))
    return ACTORS * hops


def _actor(inbox: simpy.Store, outbox: simpy.Store) -> Steps:
    while hops := (yield inbox.get()):
        outbox.put(hops - 1)


def tasks(env: simpy.Environment, hops: int) -> int:
    """Make 100,000 processes that pass messages on by stores; a message is two events, a put and a get."""
    inboxes = [simpy.Store(env) for _ in range(ACTORS)]
    for number, inbox in enumerate(inboxes):
        env.process(_actor(inbox, inboxes[number - 1]))
        inbox.put(hops - 1)
    return ACTORS * hops


ACTING: dict[str, Callable[[simpy.Environment, int], int]] = {
    "handlers": handlers,
    "timers": timers,
    "tasks": tasks,
}


def idle_tasks(env: simpy.Environment) -> int:
    """Tell how many bytes 100,000 processes take that wait at their stores."""
    gc.collect()
    before = resident_bytes()
    inboxes = [simpy.Store(env) for _ in range(ACTORS)]
    for number, inbox in enumerate(inboxes):
        env.process(_actor(inbox, inboxes[number - 1]))
    env.run()
    return resident_bytes() - before


def idle_sleepers(env: simpy.Environment) -> int:
    """Tell how many bytes 100,000 processes take that wait for their time."""

    def sleeper() -> Steps:
        yield env.timeout(1_000_000)

    gc.collect()
    before = resident_bytes()
    for _ in range(ACTORS):
        env.process(sleeper())
    env.run(until=1)
    return resident_bytes() - before
