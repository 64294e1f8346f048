from __future__ import annotations

import threading
from typing import Any

import pytest

from junto.vsoa.workqueues import WorkQueue

WAIT = 10.0


def test_jobs_are_done_in_their_order_in_another_thread() -> None:
    queue = WorkQueue()
    done: list[Any] = []
    queue.add(done.append, ("a",))
    queue.add(done.append, "b")
    queue.add(lambda *args, **kwargs: done.append((args, kwargs)), args=1, kwargs={"k": 2})
    queue.add(lambda: done.append(threading.current_thread().daemon))
    queue.shutdown()
    assert done == ["a", "b", ((1,), {"k": 2}), True]
    with pytest.raises(RuntimeError):
        queue.add(print)


def test_a_job_that_fails_ends_nothing(caplog: Any) -> None:
    queue = WorkQueue()
    queue.add(lambda: 1 / 0)
    result = queue.submit(lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        result.result(WAIT)
    assert queue.submit(int, "5").result(WAIT) == 5
    queue.shutdown()
    assert caplog.text.count("a job of a work queue failed") == 1


def test_jobs_that_wait_can_be_found_and_taken_out() -> None:
    queue = WorkQueue()
    begun, go = threading.Event(), threading.Event()
    done: list[int] = []

    def block() -> None:
        begun.set()
        go.wait(WAIT)

    def job(number: int) -> None:
        done.append(number)

    queue.add(block)
    assert begun.wait(WAIT)
    assert not queue.is_queued(block)
    assert not queue.delete(block)
    assert queue.add_if_not_queued(job, (1,))
    assert not queue.add_if_not_queued(job, (2,))
    queue.add(job, (3,))
    assert queue.is_queued(job)
    assert queue.delete(job)
    cancelled = queue.submit(job, 4)
    assert cancelled.cancel()
    go.set()
    queue.shutdown()
    assert done == [3]


def test_what_waits_can_be_cancelled_at_the_end() -> None:
    queue = WorkQueue()
    go = threading.Event()
    queue.add(go.wait, WAIT)
    waiting = queue.submit(print)
    queue.shutdown(wait=False, cancel_futures=True)
    assert waiting.cancelled()
    go.set()
    queue.shutdown()
    WorkQueue().shutdown()
