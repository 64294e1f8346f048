"""Many seeds on all cores, up to the lowest that fails.

What is found does not depend on how many processes search, nor on which is the fastest: a failure counts when
all lower seeds have been run.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import TypeAlias

from junto.sim.running_here import Here
from junto.sim.summaries import Tally
from junto.sim.workers import MakeWorker, Worker

__all__ = ["Progress", "Search", "Tell", "cores", "search"]

_AT_ONCE = 0.2  # real seconds of work that a process is given at a time
# Starting processes takes long itself: it is worth it after so many real seconds of work, with so many left.
_TRIED = 0.5
_WORTH = 1.5


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a search is.

    Attributes:
        seeds: How many seeds were run.
        total: How many there are to run; None if a time decides.
        rate: How many seeds per second.
        virtual_seconds: How long the runs took in their worlds.
        eta: In how many seconds it will end.
    """

    seeds: int
    total: int | None
    rate: float
    virtual_seconds: float
    eta: float

    def __str__(self) -> str:
        of = "" if self.total is None else f" of {self.total:,}"
        return (
            f"{self.seeds:,}{of} seeds, {self.rate:,.0f} seeds/s, "
            f"{self.virtual_seconds:,.0f} virtual seconds, {self.eta:.0f} s to go"
        )


Tell: TypeAlias = Callable[[Progress], object]


@dataclass(frozen=True, slots=True)
class Search:
    """What a search has found.

    Attributes:
        tally: What the runs came to, up to the lowest seed that failed.
        seconds: The real time it took.
        jobs: How many processes searched.
        hash_seed: That of the process in which the failure was found; None if
            no other can have the same.
    """

    tally: Tally
    seconds: float
    jobs: int
    hash_seed: str | None


def cores() -> int:
    """Tell how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def search(
    here: Here,
    seeds: Sequence[int],
    *,
    first: Iterable[int] = (),
    make_worker: MakeWorker | None = None,
    jobs: int = 1,
    budget: float | None = None,
    hash_seed: str = "0",
    own_hash_seed: str | None = None,
    eager: bool = False,
    tell: Tell | None = None,
) -> Search:
    """Run seeds until one fails, all have been run or the time is over.

    Args:
        here: Makes runs in this process.
        seeds: The seeds; of those that fail the one that comes first counts.
        first: Seeds that are run before all others, such as those that failed before.
        make_worker: Starts processes that make runs; None if there is no way to.
        jobs: How many of them; they are not started for what is soon done here.
        budget: For how many real seconds to search.
        hash_seed: The hash seed of the processes.
        own_hash_seed: That of this process, if another one can have it.
        eager: Whether to leave all runs to processes, from the first one on.
        tell: Is told of the progress now and then.

    Raises:
        WorkerLost: A process has ended in the middle of a run.
    """
    began = monotonic()
    end = None if budget is None else began + budget
    watch = _Watch(began, len(seeds) if budget is None else None, end, tell)
    known = here.try_seeds([*dict.fromkeys(first)])
    watch.add(known)
    done: list[tuple[int, Tally]] = [(-1, known)]
    place = 0
    step = 1

    def found(jobs: int, hash_seed: str | None) -> Search:
        return Search(Tally.sum(tally for _, tally in done), monotonic() - began, jobs, hash_seed)

    if known.failed:
        return found(1, own_hash_seed)
    while place < len(seeds) and not (eager and make_worker):
        before = monotonic()
        tally = here.try_seeds(seeds[place : place + step], end)
        taken = monotonic() - before
        done.append((place, tally))
        place += tally.seeds
        watch.add(tally)
        if tally.failed or (end is not None and monotonic() >= end):
            return found(1, own_hash_seed)
        step = _next_step(tally.seeds, taken)
        left = (len(seeds) - place) * taken / max(tally.seeds, 1)
        if end is not None:
            left = min(left, end - monotonic())
        if make_worker is not None and jobs > 1 and left > _WORTH and monotonic() - began > _TRIED:
            break
    if place >= len(seeds) or make_worker is None:
        return found(1, own_hash_seed)
    done += _Pool(seeds, place, make_worker, hash_seed, end, watch).run(jobs)
    return found(jobs, hash_seed)


def _next_step(seeds: int, taken: float) -> int:
    return max(1, min(int(seeds * _AT_ONCE / max(taken, 1e-4)), 4 * seeds, 5000))


class _Watch:
    """Counts what is done, and tells of it."""

    def __init__(self, began: float, total: int | None, end: float | None, tell: Tell | None) -> None:
        self._began = began
        self._total = total
        self._end = end
        self._tell = tell
        self._told = began
        self._seeds = 0
        self._virtual = 0.0

    def add(self, tally: Tally) -> None:
        self._seeds += tally.seeds
        self._virtual += tally.virtual_seconds
        now = monotonic()
        if self._tell is None or now - self._told < 0.5:
            return
        self._told = now
        rate = self._seeds / max(now - self._began, 1e-9)
        ends = []
        if self._total is not None:
            ends.append((self._total - self._seeds) / max(rate, 1e-9))
        if self._end is not None:
            ends.append(self._end - now)
        self._tell(Progress(self._seeds, self._total, rate, self._virtual, max(min(ends), 0.0)))


class _Pool:
    """Processes that share the seeds among them."""

    def __init__(
        self,
        seeds: Sequence[int],
        place: int,
        make_worker: MakeWorker,
        hash_seed: str,
        end: float | None,
        watch: _Watch,
    ) -> None:
        self._seeds = seeds
        self._next = place
        self._last = len(seeds)  # places from here on need not be run any more
        self._make_worker = make_worker
        self._hash_seed = hash_seed
        self._end = end
        self._watch = watch
        self._lock = threading.Lock()
        self._news: queue.SimpleQueue[tuple[int, Tally] | BaseException | None] = queue.SimpleQueue()

    def run(self, jobs: int) -> list[tuple[int, Tally]]:
        """Let *jobs* processes run the seeds; returns what each part came to, in order."""
        workers = [self._make_worker(self._hash_seed) for _ in range(jobs)]
        threads = [threading.Thread(target=self._feed, args=(worker,), daemon=True) for worker in workers]
        for thread in threads:
            thread.start()
        done: list[tuple[int, Tally]] = []
        try:
            running = jobs
            while running:
                news = self._news.get()
                if news is None:
                    running -= 1
                elif isinstance(news, BaseException):
                    raise news
                else:
                    done.append(news)
                    self._watch.add(news[1])
        finally:
            with self._lock:
                self._last = 0
            for worker in workers:
                worker.close()
            for thread in threads:
                thread.join()
        done.sort(key=lambda part: part[0])
        counted = []
        for part in done:
            counted.append(part)
            if part[1].failed:
                break
        return counted

    def _feed(self, worker: Worker) -> None:
        step = 1
        try:
            while (part := self._take(step)) is not None:
                place, seeds = part
                began = monotonic()
                tally = worker.try_seeds(seeds, self._end)
                self._news.put((place, tally))
                if tally.failed:
                    with self._lock:
                        self._last = min(self._last, place)
                step = _next_step(max(tally.seeds, 1), monotonic() - began)
        except BaseException as error:
            self._news.put(error)
        else:
            self._news.put(None)

    def _take(self, step: int) -> tuple[int, Sequence[int]] | None:
        with self._lock:
            if self._next >= self._last or (self._end is not None and monotonic() >= self._end):
                return None
            place = self._next
            self._next = min(place + step, self._last)
            return place, self._seeds[place : self._next]
