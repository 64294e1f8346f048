"""What the SimPy runtime adds to the contract of the seam: its futures are events, and who gives up is heard."""

from __future__ import annotations

import concurrent.futures
import gc
import threading
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest
import simpy
from simpy import Interrupt

from junto.address import Address
from junto.errors import ConnectionLost
from junto.runtimes.simpy.asyncio_driven import AsyncioEnvironment
from junto.runtimes.simpy.backends import make_environment
from junto.runtimes.simpy.fetching import Fetch
from junto.runtimes.simpy.futures import Future, Task, as_future
from junto.runtimes.simpy.runtime import SimpyRuntime, simpy_runtime
from junto.runtimes.tasks import Cancelled
from junto.waiting import Inbox

LIMIT = 10.0


class Failure(Exception):
    pass


@pytest.fixture(params=["select", "epoll", "asyncio"])
def env(request: pytest.FixtureRequest) -> Iterator[Any]:
    env = make_environment(request.param)
    yield env
    env.close()


@pytest.fixture
def rt(env: Any) -> SimpyRuntime:
    return simpy_runtime(env)


def run(env: Any, generator: Generator[Any, Any, Any]) -> Any:
    """Run a process to its end, and then all that is still to be done now."""
    process = env.process(generator)
    env.run(until=process | env.timeout(LIMIT))
    assert process.processed, "it took too long"
    settle(env)
    return process.value


def settle(env: Any) -> None:
    """Let what follows from another happen too, also where each step takes more time than it should."""
    for _ in range(10):
        env.run(until=env.timeout(0.0003))


def interrupted_while_waiting_for(env: Any, event: Any, then: Callable[[], Any] | None = None) -> Any:
    """Have a process wait for *event* and be interrupted; it then yields what *then* gives."""

    def waiter() -> Generator[Any, Any, Any]:
        try:
            yield event
        except Interrupt:
            if then is None:
                return "interrupted"
            return (yield then())
        raise AssertionError("it was not interrupted")

    process = env.process(waiter())
    settle(env)
    process.interrupt()
    settle(env)
    return process


# Futures are events.


def test_a_process_yields_a_future_and_gets_its_result(env: Any, rt: Any) -> None:
    def process() -> Generator[Any, Any, Any]:
        future = rt.create_future()
        rt.call_soon(future.set_result, 42)
        assert (yield future) == 42
        assert (yield future) == 42
        assert future.value == 42
        assert future.triggered
        assert future.processed
        return "end"

    assert run(env, process()) == "end"


def test_a_process_gets_the_error_of_a_future_as_a_copy_of_its_own(env: Any, rt: Any) -> None:
    def process() -> Generator[Any, Any, None]:
        future = rt.create_future()
        error = Failure("no")
        rt.call_soon(future.set_exception, error)
        with pytest.raises(Failure, match="no") as caught:
            yield future
        assert caught.value is not error
        assert caught.value.__cause__ is error

    run(env, process())


def test_futures_are_combined_with_other_events(env: Any, rt: Any) -> None:
    def process() -> Generator[Any, Any, None]:
        first, second = rt.create_future(), rt.create_future()
        rt.call_soon(first.set_result, 1)
        rt.call_later(0.001, second.set_result, 2)
        assert dict((yield first | env.timeout(5)).items()) == {first: 1}
        assert list((yield first & second).values()) == [1, 2]
        assert first in (yield env.any_of([first, rt.create_future()]))
        assert list((yield env.all_of([first, second])).values()) == [1, 2]
        assert not (yield rt.create_future() | env.timeout(0.001, "late")).todict().keys() & {first, second}

    run(env, process())


def test_run_goes_on_until_a_future_is_done(env: Any, rt: Any) -> None:
    future = rt.create_future()
    rt.call_later(0.001, future.set_result, "there")
    assert env.run(until=future) == "there"
    failing = rt.create_future()
    rt.call_later(0.001, failing.set_exception, Failure("no"))
    with pytest.raises(Failure):
        env.run(until=failing)


