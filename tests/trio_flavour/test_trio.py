"""The trio flavour: what it adds to the layers, which the conformance scenarios test."""

from __future__ import annotations

import gc
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trio
import trustme
from trio.testing import MockClock, wait_all_tasks_blocked

import junto.trio
from junto import ServiceDict, expose
from junto.errors import ConnectionFailed, ConnectionLost, RemoteError, RequestTimeout

HERE = "tcp://127.0.0.1:0"
LIMIT = 10.0


def run(main: Callable[[], Awaitable[Any]], *, jump: bool = False) -> Any:
    """Run *main*; with *jump*, time passes in no time whenever nothing else happens."""

    async def bounded() -> Any:
        with trio.fail_after(1000 * LIMIT if jump else LIMIT):
            result = await main()
        gc.collect()
        return result

    return trio.run(bounded, clock=MockClock(autojump_threshold=0.005) if jump else None)


async def until(is_so: Callable[[], object]) -> None:
    while not is_so():  # noqa: ASYNC110  # nobody tells
        await trio.sleep(0.001)


class Math:
    def __init__(self) -> None:
        self.closed = 0
        self.cancelled = 0

    @expose
    def add(self, a: int, b: int) -> int:
        return a + b

    @expose
    async def slow(self, seconds: float) -> str:
        await trio.sleep(seconds)
        return "done"

    @expose
    async def rest(self) -> None:
        try:
            await trio.sleep_forever()
        finally:
            self.cancelled += 1

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
                await trio.lowlevel.checkpoint()
                yield number
        finally:
            self.closed += 1

    @expose
    async def silent(self) -> AsyncIterator[int]:
        yield 0
        await trio.sleep_forever()


class Elsewhere:
    """A server that may be stopped, and started again, while clients of it are open."""

    address: Any = HERE

    async def __aenter__(self) -> Elsewhere:
        self.manager = trio.open_nursery()
        self.nursery = await self.manager.__aenter__()
        await self.start()
        return self

    async def __aexit__(self, *exc_info: Any) -> None:
        self.nursery.cancel_scope.cancel()
        await self.manager.__aexit__(*exc_info)

    async def start(self) -> None:
        await self.nursery.start(self.serve)

    async def serve(self, task_status: Any = trio.TASK_STATUS_IGNORED) -> None:
        self.stopping, self.stopped = trio.Event(), trio.Event()
        async with junto.trio.serve(Math(), self.address) as server:
            (self.address,) = server.addresses
            task_status.started()
            await self.stopping.wait()
        self.stopped.set()

    async def stop(self) -> None:
        self.stopping.set()
        await self.stopped.wait()


# -- opening and closing --


def test_the_first_example_of_the_docstring() -> None:
    async def main() -> None:
        async with junto.trio.serve(Math(), HERE) as server, junto.trio.connect(server.addresses[0]) as peer:
            assert await peer.remote.add(3, 4, timeout=1.0) == 7

    run(main)


def test_an_opening_cannot_be_awaited() -> None:
    async def main() -> None:
        for opening in (
            junto.trio.connect(HERE),
            junto.trio.serve(Math(), HERE),
            junto.trio.open_channel(HERE),
            junto.trio.serve_channels(None, HERE),
        ):
            with pytest.raises(TypeError):
                await opening  # type: ignore[misc]  # this is the mistake

    run(main)


def test_an_opening_that_fails_raises_what_went_wrong_in_no_group() -> None:
    async def main() -> None:
        with pytest.raises(ConnectionFailed):
            async with junto.trio.connect("unix:///nowhere/at/all"):
                raise AssertionError("never entered")
        with pytest.raises(ConnectionFailed):
            async with junto.trio.serve(Math(), "unix:///nowhere/at/all"):
                raise AssertionError("never entered")
        with pytest.raises(ValueError):
            async with junto.trio.connect("nonsense"):
                raise AssertionError("never entered")
        with pytest.raises(ValueError):
            junto.trio.connect(HERE, max_pending=0)
        with pytest.raises(TypeError):
            junto.trio.connect(HERE, no_such_option=1)  # type: ignore[call-arg]

    run(main)


