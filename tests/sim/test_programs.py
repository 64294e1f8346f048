"""Whole programs on simulated hosts: scripts, blocking functions, standard servers, other loops and SimPy."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import gc
import http.client
import http.server
import multiprocessing
import os
import signal
import socket
import socketserver
import subprocess
import sys
import textwrap
import threading
import time
import urllib.request
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Client, Listener
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any

import pytest

from junto import aio, expose, simpy, sync
from junto.runtimes.simpy.backends import make_environment
from junto.sim import Host, HostDied, SimEscape, UnclaimedError, World

from .net_scenarios import run_world


def script(folder: Path, text: str, name: str = "script.py") -> Path:
    path = folder / name
    path.write_text(textwrap.dedent(text))
    return path


def alone(*programs: Callable[[], Any] | Path, **options: Any) -> Any:
    """Run programs at the same time, each on a host of its own."""

    async def scenario(world: World, *hosts: Host) -> Any:
        started = [host.program(main) for host, main in zip(hosts, programs, strict=True)]
        return [await program.wait() for program in started]

    results = run_world(scenario, *[f"n{number}" for number in range(len(programs))], **options)
    return results[0] if len(programs) == 1 else results


def test_a_script_is_run_as_main_with_its_own_arguments(tmp_path: Path) -> None:  # X5
    path = script(
        tmp_path,
        """
        import __main__, sys, dataclasses, pickle, socket, threading, time
        from typing import ClassVar, get_type_hints

        @dataclasses.dataclass
        class Point:
            kinds: "ClassVar[int]" = 3
            x: "Number" = 1

        Number = int
        if __name__ == "__main__":
            time.sleep(3600)
            name, arguments = sys.argv[0], sys.argv[1:]
            copy = pickle.loads(pickle.dumps(Point(2)))
            hints = get_type_hints(Point)["x"] is int
            same = __main__.Point is Point and threading.current_thread() is threading.main_thread()
            host = socket.gethostname()
        """,
    )

    async def scenario(world: World, one: Host, other: Host) -> Any:
        programs = [one.program(path, ["a", "b"]), other.program(str(path), ["c"])]
        seen = []
        for program in programs:
            variables = await program.wait()
            names = ("arguments", "hints", "same", "host")
            seen.append([variables[name] for name in names] + [variables["copy"].x, program.status])
            assert variables["name"] == variables["__file__"] == str(path)
        return seen, round(world.now), one.alive

    before = sys.argv, sys.modules["__main__"]
    expected = [[["a", "b"], True, True, "one", 2, 0], [["c"], True, True, "other", 2, 0]]
    assert run_world(scenario, "one", "other") == (expected, 3600, False)
    assert (sys.argv, sys.modules["__main__"]) == before


def test_a_script_says_how_it_ended(tmp_path: Path) -> None:  # H9
    async def scenario(world: World, host: Host) -> Any:
        seen: list[Any] = []
        for text in ("raise SystemExit", "import sys; sys.exit(3)", "1 / 0", "import os; os._exit(4)"):
            if not host.alive:
                host.programs.clear()
                host.restart()
            program = host.program(script(tmp_path, text))
            try:
                await program.wait()
                seen.append(program.status)
            except (HostDied, ZeroDivisionError) as error:
                seen.append((type(error).__name__, program.status))
        return seen

    assert run_world(scenario, "host") == [0, ("HostDied", 3), ("ZeroDivisionError", 1), ("HostDied", 4)]


def test_an_error_of_a_program_that_nobody_waits_for_fails_the_run() -> None:  # H9
    async def scenario(world: World) -> None:
        world.host("n1").program(lambda: 1 / 0)  # type: ignore[arg-type, return-value]
        await world.sleep(1)

    world = World(1)
    with pytest.raises(UnclaimedError, match=r"n1 at .* failed: ZeroDivisionError"):
        world.run(scenario, world)


def test_a_script_ends_with_its_last_thread_and_its_last_words(tmp_path: Path) -> None:
    path = script(
        tmp_path,
        """
        import atexit, concurrent.futures, threading, time
        log = []
        atexit.register(log.append, "at exit")
        def work():
            time.sleep(10)
            log.append("worked")
        threading.Thread(target=work).start()
        threading.Thread(target=time.sleep, args=(99999,), daemon=True).start()
        pool = concurrent.futures.ThreadPoolExecutor()
        pool.submit(time.sleep, 20).add_done_callback(lambda _: log.append("pool"))
        log.append("main")
        """,
    )

    async def scenario(world: World, host: Host) -> Any:
        variables = await host.program(path).wait()
        return variables["log"], round(world.now)

    assert run_world(scenario, "host") == (["main", "worked", "pool", "at exit"], 20)


def test_asyncio_run_makes_a_stock_loop_on_simulated_sockets() -> None:  # X5, trap 12
    async def serve() -> None:
        async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while data := await reader.read(1000):
                writer.write(data)
                await writer.drain()
            writer.close()

        server = await asyncio.start_server(echo, "", 80)
        async with server:
            await server.serve_forever()

    async def ask() -> Any:
        loop = asyncio.get_running_loop()
        reader, writer = await asyncio.open_connection("server", 80)
        writer.write(b"x" * 100_000)
        data = await reader.readexactly(100_000)
        writer.close()
        await writer.wait_closed()
        begin = time.monotonic()
        slept = await asyncio.gather(asyncio.to_thread(time.sleep, 3600), asyncio.sleep(1800, "slept"))
        end = loop.time() + 0.001
        rounds = 0
        while loop.time() < end:
            await asyncio.sleep(0)
            rounds += 1
        heard = asyncio.Event()
        loop.call_later(5, loop.call_soon_threadsafe, heard.set)
        await asyncio.wait_for(heard.wait(), 10)
        return len(data), slept[1], round(time.monotonic() - begin), rounds > 10, type(loop).__module__

    async def scenario(world: World, server: Host, client: Host) -> Any:
        server.program(lambda: asyncio.run(serve()))
        await world.sleep(0.1)
        return await client.program(lambda: asyncio.run(ask())).wait()

    expected = (100_000, "slept", 3605, True, asyncio.SelectorEventLoop.__module__)
    assert run_world(scenario, "server", "client") == expected


def test_the_standard_librarys_servers_and_clients_talk() -> None:  # B1
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[::-1])

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    class Line(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            for line in self.rfile:
                self.wfile.write(line.upper())

    def serve_http() -> None:
        http.server.ThreadingHTTPServer(("", 80), Handler).serve_forever()

    def serve_lines() -> None:
        with socketserver.ThreadingTCPServer(("", 7), Line) as server:
            server.serve_forever(poll_interval=0.5)

    def client() -> Any:
        seen: list[Any] = []
        with urllib.request.urlopen("http://server/", data=b"abc" * 10_000, timeout=10) as reply:
            seen.append(reply.read()[:6])
        connection = http.client.HTTPConnection("server")
        for _ in range(3):
            connection.request("POST", "/", b"xyz")
            seen.append(connection.getresponse().read())
        connection.close()
        with socket.create_connection(("server", 7)) as sock, sock.makefile("rwb") as file:
            file.write(b"a line\n")
            file.flush()
            seen.append(file.readline())
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            urls = ["http://server/"] * 8
            replies = pool.map(lambda url: urllib.request.urlopen(url, data=b"12").read(), urls)
            seen.append(b"".join(replies))
        return seen

    async def scenario(world: World, server: Host, here: Host) -> Any:
        server.program(serve_http)
        server.program(serve_lines)
        await world.sleep(0.1)
        partition = world.net.partition(server)
        world.kernel.at(world.kernel.now + 2 * 10**9, partition.heal)
        return await here.program(client).wait()

    expected = [b"cbacba", b"zyx", b"zyx", b"zyx", b"A LINE\n", b"21" * 8]
    assert run_world(scenario, "server", "client", seeds=(1, 2)) == expected


class Counter:
    """Counts, and tells how far it has come."""

    def __init__(self) -> None:
        self.value = 0

    @expose
    def add(self, number: int) -> int:
        self.value += number
        return self.value


async def serve_counter() -> None:
    async with aio.serve(Counter(), "tcp://0.0.0.0:5555") as server:
        await server.wait_closed()


def call_sync(port: int = 5555) -> list[int]:
    with sync.connect(f"tcp://server:{port}") as peer:
        return [peer.remote.add(1) for _ in range(20)]


def call_from_threads() -> int:
    with sync.connect("tcp://server:5555") as peer:

        def call() -> None:
            for _ in range(10):
                peer.remote.add(1)

        threads = [threading.Thread(target=call) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        value: int = peer.remote.add(0)
        return value


def call_simpy(backend: Any) -> list[int]:
    env: Any = make_environment(backend)
    heard: list[int] = []

    def process() -> Any:
        with (yield simpy.connect(env, "tcp://server:5555")) as peer:
            for _ in range(5):
                heard.append((yield peer.remote.add(1)))
                yield env.timeout(600)

    begin = time.monotonic()
    env.run(env.process(process()))
    assert 3000 <= time.monotonic() - begin < 3001
    return heard


@pytest.mark.parametrize("flavour", ["sync", "threads", "select", "poll", "epoll"])
def test_juntos_blocking_flavours_call_a_server_of_asyncio(flavour: str) -> None:  # X5, X12
    async def scenario(world: World, server: Host, client: Host) -> Any:
        server.run(serve_counter)
        await world.sleep(0.1)
        calls: dict[str, Callable[[], Any]] = {"sync": call_sync, "threads": call_from_threads}
        return await client.program(calls.get(flavour, lambda: call_simpy(flavour))).wait()

    expected: dict[str, Any] = {"sync": list(range(1, 21)), "threads": 30}
    assert run_world(scenario, "server", "client") == expected.get(flavour, [1, 2, 3, 4, 5])


def test_juntos_blocking_server_is_called_by_all_flavours() -> None:  # X5
    def serve() -> None:
        with sync.serve(Counter(), "tcp://0.0.0.0:5556") as server:
            server.serve_forever()

    async def scenario(world: World, server: Host, client: Host) -> Any:
        server.program(serve)
        await world.sleep(0.1)

        async def call() -> list[int]:
            async with aio.connect("tcp://server:5556") as peer:
                return [await peer.remote.add(1) for _ in range(5)]

        both = client.program(lambda: call_sync(5556)), client.run(call)
        heard = [*await both[0].wait(), *await both[1].wait()]
        return sorted(heard)

    assert run_world(scenario, "server", "client") == list(range(1, 26))


def test_a_blocking_call_over_a_partition_goes_on_after_it() -> None:  # S7
    async def scenario(world: World, server: Host, client: Host) -> Any:
        server.run(serve_counter)
        await world.sleep(0.1)
        program = client.program(call_sync)
        await world.sleep(0.005)
        partition = world.net.partition(server)
        await world.sleep(10)
        partition.heal()
        result = await program.wait()
        return len(result), world.now > 10

    assert run_world(scenario, "server", "client") == (20, True)


def test_a_simpy_model_in_a_script_runs_as_it_is(tmp_path: Path) -> None:  # X12
    path = script(
        tmp_path,
        """
        import simpy, simpy.rt, time

        def clock(env):
            for _ in range(10):
                yield env.timeout(1)
                ticks.append(env.now)

        ticks = []
        env = simpy.Environment()
        env.process(clock(env))
        env.run(until=5.5)
        begin = time.monotonic()
        realtime = simpy.rt.RealtimeEnvironment(factor=60)
        realtime.process(clock(realtime))
        realtime.run(until=9.5)
        took = time.monotonic() - begin
        """,
    )

    async def scenario(world: World, host: Host) -> Any:
        variables = await host.program(path).wait()
        return variables["ticks"], round(variables["took"])

    assert run_world(scenario, "host") == ([1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 6, 7, 8, 9], 570)


def test_sigint_interrupts_what_a_program_waits_for() -> None:  # H8
    cleaned: list[float] = []

    def waits() -> None:
        try:
            socket.create_server(("", 80)).accept()
        finally:
            cleaned.append(time.monotonic())

    async def scenario(world: World, host: Host) -> Any:
        cleaned.clear()
        program = host.program(waits)
        await world.sleep(1)
        host.stop(signal.SIGINT)
        with pytest.raises(HostDied):
            await program.wait()
        return program.status, len(cleaned), host.alive, round(world.now)

    assert run_world(scenario, "host") == (-signal.SIGINT, 1, False, 1)


def test_a_handler_runs_in_the_main_thread_and_the_wait_goes_on() -> None:  # H8
    def waits() -> Any:
        seen: list[Any] = []

        def handler(number: int, frame: Any) -> None:
            seen.append((number, threading.current_thread() is threading.main_thread()))
            time.sleep(2)

        before = signal.signal(signal.SIGTERM, handler)
        own = signal.getsignal(signal.SIGTERM) is handler
        begin = time.monotonic()
        time.sleep(10)
        slept = round(time.monotonic() - begin)
        os.kill(os.getpid(), signal.SIGTERM)
        return seen, before, own, slept

    async def scenario(world: World, host: Host) -> Any:
        program = host.program(waits)
        await world.sleep(1)
        host.stop()
        return await program.wait()

    told = [(signal.SIGTERM, True)] * 2
    assert run_world(scenario, "host") == (told, signal.SIG_DFL, True, 10)


def test_a_stock_loop_hears_signals_and_a_program_without_handler_dies_of_them() -> None:  # H8
    async def serve() -> str:
        stopped = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
        await stopped.wait()
        return "stopped"

    async def sleep() -> None:
        try:
            await asyncio.sleep(1000)
        finally:
            finished.append("cancelled")

    finished: list[str] = []

    async def scenario(world: World, one: Host, two: Host, three: Host) -> Any:
        finished.clear()
        programs = [
            one.program(lambda: asyncio.run(serve())),
            two.program(lambda: time.sleep(1000)),
            three.program(lambda: asyncio.run(sleep())),
        ]
        await world.sleep(1)
        one.stop()
        two.stop()
        three.stop(signal.SIGINT)
        result = await programs[0].wait()
        for program in programs[1:]:
            with pytest.raises(HostDied):
                await program.wait()
        return result, [program.status for program in programs], list(finished)

    expected = ("stopped", [0, -signal.SIGTERM, -signal.SIGINT], ["cancelled"])
    assert run_world(scenario, "one", "two", "three") == expected


def test_what_is_left_running_changes_no_signal_handler_of_the_real_process() -> None:  # R5, R9
    @contextlib.contextmanager
    def handled() -> Generator[None]:
        before = signal.signal(signal.SIGTERM, lambda *_: None)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)

    async def serve() -> None:
        with handled():
            await asyncio.Event().wait()

    async def scenario(world: World, one: Host, other: Host) -> None:
        one.program(lambda: asyncio.run(serve()))
        other.run(serve)
        await world.sleep(1)

    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    run_world(scenario, "one", "other")
    gc.collect()
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == handlers


def test_a_restart_runs_a_program_again_and_a_killed_one_never() -> None:  # H4, H6, X4
    begun: list[float] = []
    ended: list[float] = []

    def works() -> None:
        begun.append(round(time.monotonic()))
        try:
            socket.create_server(("", 80))
            time.sleep(10)
            ended.append(1)
        finally:
            ended.append(0)

    async def scenario(world: World, host: Host) -> Any:
        begun.clear()
        ended.clear()
        program = host.program(works)
        await world.sleep(3)
        host.kill()
        killed = program.done(), program.status
        await world.sleep(20)
        before = len(ended)
        host.restart()
        running = program.done()
        await program.wait()
        return killed, before, running, program.status, len(begun), list(ended)

    threads = threading.active_count()
    assert run_world(scenario, "host", monotonic_start=0) == ((True, -9), 0, False, 0, 2, [1, 0])
    assert threading.active_count() <= threads


def test_a_paused_host_runs_no_thread() -> None:  # H7
    def works() -> int:
        count = 0
        end = time.time() + 5
        while time.time() < end:
            time.sleep(0.5)
            count += 1
        return count

    async def scenario(world: World, host: Host) -> Any:
        program = host.program(works)
        await world.sleep(1.1)
        host.pause()
        await world.sleep(10)
        host.resume()
        return await program.wait() < 5, round(world.now, 1)

    assert run_world(scenario, "host") == (True, 11.1)


def test_a_coroutine_function_is_no_program_of_its_own() -> None:
    async def main() -> None:
        """Be never run."""

    async def scenario(world: World, host: Host) -> None:
        with pytest.raises(TypeError, match=r"host\.run\(\) runs it"):
            host.program(main)

    run_world(scenario, "host")


MADE_BEFORE = ThreadPoolExecutor(1)


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("subprocess.Popen", lambda: subprocess.run(["true"], check=False)),
        ("os.fork", lambda: os.fork()),
        ("os.system", lambda: os.system("true")),
        ("signal.alarm", lambda: signal.alarm(1)),
        ("os.pipe", lambda: os.pipe()),
        ("os.mkfifo", lambda: os.mkfifo("pipe")),
        ("multiprocessing.connection.Pipe", lambda: multiprocessing.Queue()),
        ("multiprocessing.connection.Listener", lambda: Listener(("", 80))),
        ("multiprocessing.connection.Client", lambda: Client(("client", 80))),
        ("multiprocessing.pool.ThreadPool", lambda: ThreadPool(1)),
        ("a ThreadPoolExecutor that was made before the run", lambda: MADE_BEFORE.submit(int)),
    ],
)
def test_what_would_happen_in_reality_is_refused(name: str, call: Callable[[], Any]) -> None:  # B3
    def program() -> str:
        with pytest.raises(SimEscape) as raised:
            call()
        return raised.value.name

    assert alone(program, seeds=(1,)) == name


def test_nothing_of_a_loop_that_is_left_is_done_after_the_run(recwarn: pytest.WarningsRecorder) -> None:  # R9
    closed: list[str] = []

    async def waits() -> None:
        async def other() -> None:
            try:
                await asyncio.sleep(1000)
            finally:
                closed.append("task")

        task = asyncio.create_task(other())
        try:
            await task
        finally:
            closed.append("main")

    async def scenario(world: World, one: Host, two: Host) -> None:
        one.program(lambda: asyncio.run(waits()))
        two.program(lambda: asyncio.run(waits()))
        await world.sleep(1)
        two.kill()
        await world.sleep(1)
        closed.append("end")

    world = World(1)
    world.run(scenario, world, *world.hosts("one", "two"))
    del world
    gc.collect()
    assert sorted(closed) == ["end", *["main"] * 2, *["task"] * 2]
    assert closed[0] == "end"
    assert [str(warning.message) for warning in recwarn] == []


def test_a_hosts_own_loop_refuses_children_and_pipes_and_ignores_policies() -> None:  # B3
    async def program() -> Any:
        with pytest.raises(SimEscape, match="create_subprocess_exec"):
            await asyncio.create_subprocess_exec("true")
        with pytest.raises(SimEscape, match="a transport over"):
            await asyncio.get_running_loop().connect_read_pipe(asyncio.Protocol, sys.stdin)
        with pytest.warns(RuntimeWarning, match="set_event_loop_policy is ignored"):
            asyncio.set_event_loop_policy(None)
        return "refused"

    async def scenario(world: World, host: Host) -> Any:
        return await host.run(program).wait()

    assert run_world(scenario, "host", seeds=(1,)) == "refused"