def test_a_process_that_waits_for_a_cancelled_future_is_told(env: Any, rt: Any) -> None:
    def process() -> Generator[Any, Any, None]:
        future = rt.create_future()
        rt.call_soon(future.cancel)
        with pytest.raises(Cancelled):
            yield future

    run(env, process())


# Failures that nobody waits for.


def test_a_failure_that_nobody_ever_waited_for_ends_run(env: Any, rt: Any) -> None:
    future = rt.create_future()
    future.add_done_callback(lambda future: None)
    future.set_exception(Failure("unheard"))
    with pytest.raises(Failure, match="unheard"):
        env.run()
    settle(env)  # and the environment can be run again


def test_a_failure_that_was_looked_at_does_not_end_run(env: Any, rt: Any) -> None:
    future = rt.create_future()
    seen: list[Any] = []
    future.add_done_callback(lambda future: seen.append(future.exception()))
    future.set_exception(Failure("seen"))
    settle(env)
    assert [str(error) for error in seen] == ["seen"]


def test_a_lost_connection_never_ends_run(env: Any, rt: Any) -> None:
    rt.create_future().set_exception(ConnectionLost("gone"))
    settle(env)


def test_a_failure_after_a_condition_was_satisfied_by_another_event_does_not_end_run(
    env: Any, rt: Any
) -> None:
    future = rt.create_future()

    def process() -> Generator[Any, Any, None]:
        yield future | env.timeout(0.001)
        future.set_exception(Failure("too late"))

    run(env, process())
    assert future.processed


def test_a_failure_in_the_moment_when_a_condition_is_satisfied_does_not_end_run(env: Any, rt: Any) -> None:
    future, other = rt.create_future(), rt.create_future()

    def process() -> Generator[Any, Any, None]:
        yield future | other

    env.process(process())
    env.call_soon(other.set_result, None)
    # One turn later, when the condition is triggered and not yet processed.
    env.call_soon(env.call_soon, future.set_exception, Failure("at the same time"))
    settle(env)
    assert future.processed


def test_a_failure_in_the_moment_of_an_interrupt_does_not_end_run(env: Any, rt: Any) -> None:
    future = rt.create_future()

    def waiter() -> Generator[Any, Any, str]:
        try:
            yield future
        except Interrupt:
            return "interrupted"
        raise AssertionError

    process = env.process(waiter())
    settle(env)
    future.set_exception(Failure("at the same time"))
    process.interrupt()
    assert env.run(until=process) == "interrupted"
    settle(env)


def test_an_error_of_a_users_process_leaves_run(env: Any, rt: Any) -> None:
    def process() -> Generator[Any, Any, None]:
        yield env.timeout(0)
        raise Failure("of the user")

    env.process(process())
    with pytest.raises(Failure, match="of the user"):
        env.run()


def test_a_task_of_a_layer_is_logged_when_nobody_looked(env: Any, rt: Any, caplog: Any) -> None:
    async def flow() -> None:
        raise Failure("of a layer")

    rt.create_task(flow())
    settle(env)
    gc.collect()
    assert "nobody asked for" in caplog.text


def test_a_task_of_a_layer_whose_error_somebody_saw_is_not_logged(env: Any, rt: Any, caplog: Any) -> None:
    async def flow() -> None:
        await sleep_in(rt)
        raise Failure("of a layer")

    with pytest.raises(Failure):
        env.run(until=rt.create_task(flow()))

    def process() -> Generator[Any, Any, None]:
        with pytest.raises(Failure):
            yield rt.create_task(flow())

    run(env, process())
    gc.collect()
    assert caplog.text == ""


async def sleep_in(rt: Any) -> None:
    future = rt.create_future()
    rt.call_soon(future.set_result, None)
    await future