def test_an_opening_is_cancelled() -> None:
    async def main() -> None:
        with trio.move_on_after(100) as scope:
            async with junto.trio.connect("unix:///nowhere/at/all", timeout=None):
                raise AssertionError("never entered")
        assert scope.cancelled_caught

    run(main, jump=True)


@pytest.mark.parametrize(
    "error",
    [
        KeyError("k"),
        ExceptionGroup("mine", [KeyError("k")]),
        SystemExit(2),
        StopAsyncIteration(),
        ConnectionLost(),
    ],
    ids=repr,
)
def test_an_error_in_the_body_closes_and_comes_out_as_it_is(error: BaseException) -> None:
    async def main() -> None:
        math = Math()
        with pytest.raises(type(error)) as caught:
            async with junto.trio.serve(math, HERE) as server:
                async with junto.trio.connect(server.addresses[0]) as peer:
                    async with junto.trio.open_channel(server.addresses[0]) as channel:
                        peer.remote.rest()
                        await peer.ping()
                        raise error
        assert caught.value is error
        assert error.__cause__ is None
        assert peer.is_closing()
        assert channel.is_closing()
        assert math.cancelled == 1
        with pytest.raises(ConnectionLost):
            await peer.remote.add(1, 2)

    run(main, jump=True)


def test_a_body_that_is_cancelled_is_left_at_once_and_leaves_nothing() -> None:
    async def main() -> None:
        math = Math()
        start = trio.current_time()
        with trio.move_on_after(50) as scope:
            async with junto.trio.serve(math, HERE) as server:
                async with junto.trio.connect(server.addresses[0], service=math) as peer:
                    peer.remote.rest()
                    await peer.ping()
                    server.connections[0].remote.rest()
                    async for _ in await peer.remote.silent():
                        pass
        assert scope.cancelled_caught
        assert trio.current_time() - start < 51
        assert math.cancelled == 2

    run(main, jump=True)


def test_a_body_that_is_cancelled_may_say_goodbye_in_a_shielded_scope() -> None:
    async def main() -> None:
        async with junto.trio.serve(Math(), HERE) as server:
            with trio.move_on_after(50) as scope:
                async with junto.trio.connect(server.addresses[0]) as peer:
                    try:
                        await peer.remote.rest()
                    finally:
                        with trio.move_on_after(1, shield=True):
                            assert await peer.remote.add(1, 2) == 3
                            said.append("goodbye")
            assert scope.cancelled_caught

    said: list[str] = []
    run(main, jump=True)
    assert said == ["goodbye"]


def test_closing_waits_for_handlers_for_a_while_and_then_cancels_them() -> None:
    async def main() -> None:
        math = Math()
        async with junto.trio.serve(math, HERE) as server:
            async with junto.trio.connect(server.addresses[0], service=math) as peer:
                quick = server.connections[0].remote.slow(2.0)
                endless = server.connections[0].remote.rest()
                await peer.ping()
                start = trio.current_time()
            assert 5 <= trio.current_time() - start < 6
            assert await quick == "done"
            with pytest.raises((RemoteError, ConnectionLost)):
                await endless
            assert math.cancelled == 1

    run(main, jump=True)


def test_a_server_that_is_closed_tells_its_clients() -> None:
    async def main() -> None:
        async with Elsewhere() as elsewhere:
            async with junto.trio.connect(elsewhere.address) as peer:
                await elsewhere.stop()
                await peer.wait_closed()
                with pytest.raises(ConnectionLost):
                    await peer.remote.add(1, 2)

    run(main)


