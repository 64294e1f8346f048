"""Work queues: jobs in a thread of their own, one after the other."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar

__all__ = ["WorkQueue"]

logger = logging.getLogger("junto")

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(eq=False)
class _Job:
    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    future: Future[Any] = field(default_factory=Future)
    logged: bool = True

    def run(self) -> None:
        if not self.future.set_running_or_notify_cancel():
            return
        try:
            result = self.function(*self.args, **self.kwargs)
        except BaseException as error:
            if self.logged:
                logger.error("a job of a work queue failed", exc_info=error)
            self.future.set_exception(error)
        else:
            self.future.set_result(result)


class WorkQueue(Executor):
    """Does jobs in one daemon thread, in their order; one that fails disturbs no other.

    It is an executor too, so that commands can run in it: ``server.command("/a", pool=queue)``.
    """

    def __init__(self) -> None:
        self._jobs: deque[_Job] = deque()
        self._changed = threading.Condition()  # of a lock that its holder may take again
        self._thread: threading.Thread | None = None
        self._ended = False

    def add(
        self, function: Callable[..., Any], args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> None:
        """Add a job.

        Args:
            function: What to call.
            args: Its arguments by place; what is neither a tuple nor a list is one argument.
            kwargs: Its arguments by name.

        Raises:
            RuntimeError: The queue was shut down.
        """
        self._put(_Job(function, _as_args(args), dict(kwargs or {})))

    def add_if_not_queued(
        self, function: Callable[..., Any], args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> bool:
        """Add a job unless one with this function waits; tells whether it was added. As `add`."""
        with self._changed:
            if self.is_queued(function):
                return False
            self.add(function, args, kwargs)
            return True

    def _put(self, job: _Job) -> None:
        with self._changed:
            if self._ended:
                raise RuntimeError("this work queue was shut down")
            self._jobs.append(job)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="junto-work", daemon=True)
                self._thread.start()
            self._changed.notify()

    def delete(self, function: Callable[..., Any]) -> bool:
        """Take out the oldest job with this function that waits; tells whether there was one."""
        with self._changed:
            for job in self._jobs:
                if job.function == function:
                    self._jobs.remove(job)
                    job.future.cancel()
                    return True
        return False

    def is_queued(self, function: Callable[..., Any]) -> bool:
        """Tell whether a job with this function waits; the one that is done just now does not."""
        with self._changed:
            return any(job.function == function for job in self._jobs)

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Add a job, and give the future of its result; as `add`."""
        job = _Job(fn, args, kwargs, logged=False)
        self._put(job)
        return job.future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more jobs; end the thread when those that wait are done, or cancelled."""
        with self._changed:
            self._ended = True
            if cancel_futures:
                while self._jobs:
                    self._jobs.popleft().future.cancel()
            self._changed.notify()
        thread = self._thread
        if wait and thread is not None and thread is not threading.current_thread():
            thread.join()

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._jobs:
                    if self._ended:
                        return
                    self._changed.wait()
                job = self._jobs.popleft()
            job.run()
            del job  # nor what it holds, until the next one


def _as_args(args: Any) -> tuple[Any, ...]:
    return tuple(args) if isinstance(args, tuple | list) else (args,)