def test_a_callback_that_fails_is_logged_and_the_others_run(env: Any, rt: Any, caplog: Any) -> None:
    def fail(*_args: Any) -> None:
        raise Failure("in a callback")

    calls: list[int] = []
    future = rt.create_future()
    future.add_done_callback(fail)
    future.add_done_callback(lambda _future: calls.append(1))
    future.set_result(None)
    rt.call_soon(fail)
    rt.call_later(0, fail)
    rt.call_soon_threadsafe(fail)
    rt.call_later(0, calls.append, 2)
    settle(env)
    assert calls == [1, 2]
    assert caplog.text.count("a callback failed") == 4


# Giving up.


def test_an_interrupted_process_cancels_the_future_it_waited_for(env: Any, rt: Any) -> None:
    future = rt.create_future()
    process = interrupted_while_waiting_for(env, future)
    assert process.value == "interrupted"
    assert future.cancelled()


def test_an_interrupted_process_cancels_the_task_it_waited_for(env: Any, rt: Any) -> None:
    steps: list[str] = []

    async def flow() -> None:
        try:
            await rt.create_future()
        except Cancelled:
            steps.append("cancelled")
            raise

    task = Task(env, flow())
    interrupted_while_waiting_for(env, task)
    assert steps == ["cancelled"]
    assert task.cancelled()


@pytest.mark.parametrize("combine", ["one", "|", "&", "nested"])
def test_an_interrupted_process_cancels_what_it_waited_for_in_a_condition(
    env: Any, rt: Any, combine: str
) -> None:
    future, other = rt.create_future(), rt.create_future()
    never = env.event()
    if combine == "one":
        condition, futures = env.any_of([future]), [future]
    elif combine == "|":
        condition, futures = future | never, [future]
    elif combine == "&":
        condition, futures = future & never & other, [future, other]
    else:
        condition, futures = (future | never) & (never | other), [future, other]
    interrupted_while_waiting_for(env, condition)
    assert all(future.cancelled() for future in futures)
    assert not never.triggered


def test_a_process_that_waits_again_at_once_has_not_given_up(env: Any, rt: Any) -> None:
    future = rt.create_future()
    process = interrupted_while_waiting_for(env, future, lambda: future)
    assert not future.done()
    future.set_result("after all")
    settle(env)
    assert process.value == "after all"


@pytest.mark.parametrize("again", ["future", "condition", "other condition"])
def test_a_process_that_waits_for_a_part_again_at_once_has_not_given_it_up(
    env: Any, rt: Any, again: str
) -> None:
    future = rt.create_future()
    condition = future | env.event()
    nexts = {
        "future": lambda: future,
        "condition": lambda: condition,
        "other condition": lambda: env.timeout(5) | future,
    }
    process = interrupted_while_waiting_for(env, condition, nexts[again])
    assert not future.done()
    future.set_result("after all")
    settle(env)
    assert process.value == "after all" or dict(process.value.items()) == {future: "after all"}


def test_what_was_given_up_is_cancelled_for_who_comes_back_later(env: Any, rt: Any) -> None:
    for make in (lambda future: future, lambda future: future | env.event()):
        future = rt.create_future()
        event = make(future)
        interrupted_while_waiting_for(env, event)

        def late(event: Any = event) -> Generator[Any, Any, None]:
            with pytest.raises(Cancelled):
                yield event

        run(env, late())


def test_a_future_for_which_another_process_waits_is_not_cancelled(env: Any, rt: Any) -> None:
    future = rt.create_future()

    def other() -> Generator[Any, Any, Any]:
        return (yield future | env.event())

    process = env.process(other())
    interrupted_while_waiting_for(env, future)
    interrupted_while_waiting_for(env, future & env.event())
    assert not future.done()
    future.set_result("for the other")
    settle(env)
    assert process.value.todict() == {future: "for the other"}


def test_a_condition_for_which_another_process_waits_is_not_given_up(env: Any, rt: Any) -> None:
    future = rt.create_future()
    condition = future | env.event()

    def other() -> Generator[Any, Any, Any]:
        return (yield condition)

    process = env.process(other())
    interrupted_while_waiting_for(env, condition)
    assert not future.done()
    future.set_result(1)
    settle(env)
    assert process.processed