def test_the_nursery_may_be_the_users_own() -> None:
    async def main() -> None:
        async with trio.open_nursery() as nursery:
            async with junto.trio.serve(Math(), HERE, nursery=nursery) as server:
                async with junto.trio.connect(server.addresses[0], nursery=nursery) as peer:
                    assert await peer.remote.add(1, 2) == 3
                    assert await peer.remote.slow(0.001) == "done"
            await until(lambda: not nursery.child_tasks)
            with pytest.raises(KeyError):
                async with junto.trio.serve_channels(None, HERE, nursery=nursery):
                    raise KeyError
        with trio.move_on_after(LIMIT) as scope:
            async with trio.open_nursery() as nursery:
                async with junto.trio.serve(Math(), HERE, nursery=nursery) as server:
                    async with junto.trio.open_channel(server.addresses[0], nursery=nursery) as channel:
                        waiting = channel.request(["rest", [], {}])
                        nursery.cancel_scope.cancel()
                        await waiting
        assert not scope.cancelled_caught
        assert waiting.done()

    run(main)


# -- calls --


def test_two_replies_may_be_awaited_one_after_the_other() -> None:
    async def main() -> None:
        async with junto.trio.serve(Math(), HERE) as server, junto.trio.connect(server.addresses[0]) as peer:
            first, second, third = (peer.remote.add(number, 0) for number in range(3))
            assert await second == 1
            assert await first == 0
            assert await third == 2

    run(main)


def test_all_of_trio_waits_for_calls() -> None:
    async def main() -> None:
        async with junto.trio.serve(Math(), HERE) as server, junto.trio.connect(server.addresses[0]) as peer:
            results: dict[int, int] = {}

            async def ask(number: int) -> None:
                results[number] = await peer.remote.add(number, 1)

            async with trio.open_nursery() as nursery:
                for number in range(50):
                    nursery.start_soon(ask, number)
            assert results == {number: number + 1 for number in range(50)}
            with trio.move_on_after(1) as scope:
                await peer.remote.slow(5.0)
            assert scope.cancelled_caught
            with pytest.raises(trio.TooSlowError), trio.fail_after(1):
                await peer.call("slow", 5.0)
            with pytest.raises(RequestTimeout):
                await peer.remote.slow(5.0, timeout=1)
            await trio.sleep(10)
            assert peer.channel.late_replies == 3

    run(main, jump=True)


def test_who_is_cancelled_while_he_waits_leaves_the_connection_alive() -> None:
    async def main() -> None:
        async with (
            junto.trio.serve(Math(), HERE) as server,
            junto.trio.connect(server.addresses[0]) as peer,
            junto.trio.open_channel(server.addresses[0]) as channel,
        ):
            silent = await peer.remote.silent()
            assert await anext(silent) == 0

            async def read() -> None:
                async for _ in await peer.remote.silent():
                    pass

            waits: list[Callable[[], Awaitable[Any]]] = [
                lambda: peer.remote.rest(),
                lambda: peer.call("rest"),
                lambda: peer.call("rest", timeout=100.0),
                lambda: anext(silent),
                read,
                lambda: channel.request(["rest", [], {}]),
                lambda: channel.recv(),
                lambda: channel.wait_closed(),
                lambda: peer.wait_closed(),
                lambda: server.wait_closed(),
            ]
            for wait in waits:
                with trio.move_on_after(1) as scope:
                    await wait()
                assert scope.cancelled_caught
                assert await peer.remote.add(1, 2, timeout=1.0) == 3
                assert await channel.request(["add", [1, 2], {}], timeout=1.0) == 3
            assert len(server.connections) == 2

    run(main, jump=True)


