"""Stress for leader and followers: sixteen threads do what comes to their minds.

The property: **nobody sleeps while there is no leader.** A watchman looks for it under the runtime's lock the
whole time. Beside it: every wait ends (none is missed), with what it should end with.

    python tests/runtimes/test_leader_followers.py --seconds 180 [--seed 7]
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import functools
import logging
import random
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from junto.address import Address
from junto.errors import ConnectionLost, LocalProtocolError, RequestTimeout
from junto.runtimes.polling import EpollPoller, SelectorPoller
from junto.runtimes.tasks import settle
from junto.runtimes.threads import Cancelled, Future, ThreadsRuntime

THREADS = 16
LIMIT = 20.0  # seconds: a wait that takes so long hangs


class Failure(Exception):
    pass


class Peer:
    """Answers each byte by the same byte, and knows who waits for which."""

    def __init__(self, runtime: ThreadsRuntime) -> None:
        self.runtime = runtime
        self.waiting: collections.deque[Future[bytes]] = collections.deque()
        self.transport: Any = None
        self.lost = False

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:
        return self.runtime.read_buffer

    def buffer_updated(self, nbytes: int) -> None:
        for byte in bytes(self.runtime.read_buffer[:nbytes]):
            future = self.waiting.popleft()
            if not future.done():
                future.set_result(bytes([byte]))

    def eof_received(self) -> None: ...
    def pause_writing(self) -> None: ...
    def resume_writing(self) -> None: ...

    def connection_lost(self, error: Exception | None) -> None:
        self.lost = True
        for future in self.waiting:
            if not future.done():
                future.set_exception(ConnectionLost("gone"))

    def ask(self, data: bytes) -> Future[bytes]:
        future = self.runtime.create_future()
        if self.lost or self.transport.is_closing():
            future.set_exception(ConnectionLost("gone"))
        else:
            self.waiting.append(future)
            self.transport.write(data)
        return future


def _same(peer: Peer) -> Peer:
    return peer


class Echo:
    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)

    def eof_received(self) -> None: ...
    def pause_writing(self) -> None: ...
    def resume_writing(self) -> None: ...
    def connection_lost(self, error: Exception | None) -> None: ...


class Deed:
    """What one thread may do, again and again, on one runtime."""

    def __init__(self, runtime: ThreadsRuntime, address: Address, chance: random.Random) -> None:
        self.runtime = runtime
        self.address = address
        self.chance = chance
        self.peer = self.connect()
        self.deeds: list[tuple[int, Callable[[], None]]] = [
            (40, self.request),
            (10, self.request_with_timeout),
            (10, self.wait_for_a_timer),
            (10, self.time_out),
            (10, self.flow),
            (5, self.settle_for_another),
            (5, self.fail),
            (5, self.call_in_from_outside),
            (5, self.plain_call),
            (3, self.failing_callback),
            (3, self.refused),
            (3, self.cancel),
            (3, self.reconnect),
            (1, self.pump),
            (1, self.interrupt),
        ]
        self.weights = [weight for weight, _ in self.deeds]

    def one(self) -> None:
        self.chance.choices(self.deeds, self.weights)[0][1]()

    def connect(self) -> Peer:
        while True:
            peer = Peer(self.runtime)
            factory = functools.partial(_same, peer)
            try:
                self.runtime.wait(self.runtime.connect(self.address, factory), timeout=LIMIT)
            except KeyboardInterrupt:
                continue  # from somebody's `interrupt`
            return peer

    def request(self) -> None:
        byte = self.chance.randbytes(1)
        assert self.runtime.call(self.peer.ask, byte) == byte

    def request_with_timeout(self) -> None:
        byte = self.chance.randbytes(1)

        async def flow() -> bytes:
            return await self.peer.ask(byte)

        try:
            assert self.runtime.wait(flow(), timeout=self.chance.random() * 0.003) == byte
        except RequestTimeout:
            pass

    def wait_for_a_timer(self) -> None:
        self.runtime.call(self.later, self.chance.random() * 0.003)

    def later(self, delay: float) -> Future[None]:
        future = self.runtime.create_future()
        self.runtime.call_later(delay, future.set_result, None)
        return future

    def time_out(self) -> None:
        future = self.runtime.create_future()
        with pytest.raises(RequestTimeout):
            self.runtime.wait(future, timeout=self.chance.random() * 0.002)
        assert future.cancelled()

    def flow(self) -> None:
        async def flow() -> int:
            await self.later(self.chance.random() * 0.001)
            task = self.runtime.create_task(inner())
            return await task + 1

        async def inner() -> int:
            await self.peer.ask(b"f")
            return 41

        assert self.runtime.wait(flow()) == 42

    def settle_for_another(self) -> None:
        """One thread waits, another settles: from under the lock, or from outside."""
        future = self.runtime.create_future()
        if self.chance.random() < 0.5:
            thread = threading.Thread(target=self.runtime.call_soon_threadsafe, args=(future.set_result, 5))
        else:
            thread = threading.Thread(target=self.settle, args=(future,))
        thread.start()
        try:
            assert self.runtime.wait(future, timeout=LIMIT) == 5
        finally:
            thread.join()

    def settle(self, future: Future[int]) -> None:
        with contextlib.suppress(ConnectionLost):
            while not future.done():
                with contextlib.suppress(KeyboardInterrupt):  # from somebody's `interrupt`
                    self.runtime.call(settle, future, 5)

    def fail(self) -> None:
        future = self.runtime.create_future()
        self.runtime.call_soon_threadsafe(future.set_exception, Failure())
        with pytest.raises(Failure):
            self.runtime.wait(future)
        with pytest.raises(Failure):
            self.runtime.call(self.raise_failure)

    def raise_failure(self) -> None:
        raise Failure

    def call_in_from_outside(self) -> None:
        future = self.runtime.create_future()
        timer = threading.Timer(0.001, self.runtime.call_soon_threadsafe, [future.set_result, None])
        timer.start()
        try:
            self.runtime.wait(future, timeout=LIMIT)
        finally:
            timer.join()

    def plain_call(self) -> None:
        assert self.runtime.call(lambda: "plain") == "plain"

    def failing_callback(self) -> None:
        self.runtime.call(self.runtime.call_soon, self.raise_failure)

    def refused(self) -> None:
        def callback() -> None:
            with pytest.raises(LocalProtocolError):
                self.runtime.wait(self.later(0))

        self.runtime.call(callback)

    def cancel(self) -> None:
        future = self.runtime.create_future()
        self.runtime.call_soon_threadsafe(future.cancel)
        with pytest.raises(Cancelled):
            self.runtime.wait(future)

    def reconnect(self) -> None:
        if self.chance.random() < 0.5:
            self.runtime.call(self.peer.transport.abort)
        else:
            self.runtime.call(self.peer.transport.close)
        with pytest.raises(ConnectionLost):
            self.runtime.call(self.peer.ask, b"?")
        self.peer = self.connect()

    def pump(self) -> None:
        self.runtime.serve_forever(self.later_from_outside(0.005))

    def later_from_outside(self, delay: float) -> Future[None]:
        future: Future[None] = self.runtime.call(lambda: [self.later(delay)])[0]
        return future

    def interrupt(self) -> None:
        """End the program from inside a callback, as Ctrl-C may; whoever runs it must hand over."""

        def callback() -> None:
            raise KeyboardInterrupt

        self.runtime.call_soon_threadsafe(callback)
        self.request()


class Watchman(threading.Thread):
    """Looks for sleepers without a leader, under the lock."""

    def __init__(self, runtime: ThreadsRuntime) -> None:
        super().__init__(name="watchman")
        self.runtime = runtime
        self.ended = threading.Event()
        self.looks = 0
        self.found: list[str] = []

    def run(self) -> None:
        while not self.ended.wait(0.0005):
            runtime = self.runtime
            with runtime._lock:
                self.looks += 1
                if runtime._followers and not runtime._leader:
                    self.found.append(f"{len(runtime._followers)} sleep and nobody leads")
                idents = [seat.ident for seat in runtime._followers]
                if len(set(idents)) != len(idents) or runtime._leader in idents:
                    self.found.append("a thread is in two places")
                if any(seat.future.done() for seat in runtime._followers):
                    self.found.append("a thread sleeps although its future is done")


def stress(seed: int, seconds: float, *, selectors: bool = False, threads: int = THREADS) -> tuple[int, int]:
    """Run one world of threads; return how much was done and how often it was looked at."""
    chance = random.Random(seed)
    server = ThreadsRuntime()
    listener = server.call(server.listen, Address("tcp", "127.0.0.1"), Echo)
    server.start_thread("server")
    runtime = ThreadsRuntime(SelectorPoller() if selectors else EpollPoller())
    if chance.random() < 0.3:
        runtime.start_thread("pump")
    watchman = Watchman(runtime)
    watchman.start()
    end = time.monotonic() + seconds
    done = [0] * threads
    errors: list[BaseException] = []

    def work(number: int, seed: int) -> None:
        try:
            deed = Deed(runtime, listener.address, random.Random(seed))
            while time.monotonic() < end + 0.2:
                try:
                    deed.one()
                except KeyboardInterrupt:
                    pass  # somebody's `interrupt`, met by chance
                done[number] += 1
        except ConnectionLost:
            if not runtime._closed:
                raise
        except BaseException as error:
            errors.append(error)

    workers = [
        threading.Thread(
            target=work, args=(number, chance.getrandbits(32)), name=f"worker {number}", daemon=True
        )
        for number in range(threads)
    ]
    for worker in workers:
        worker.start()
    time.sleep(max(0.0, end - time.monotonic()))
    with contextlib.suppress(KeyboardInterrupt):  # from somebody's `interrupt`
        runtime.close()  # while all of them are at work
    runtime.close()
    for worker in workers:
        worker.join(LIMIT)
    hanging = [worker for worker in workers if worker.is_alive()]
    watchman.ended.set()
    watchman.join()
    server.close()
    for worker in hanging:
        frame = sys._current_frames().get(worker.ident or 0)
        errors.append(AssertionError(f"{worker.name} hangs in {frame}"))
    assert not watchman.found, f"seed {seed}: {watchman.found[:3]}"
    if errors:
        raise AssertionError(f"seed {seed}: {errors[:5]}") from errors[0]
    return sum(done), watchman.looks


@pytest.mark.parametrize("selectors", [False, True], ids=["epoll", "selectors"])
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnhandledThreadExceptionWarning"
)  # KeyboardInterrupt in the pump
def test_nobody_sleeps_while_there_is_no_leader(seed: int, selectors: bool) -> None:
    logging.getLogger("junto").setLevel(logging.CRITICAL)
    try:
        done, looks = stress(seed, 0.5, selectors=selectors)
    finally:
        logging.getLogger("junto").setLevel(logging.NOTSET)
    assert done > 0
    assert looks > 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    logging.getLogger("junto").setLevel(logging.CRITICAL)
    threading.excepthook = lambda args: None
    seed = random.SystemRandom().getrandbits(32) if options.seed is None else options.seed
    end = time.monotonic() + options.seconds
    total = looks = rounds = 0
    while time.monotonic() < end:
        done, looked = stress(
            seed,
            random.Random(seed).uniform(0.1, 2.0),
            selectors=bool(seed % 4 == 0),
            threads=2 + seed % (THREADS - 1),
        )
        total, looks, rounds, seed = total + done, looks + looked, rounds + 1, seed + 1
    sys.stdout.write(
        f"{total:,} deeds in {rounds} worlds, looked at {looks:,} times: nobody slept without a leader\n"
    )


if __name__ == "__main__":
    main()