def test_events_of_simpy_alone_are_left_as_simpy_leaves_them(env: Any, rt: Any) -> None:
    event = env.event()
    condition = event | env.event()
    process = interrupted_while_waiting_for(env, condition, lambda: env.timeout(0.001))
    event.succeed("x")
    settle(env)
    assert condition.processed
    assert condition.value.todict() == {event: "x"}
    assert process.processed


def test_a_process_that_waits_for_a_process_gives_up_nothing_of_that(env: Any, rt: Any) -> None:
    future = rt.create_future()

    def inner() -> Generator[Any, Any, Any]:
        return (yield future)

    process = env.process(inner())
    interrupted_while_waiting_for(env, process)
    assert not future.done()
    future.set_result(7)
    settle(env)
    assert process.value == 7


def test_a_satisfied_condition_cancels_nothing(env: Any, rt: Any) -> None:
    def process() -> Generator[Any, Any, None]:
        future = rt.create_future()
        result = yield future | env.timeout(0.001)
        assert future not in result
        assert not future.done()
        rt.call_soon(future.set_result, "later")
        assert (yield future) == "later"
        given_up = rt.create_future()
        yield given_up | env.timeout(0.001)
        assert given_up.cancel()
        yield env.timeout(0)
        assert given_up.cancelled()

    run(env, process())


def test_an_interrupted_process_that_has_ended_before_is_as_in_simpy(env: Any, rt: Any) -> None:
    def short() -> Generator[Any, Any, None]:
        yield env.timeout(0)

    process = env.process(short())
    settle(env)
    with pytest.raises(RuntimeError, match="terminated"):
        process.interrupt()


def test_two_interrupts_at_once_are_as_in_simpy(env: Any, rt: Any) -> None:
    future = rt.create_future()
    causes: list[Any] = []

    def waiter() -> Generator[Any, Any, None]:
        for _ in range(2):
            try:
                yield future
            except Interrupt as interrupt:
                causes.append(interrupt.cause)

    process = env.process(waiter())
    settle(env)
    process.interrupt("one")
    process.interrupt("two")
    settle(env)
    assert causes == ["one", "two"]
    assert future.cancelled()


# Fetching.


@pytest.fixture
def inbox(rt: Any) -> Inbox[Any]:
    return Inbox(rt)


def fetch(env: Any, inbox: Inbox[Any]) -> Fetch[Any]:
    return Fetch(env, inbox.arrival, inbox.take)


def test_items_are_fetched_in_order_whoever_is_first(env: Any, rt: Any, inbox: Inbox[Any]) -> None:
    def process() -> Generator[Any, Any, None]:
        inbox.put(1)
        assert (yield fetch(env, inbox)) == 1
        rt.call_later(0.001, inbox.put, 2)
        rt.call_later(0.001, inbox.put, 3)
        assert (yield fetch(env, inbox)) == 2
        assert (yield fetch(env, inbox)) == 3
        inbox.end(Failure("end"))
        with pytest.raises(Failure, match="end"):
            yield fetch(env, inbox)

    run(env, process())


def test_a_fetch_that_nobody_waits_for_takes_nothing(env: Any, inbox: Inbox[Any]) -> None:
    idle = fetch(env, inbox)
    inbox.put("item")
    settle(env)
    assert len(inbox) == 1
    assert not idle.triggered
    assert env.run(until=idle) == "item"