def test_each_operation_looks_whether_it_is_cancelled_even_if_it_need_not_wait() -> None:
    async def main() -> None:
        async with (
            junto.trio.serve(Math(), HERE) as server,
            junto.trio.connect(server.addresses[0]) as peer,
            junto.trio.open_channel(server.addresses[0]) as channel,
        ):
            numbers = await peer.remote.count(5)
            sum_ = peer.remote.add(1, 2)
            asked = server.connections[1].remote.question("x")
            await wait_all_tasks_blocked(0.01)
            done: list[Callable[[], Awaitable[Any]]] = [
                lambda: anext(numbers),
                lambda: sum_,
                lambda: channel.recv(),
            ]
            for operation in done:
                with trio.CancelScope() as scope:
                    scope.cancel()
                    await operation()
                assert scope.cancelled_caught
            assert [number async for number in numbers] == [0, 1, 2, 3, 4]
            assert await sum_ == 3
            (await channel.recv()).reply("y")
            assert await asked == "y"
            await channel.close()
            with trio.CancelScope() as scope:
                scope.cancel()
                await channel.wait_closed()
            assert scope.cancelled_caught

    run(main)


def test_streams_of_both_kinds_of_generators() -> None:
    async def main() -> None:
        math = Math()
        async with junto.trio.serve(math, HERE) as server, junto.trio.connect(server.addresses[0]) as peer:
            for stream in (peer.remote.count, peer.remote.count_slowly):
                assert [number async for number in await stream(100)] == list(range(100))
                async for number in await stream(100_000):
                    if number == 40:
                        break
                gc.collect()
                await until(lambda: math.closed % 2 == 0)
            with trio.move_on_after(0.02):
                async for _ in await peer.remote.count_slowly(10**9):
                    pass
            gc.collect()
            await until(lambda: math.closed == 5)
            assert await peer.remote.add(1, 2) == 3

    run(main)


def test_both_sides_serve_and_pass_what_they_serve() -> None:
    class Guest:
        @expose
        async def name(self) -> str:
            await trio.sleep(0.001)
            return "guest"

    class Host:
        @expose
        async def greet(self, guest: Any) -> str:
            return f"hello {await guest.name()}"

    async def main() -> None:
        guest = Guest()
        async with junto.trio.serve(Host(), HERE) as server:
            async with junto.trio.connect(server.addresses[0], service=guest) as peer:
                assert await peer.remote.greet(guest) == "hello guest"
                assert await server.connections[0].remote.name() == "guest"

    run(main)


def test_a_dictionary_is_a_service_and_plain_functions_run_in_workers() -> None:
    @expose
    def where() -> bool:
        return threading.current_thread() is threading.main_thread()

    async def main() -> None:
        for workers in (0, 2):
            async with junto.trio.serve(ServiceDict(where=where), HERE, workers=workers) as server:
                async with junto.trio.connect(server.addresses[0]) as peer:
                    assert await peer.remote.where() is (workers == 0)

    run(main)


def test_the_caller_of_a_handler_that_fails_is_told_and_nobody_else() -> None:
    class Failing:
        @expose
        async def fail(self) -> None:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self.fail_in_task)
                await trio.sleep_forever()

        async def fail_in_task(self) -> None:
            raise KeyError("in a task")

        @expose
        def fine(self) -> str:
            return "fine"

    async def main() -> None:
        async with junto.trio.serve(Failing(), HERE) as server:
            async with junto.trio.connect(server.addresses[0]) as peer:
                with pytest.raises(RemoteError, match="Exceptions from Trio nursery"):
                    await peer.remote.fail()
                assert await peer.remote.fine() == "fine"

    run(main)


@pytest.mark.parametrize("kind", ["plain", "later"])
def test_a_handler_that_ends_the_program_ends_it_in_no_group(kind: str) -> None:
    class Ending:
        @expose
        def plain(self) -> None:
            sys.exit(3)

        @expose
        async def later(self) -> None:
            sys.exit(3)

    async def main() -> None:
        async with junto.trio.serve(Ending(), HERE) as server:
            async with junto.trio.connect(server.addresses[0]) as peer:
                await peer.remote[kind]()

    with pytest.raises(SystemExit) as caught:
        run(main)
    assert caught.value.code == 3


