from __future__ import annotations

import _thread
import threading
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue

import pytest

from .fake_host import FakeHost, on


def test_threads_are_named_from_one_on_each_host() -> None:
    for host in (FakeHost("n1"), FakeHost("n2")):
        with on(host):
            assert [threading.Thread().name for _ in range(3)] == ["Thread-1", "Thread-2", "Thread-3"]
            assert ThreadPoolExecutor()._thread_name_prefix == "ThreadPoolExecutor-0"
            assert ThreadPoolExecutor()._thread_name_prefix == "ThreadPoolExecutor-1"


def test_a_new_process_counts_from_the_start(host: FakeHost) -> None:
    with on(host):
        threading.Thread()
        host.process = {}
        assert threading.Thread().name == "Thread-1"


@pytest.mark.parametrize(
    "make", [lambda: threading.Thread().name, lambda: ThreadPoolExecutor()._thread_name_prefix]
)
def test_hosts_do_not_count_for_the_process(host: FakeHost, make: object) -> None:
    assert callable(make)
    before = make()
    with on(host):
        make()
    prefix, _, number = before.rpartition("-")
    assert make() == f"{prefix}-{int(number) + 1}"


def test_whatever_thread_runs_a_loop_is_the_main_thread_of_its_process(host: FakeHost) -> None:
    found: SimpleQueue[threading.Thread] = SimpleQueue()

    def main() -> None:
        with on(host):
            found.put(threading.current_thread())

    _thread.start_new_thread(main, ())
    assert found.get(timeout=10) is threading.main_thread()
    with on(host):
        assert threading.Thread().name == "Thread-1"