@pytest.mark.parametrize("steps", [None, 0, 1])
def test_an_interrupted_fetch_takes_nothing_even_if_the_item_came_in_that_moment(
    env: Any, inbox: Inbox[Any], steps: int | None
) -> None:
    waiting = fetch(env, inbox)

    def waiter() -> Generator[Any, Any, str]:
        try:
            yield waiting
        except Interrupt:
            return "interrupted"
        raise AssertionError

    process = env.process(waiter())
    settle(env)
    if steps is None:
        process.interrupt()
    inbox.put("item")
    if steps is not None:
        for _ in range(steps):
            env.step()  # the fetch has been told, and has not handed it over
        process.interrupt()
    settle(env)
    assert process.value == "interrupted"
    assert waiting.cancelled()
    assert env.run(until=fetch(env, inbox)) == "item"


def test_an_interrupted_process_may_fetch_anew_at_once(env: Any, inbox: Inbox[Any]) -> None:
    process = interrupted_while_waiting_for(env, fetch(env, inbox), lambda: fetch(env, inbox))
    inbox.put("item")
    settle(env)
    assert process.value == "item"


def test_a_fetch_in_a_condition_takes_nothing_if_another_event_was_first(env: Any, inbox: Inbox[Any]) -> None:
    def process() -> Generator[Any, Any, None]:
        kept = fetch(env, inbox)
        assert kept not in (yield kept | env.timeout(0.001))
        assert not (yield fetch(env, inbox) | env.timeout(0.001, "nothing")).todict().keys() & {kept}
        inbox.put("item")
        yield env.timeout(0.001)
        assert len(inbox) == 1
        result = yield kept | env.timeout(5)
        assert result.todict() == {kept: "item"}
        assert (yield kept) == "item"

    run(env, process())


def test_a_second_receiver_is_refused(env: Any, inbox: Inbox[Any]) -> None:
    def waiter() -> Generator[Any, Any, Any]:
        return (yield fetch(env, inbox))

    first = env.process(waiter())
    settle(env)
    with pytest.raises(RuntimeError, match="another receiver"):
        env.run(until=fetch(env, inbox))
    inbox.put(1)
    settle(env)
    assert first.value == 1


def test_a_fetch_can_be_cancelled(env: Any, inbox: Inbox[Any]) -> None:
    def process() -> Generator[Any, Any, None]:
        given_up = fetch(env, inbox)
        rt_cancel = env.call_later(0.001, given_up.cancel)
        with pytest.raises(Cancelled):
            yield given_up
        assert rt_cancel.callbacks is None
        inbox.put(1)
        assert (yield fetch(env, inbox)) == 1

    run(env, process())


def test_a_flow_may_await_a_fetch(env: Any, rt: Any, inbox: Inbox[Any]) -> None:
    async def flow() -> Any:
        return await fetch(env, inbox)

    rt.call_later(0.001, inbox.put, "item")
    assert env.run(until=rt.create_task(flow())) == "item"


# What handlers return.


def adopted(env: Any, rt: Any, result: Any) -> Any:
    """Wait for what *result* becomes, and collect it if it is a stream."""

    async def flow() -> Any:
        value = rt.adopt(result)
        if isinstance(value, simpy.Event):
            value = await value
        if hasattr(value, "__anext__"):
            return [item async for item in value]
        return value

    task = Task(env, flow())
    env.run(until=task | env.timeout(LIMIT))
    return task.result()


def test_what_layers_know_is_adopted_as_it_is(env: Any, rt: Any) -> None:
    future = rt.create_future()
    for result in (1, None, "text", future):
        assert rt.adopt(result) is result


def test_a_generator_that_yields_events_is_a_process_with_a_result(env: Any, rt: Any) -> None:
    def handler() -> Generator[Any, Any, str]:
        assert env.active_process is not None
        assert env.active_process.name == "handler"
        assert (yield env.timeout(0.001, "value")) == "value"
        assert (yield Future(env) | env.timeout(0.001)) is not None
        event = env.event()
        env.call_soon(event.fail, Failure("of the event"))
        with pytest.raises(Failure, match="of the event"):
            yield event
        resource = simpy.PriorityResource(env)
        with resource.request(priority=0) as request:
            yield request
        return "result"

    assert adopted(env, rt, handler()) == "result"


