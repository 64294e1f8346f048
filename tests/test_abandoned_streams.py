"""What becomes of a stream whose reader can ask for no more."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from junto import ConnectionLost, RemoteError, aio, expose, sync
from junto.streaming import WINDOW

BOUND = 30.0


class Numbers:
    def __init__(self) -> None:
        self.closed = threading.Event()

    @expose
    def count(self, n: int) -> Iterator[int]:
        try:
            yield from range(n)
        finally:
            self.closed.set()


@pytest.fixture
def numbers() -> Numbers:
    return Numbers()


@pytest.fixture
def url(numbers: Numbers) -> Iterator[str]:
    with sync.serve(numbers, "tcp://127.0.0.1:0") as server:
        server.start_thread()
        yield str(server.addresses[0])


@pytest.mark.parametrize("read", [0, 1, WINDOW // 2, WINDOW, 100])
def test_the_generator_is_closed_when_the_reader_leaves_without_a_word(
    read: int, url: str, numbers: Numbers
) -> None:
    with sync.connect(url) as peer:
        stream = peer.remote.count(1_000_000, timeout=BOUND)
        assert [next(stream) for _ in range(read)] == list(range(read))
    assert numbers.closed.wait(BOUND)


def test_it_is_so_in_asyncio_too() -> None:
    numbers = Numbers()

    async def main() -> None:
        async with aio.serve(numbers, "tcp://127.0.0.1:0") as server:
            async with aio.connect(server.addresses[0]) as peer:
                stream = await peer.remote.count(1_000_000)
                assert await anext(stream) == 0
            assert await asyncio.to_thread(numbers.closed.wait, BOUND)

    asyncio.run(main())


def test_a_reader_that_half_closes_gets_what_it_had_asked_for(url: str, numbers: Numbers) -> None:
    with sync.connect(url) as peer:
        stream = peer.remote.count(WINDOW, timeout=BOUND)
        peer.channel.half_close()
        assert list(stream) == list(range(WINDOW))
    assert numbers.closed.wait(BOUND)


def test_a_stream_that_is_longer_fails_then(url: str, numbers: Numbers) -> None:
    with sync.connect(url) as peer:
        stream = peer.remote.count(WINDOW + 1, timeout=BOUND)
        peer.channel.half_close()
        assert [next(stream) for _ in range(WINDOW)] == list(range(WINDOW))
        with pytest.raises((RemoteError, ConnectionLost)):
            next(stream)
    assert numbers.closed.wait(BOUND)
