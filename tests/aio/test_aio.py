"""The asyncio flavour: what it adds to the layers, which the conformance scenarios test."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any

import pytest
import uvloop

from junto import ServiceDict, aio, expose
from junto.errors import ConnectionFailed, ConnectionLost, RemoteError, RequestTimeout

HERE = "tcp://127.0.0.1:0"
LIMIT = 10.0

Main = Callable[[], Coroutine[Any, Any, Any]]


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Callable[[Main], Any]:
    """Run a coroutine function on either loop, after which no task may be left."""

    def go(main: Main) -> Any:
        async def bounded() -> Any:
            async with asyncio.timeout(LIMIT):
                result = await main()
                for _ in range(500):
                    if len(asyncio.all_tasks()) == 1:
                        break
                    await asyncio.sleep(0.002)
                assert len(asyncio.all_tasks()) == 1, asyncio.all_tasks()
                return result

        with asyncio.Runner(loop_factory=request.param, debug=False) as runner:
            return runner.run(bounded())

    return go


class Math:
    def __init__(self) -> None:
        self.closed = 0

    @expose
    def add(self, a: int, b: int) -> int:
        return a + b

    @expose
    async def slow(self, seconds: float) -> str:
        await asyncio.sleep(seconds)
        return "done"

    @expose
    def count(self, to: int) -> Iterator[int]:
        try:
            yield from range(to)
        finally:
            self.closed += 1

    @expose
    async def count_slowly(self, to: int) -> AsyncIterator[int]:
        try:
            for number in range(to):
                await asyncio.sleep(0)
                yield number
        finally:
            self.closed += 1


def test_the_first_example_of_the_readme(run: Any) -> None:
    async def main() -> None:
        async with aio.serve(Math(), HERE) as server, aio.connect(server.addresses[0]) as peer:
            assert await peer.remote.add(3, 4, timeout=1.0) == 7

    run(main)


def test_what_opens_something_may_be_awaited_instead(run: Any) -> None:
    async def main() -> None:
        server = await aio.serve_channels(lambda content: content, HERE)
        channel = await aio.open_channel(server.addresses[0])
        assert await channel.request("x") == "x"
        await channel.close()
        await server.close()
        server2 = await aio.serve(Math(), HERE)
        peer = await aio.connect(server2.addresses[0])
        assert await peer.ping() >= 0
        await peer.close()
        await server2.close()

    run(main)


def test_an_opening_that_is_never_used_complains_as_any_coroutine(run: Any) -> None:
    async def main() -> None:
        with pytest.warns(RuntimeWarning, match="never awaited"):  # noqa: PT031
            aio.connect("tcp://127.0.0.1:1")
            gc.collect()

    run(main)


def test_an_opening_that_fails_inside_async_with_raises_what_went_wrong(run: Any) -> None:
    async def main() -> None:
        with pytest.raises(ConnectionFailed):
            async with aio.connect("unix:///nowhere/at/all"):
                raise AssertionError("never entered")
        with pytest.raises(ValueError):
            async with aio.connect("nonsense"):
                raise AssertionError("never entered")
        with pytest.raises(ValueError):
            aio.connect(HERE, max_pending=0)
        with pytest.raises(TypeError):
            aio.connect(HERE, no_such_option=1)  # type: ignore[call-overload, unused-ignore, call-arg]

    run(main)


def test_functions_need_a_running_loop() -> None:
    with pytest.raises(RuntimeError):
        aio.connect(HERE)


def test_an_error_in_the_body_closes_and_passes(run: Any) -> None:
    async def main() -> None:
        async with aio.serve(Math(), HERE) as server:
            with pytest.raises(KeyError):
                async with aio.connect(server.addresses[0]) as peer:
                    raise KeyError
            assert peer.is_closing()

    run(main)


def test_streams_of_both_kinds_of_generators(run: Any) -> None:
    async def main() -> None:
        math = Math()
        async with aio.serve(math, HERE) as server, aio.connect(server.addresses[0]) as peer:
            for stream in (peer.remote.count, peer.remote.count_slowly):
                assert [number async for number in await stream(100)] == list(range(100))
                async for number in await stream(100_000):
                    if number == 40:
                        break
                gc.collect()
                while math.closed % 2:  # noqa: ASYNC110
                    await asyncio.sleep(0.001)

    run(main)


def test_a_task_that_is_cancelled_in_a_stream_closes_the_generator(run: Any) -> None:
    async def main() -> None:
        math = Math()
        async with aio.serve(math, HERE) as server, aio.connect(server.addresses[0]) as peer:

            async def read() -> None:
                async for _ in await peer.remote.count_slowly(10**9):
                    pass

            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.02):
                    await read()
            gc.collect()
            while not math.closed:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            assert await peer.remote.add(1, 2) == 3

    run(main)


def test_all_of_asyncio_waits_for_calls(run: Any) -> None:
    async def main() -> None:
        async with aio.serve(Math(), HERE) as server, aio.connect(server.addresses[0]) as peer:
            add = peer.remote.add
            assert await asyncio.gather(*(add(number, 1) for number in range(50))) == list(range(1, 51))
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(peer.call("add", number, 1, returns=int)) for number in range(50)]
            assert [task.result() for task in tasks] == list(range(1, 51))
            done, pending = await asyncio.wait([add(1, 2), peer.remote.slow(5.0)], timeout=0.1)
            assert len(done) == len(pending) == 1
            for future in pending:
                future.cancel()
            assert await asyncio.wait_for(add(1, 2), 5.0) == 3
            assert await asyncio.shield(add(1, 2)) == 3
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(peer.remote.slow(5.0), 0.01)
            with pytest.raises(RequestTimeout):
                await peer.remote.slow(5.0, timeout=0.01)
            for peer_ in server.connections:
                peer_.channel.abort()

    run(main)


def test_a_future_that_nobody_awaits_is_sent_all_the_same_and_its_error_is_reported_by_asyncio(
    run: Any,
) -> None:
    async def main() -> None:
        async with aio.serve(Math(), HERE) as server, aio.connect(server.addresses[0]) as peer:
            reported: list[Any] = []
            asyncio.get_running_loop().set_exception_handler(lambda loop, context: reported.append(context))
            peer.remote.nothing()
            assert await peer.remote.add(1, 2) == 3
            gc.collect()
            assert [type(context["exception"]) for context in reported] == [RemoteError]

    run(main)


def test_connections_live_beside_other_users_of_the_loop(run: Any) -> None:
    async def main() -> None:
        async with aio.serve(Math(), HERE) as server:
            async with aio.connect(server.addresses[0], service={"f": expose(lambda: 1)}) as peer:
                await peer.ping()
                (other,) = server.connections
                assert await other.remote.f() == 1
        with pytest.raises(ConnectionLost):
            await peer.remote.add(1, 2)

    run(main)


def test_run_runs_on_uvloop() -> None:
    async def main() -> str:
        return type(asyncio.get_running_loop()).__module__

    assert aio.run(main()).startswith("uvloop")


def test_run_does_without_uvloop() -> None:
    program = """
import sys
sys.modules["uvloop"] = None
import asyncio
from junto import aio
async def main():
    return type(asyncio.get_running_loop()).__module__
assert aio.run(main()).startswith("asyncio"), aio.run(main())
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)


def test_a_debugging_loop_finds_nothing_slow_or_unsafe(run: Any) -> None:
    async def main() -> None:
        asyncio.get_running_loop().set_debug(True)
        async with aio.serve(Math(), HERE, workers=2) as server, aio.connect(server.addresses[0]) as peer:
            assert await peer.remote.add(1, 2) == 3
            assert [number async for number in await peer.remote.count(100)] == list(range(100))

    run(main)


def test_a_dictionary_is_a_service_too(run: Any) -> None:
    @expose
    def hello(name: str) -> str:
        return f"hello {name}"

    async def main() -> None:
        for service in ({"hello": hello}, ServiceDict(hello=hello)):
            async with aio.serve(service, HERE) as server, aio.connect(server.addresses[0]) as peer:
                assert await peer.remote.hello("you") == "hello you"

    run(main)