def test_an_error_of_such_a_process_is_the_handlers(env: Any, rt: Any) -> None:
    def at_once() -> Generator[Any, Any, None]:
        raise Failure("no")
        yield

    def later() -> Generator[Any, Any, None]:
        yield env.timeout(0)
        raise Failure("no")

    for handler in (at_once, later):
        with pytest.raises(Failure, match="no"):
            adopted(env, rt, handler())
    settle(env)


def test_a_handler_that_wants_to_end_the_program_does_so_once(env: Any, rt: Any) -> None:
    def handler() -> Generator[Any, Any, None]:
        yield env.timeout(0)
        raise KeyboardInterrupt

    rt.adopt(handler())
    with pytest.raises(KeyboardInterrupt):
        settle(env)
    settle(env)


def test_a_generator_that_returns_at_once_gives_its_value(env: Any, rt: Any) -> None:
    def handler() -> Generator[Any, Any, str]:
        return "at once"
        yield

    assert adopted(env, rt, handler()) == "at once"


def test_the_first_item_makes_a_generator_a_stream(env: Any, rt: Any) -> None:
    def handler(early: bool) -> Generator[Any, Any, str]:
        if early:
            yield env.timeout(0.001)
        for number in range(5):
            yield number
            if number % 2:
                assert (yield env.timeout(0, "value")) == "value"
                assert env.active_process is not None
        return "is not sent"

    assert adopted(env, rt, handler(early=False)) == [0, 1, 2, 3, 4]
    assert adopted(env, rt, handler(early=True)) == [0, 1, 2, 3, 4]


def test_a_stream_goes_only_as_far_as_it_is_read(env: Any, rt: Any) -> None:
    made: list[int] = []
    closed: list[bool] = []

    def handler() -> Generator[Any, Any, None]:
        try:
            for number in range(100):
                made.append(number)
                yield number
        finally:
            closed.append(True)

    async def flow() -> None:
        stream = rt.adopt(handler())
        async for item in stream:
            assert made[-1] == item
            if item == 3:
                break
        await stream.aclose()
        assert closed == [True]

    env.run(until=Task(env, flow()))


def test_a_stream_that_is_closed_while_it_waits_for_an_event_is_closed_there(env: Any, rt: Any) -> None:
    closed: list[bool] = []
    awaited = rt.create_future()

    def handler() -> Generator[Any, Any, None]:
        try:
            yield 1
            yield awaited
        finally:
            closed.append(True)

    async def flow() -> None:
        stream = rt.adopt(handler())
        assert await anext(stream) == 1

        async def read() -> None:
            await anext(stream)

        task = rt.create_task(read())
        rt.call_later(0.001, task.cancel)
        with pytest.raises(Cancelled):
            await task
        await stream.aclose()

    env.run(until=Task(env, flow()))
    assert closed == [True]
    assert awaited.cancelled()


def test_an_error_after_items_is_raised_where_the_next_would_be(env: Any, rt: Any) -> None:
    def handler(wait: bool) -> Generator[Any, Any, None]:
        yield 1
        if wait:
            yield env.timeout(0)
        raise Failure("in the stream")

    for wait in (True, False):

        async def flow(wait: bool = wait) -> None:
            stream = rt.adopt(handler(wait))
            assert await anext(stream) == 1
            with pytest.raises(Failure, match="in the stream"):
                await anext(stream)

        env.run(until=Task(env, flow()))


def test_a_cancelled_handler_is_interrupted(env: Any, rt: Any) -> None:
    seen: list[Any] = []

    def handler() -> Generator[Any, Any, None]:
        try:
            yield env.event()
        except Interrupt as interrupt:
            seen.append(interrupt.cause)

    task = rt.adopt(handler())
    settle(env)
    task.cancel()
    settle(env)
    assert task.cancelled()
    assert seen == ["the handler was cancelled"]