@pytest.mark.parametrize("kind", ["plain", "later", "body"])
def test_ctrl_c_ends_the_program_in_no_group(kind: str) -> None:
    class Service:
        @expose
        def plain(self) -> None:
            signal.raise_signal(signal.SIGINT)

        @expose
        async def later(self) -> None:
            signal.raise_signal(signal.SIGINT)

    async def main() -> None:
        async with junto.trio.serve(Service(), HERE) as server:
            async with junto.trio.connect(server.addresses[0]) as peer:
                if kind == "body":
                    signal.raise_signal(signal.SIGINT)
                    await trio.sleep_forever()
                await peer.remote[kind]()

    with pytest.raises(KeyboardInterrupt):
        run(main)


def test_connected_may_wait_and_call_back() -> None:
    class Named:
        @expose
        def name(self) -> str:
            return "Ann"

    async def main() -> None:
        async def greet(peer: junto.trio.Peer) -> None:
            await trio.sleep(0.001)
            names.append(await peer.remote.name())

        async with junto.trio.serve(None, HERE, connected=greet) as server:
            async with junto.trio.connect(server.addresses[0], service=Named(), connected=names.append):
                await until(lambda: len(names) == 2)

    names: list[Any] = []
    run(main)
    assert names[1] == "Ann"


def test_channels_without_a_handler() -> None:
    async def main() -> None:
        async def answer(channel: junto.trio.Channel) -> None:
            async for request in channel:
                request.reply(request.content)

        async with junto.trio.serve_channels(None, HERE, connected=answer) as server:
            async with junto.trio.open_channel(server.addresses[0]) as channel:
                assert await channel.request("x") == "x"
        async with junto.trio.serve_channels(lambda content: content, HERE) as server:
            async with junto.trio.open_channel(server.addresses[0]) as channel:
                assert await channel.request("y") == "y"

    run(main)


# -- the world around --


@pytest.mark.parametrize("scheme", ["unix", "tls"])
def test_other_transports(scheme: str, tmp_path: Path) -> None:
    authority = trustme.CA()
    server_tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(server_tls)
    client_tls = ssl.create_default_context()
    authority.configure_trust(client_tls)
    url = f"unix://{tmp_path}/s" if scheme == "unix" else "tls://127.0.0.1:0"

    async def main() -> None:
        async with junto.trio.serve(Math(), url, tls=server_tls) as server:
            async with junto.trio.connect(server.addresses[0], tls=client_tls) as peer:
                assert await peer.remote.add(1, 2) == 3
                assert [number async for number in await peer.remote.count(100)] == list(range(100))
        with pytest.raises(ConnectionFailed):
            async with junto.trio.connect(server.addresses[0], tls=client_tls):
                pass

    run(main)


def test_a_client_that_reconnects_does_so_in_virtual_time() -> None:
    async def main() -> None:
        async with Elsewhere() as elsewhere:
            async with junto.trio.connect(elsewhere.address, reconnect=True) as peer:
                await elsewhere.stop()
                later = peer.remote.add(1, 2)
                await trio.sleep(1000)
                assert not later.done()
                await elsewhere.start()
                assert await later == 3

    start = time.monotonic()
    run(main, jump=True)
    assert time.monotonic() - start < LIMIT


def test_importing_needs_nothing_of_asyncio() -> None:
    program = "import sys, threading, junto.trio; print('asyncio' in sys.modules, threading.active_count())"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout.strip() == "False 1"


def test_a_debugging_run_finds_all_tasks_under_their_names() -> None:
    async def main() -> None:
        async with trio.open_nursery() as nursery:
            async with junto.trio.serve(Math(), HERE, nursery=nursery) as server:
                async with junto.trio.connect(server.addresses[0], nursery=nursery) as peer:
                    waiting = peer.remote.rest()
                    await peer.ping()
                    names = {task.name for task in nursery.child_tasks}
                    assert names == {"junto", "junto reads", "Math.rest"}
                    assert not waiting.done()
            nursery.cancel_scope.cancel()

    run(main, jump=True)