def test_an_event_as_a_result_is_waited_for(env: Any, rt: Any) -> None:
    def process() -> Generator[Any, Any, str]:
        yield env.timeout(0.001)
        return "of a process"

    assert adopted(env, rt, env.timeout(0.001, "of a timeout")) == "of a timeout"
    assert adopted(env, rt, env.process(process())) == "of a process"
    failing = env.event()
    env.call_soon(failing.fail, Failure("of an event"))
    with pytest.raises(Failure, match="of an event"):
        adopted(env, rt, failing)


def test_a_future_of_an_event_that_is_given_up_leaves_the_event_alone(env: Any) -> None:
    event = env.event()
    future = as_future(env, event)
    future.cancel()
    settle(env)
    assert event.callbacks == []
    event.succeed()
    settle(env)
    assert env.run(until=as_future(env, event)) is None
    assert as_future(env, future) is future


# The runtime and its environment.


def test_an_environment_has_one_runtime(env: Any) -> None:
    assert simpy_runtime(env) is simpy_runtime(env)
    other = make_environment()
    assert simpy_runtime(other) is not simpy_runtime(env)
    other.close()


def test_simpys_own_environment_is_refused_with_advice() -> None:
    with pytest.raises(TypeError, match=r"junto\.simpy\.Environment\(\)"):
        simpy_runtime(simpy.Environment())


def test_names_are_looked_up_in_another_thread(env: Any, rt: Any) -> None:
    def look_up() -> str:
        return threading.current_thread().name

    def fail() -> None:
        raise OSError("unknown")

    assert env.run(until=rt.resolve(look_up)) == "junto-resolver"
    with pytest.raises(OSError, match="unknown"):
        env.run(until=rt.resolve(fail))


def test_run_does_not_end_while_a_worker_is_at_work(env: Any, rt: Any) -> None:
    go = threading.Event()
    results: list[Any] = []
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        future = rt.call_in_worker(lambda: go.wait(LIMIT), pool=pool)
        future.add_done_callback(lambda future: results.append(future.result()))
        timer = threading.Timer(0.02, go.set)
        timer.start()
        env.run()
        timer.join()
    assert results == [True]


def test_run_ends_when_timers_were_cancelled(env: Any, rt: Any) -> None:
    rt.call_later(1000, print).cancel()
    env.run()


def test_a_cancelled_timer_does_not_run(env: Any, rt: Any) -> None:
    calls: list[str] = []
    timer = rt.call_later(0.001, calls.append, "never")
    rt.call_soon(timer.cancel)
    settle(env)
    assert calls == []


def test_closing_the_environment_closes_sockets_at_once(env: Any, rt: Any) -> None:
    class Silent:
        lost = 0

        def connection_made(self, transport: Any) -> None:
            self.transport = transport

        def data_received(self, data: bytes) -> None: ...
        def eof_received(self) -> None: ...
        def pause_writing(self) -> None: ...
        def resume_writing(self) -> None: ...
        def connection_lost(self, error: Any) -> None:
            self.lost += 1

    async def flow() -> None:
        ends.append(Silent())
        listener = await rt.listen(Address("tcp", "127.0.0.1"), ends[0].__class__)
        await rt.connect(listener.address, lambda: ends[0])

    ends: list[Silent] = []
    env.run(until=Task(env, flow()))
    sock = ends[0].transport.get_extra_info("socket")
    assert sock.fileno() >= 0
    env.close()
    assert sock.fileno() == -1
    assert ends[0].lost == 1
    env.close()


def test_an_asyncio_loop_is_asked_for_one_turn_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    turns: list[float] = []
    env = make_environment("asyncio")
    assert isinstance(env, AsyncioEnvironment)
    turn = env._turn
    monkeypatch.setattr(env, "_turn", lambda: (turns.append(env.now), turn()))

    def process() -> Generator[Any, Any, None]:
        for _ in range(30):
            yield env.timeout(0.0001)
            yield env.timeout(0)

    env.run(until=env.process(process()))
    env.close()
    assert len(turns) < 200
