"""trio on simulated hosts: with others and with asyncio, its threads and signals, its death and its errors."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
from net_scenarios import run_world
from pairs import PAUSE, ROUNDS, client_context, server_context, talk

from junto import aio, expose
from junto import trio as junto_trio
from junto.sim import Host, HostDied, SimDeadlock, SimEscape, UnclaimedError, World

EXPECTED = [b"AB%d\n" % number for number in range(ROUNDS)]


async def shout(stream: Any) -> None:
    async with stream:
        async for data in stream:
            await stream.send_all(data.upper())


async def serve() -> None:
    await trio.serve_tcp(shout, 5000)


async def receive_line(stream: Any) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        line += await stream.receive_some()
    return line


async def exchange(stream: Any) -> list[bytes]:
    seen = []
    async with stream:
        for number in range(ROUNDS):
            await stream.send_all(b"ab%d\n" % number)
            seen.append(await receive_line(stream))
            await trio.sleep(PAUSE)
    return seen


async def ask() -> list[bytes]:
    return await exchange(await trio.open_tcp_stream("server", 5000))


async def serve_by_asyncio() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line.upper())
        writer.close()

    await asyncio.start_server(answer, "0.0.0.0", 5000)


async def ask_by_asyncio() -> list[bytes]:
    reader, writer = await asyncio.open_connection("server", 5000)
    seen = []
    for number in range(ROUNDS):
        writer.write(b"ab%d\n" % number)
        seen.append(await reader.readline())
        await asyncio.sleep(PAUSE)
    writer.close()
    return seen


def alone(main: Callable[..., Awaitable[Any]], *args: Any, **options: Any) -> Any:
    """Run a program of trio on one host."""

    async def scenario(world: World, host: Host) -> Any:
        return await host.run_trio(main, *args).wait()

    return run_world(scenario, "here", **options)


def test_trio_talks_to_trio() -> None:  # X6
    assert talk(serve, ask, trio=("serve", "ask")) == EXPECTED


def test_asyncio_talks_to_trio() -> None:  # X6
    assert talk(serve, ask_by_asyncio, trio=("serve",)) == EXPECTED


def test_trio_talks_to_asyncio() -> None:  # X6
    assert talk(serve_by_asyncio, ask, trio=("ask",)) == EXPECTED


def test_trio_speaks_tls() -> None:  # X6
    server_tls, client_tls = server_context(), client_context()

    async def serve_tls() -> None:
        await trio.serve_ssl_over_tcp(shout, 5000, server_tls, https_compatible=True)

    async def ask_tls() -> list[bytes]:
        return await exchange(
            await trio.open_ssl_over_tcp_stream("server", 5000, ssl_context=client_tls, https_compatible=True)
        )

    assert talk(serve_tls, ask_tls, trio=("serve", "ask")) == EXPECTED


def test_trio_in_hosted_programs() -> None:  # X5
    assert talk(lambda: trio.run(serve), lambda: trio.run(ask)) == EXPECTED


def test_trio_sends_datagrams() -> None:
    async def serve_udp() -> None:
        with trio.socket.socket(type=socket.SOCK_DGRAM) as sock:
            await sock.bind(("0.0.0.0", 5000))
            while True:
                data, address = await sock.recvfrom(1000)
                await sock.sendto(data.upper(), address)

    async def ask_udp() -> list[bytes]:
        seen = []
        with trio.socket.socket(type=socket.SOCK_DGRAM) as sock:
            await sock.connect(("server", 5000))
            for number in range(ROUNDS):
                got = b""
                while got != b"AB%d" % number:
                    await sock.send(b"ab%d" % number)
                    with trio.move_on_after(0.1):
                        got = await sock.recv(1000)
                seen.append(got + b"\n")
                await trio.sleep(PAUSE)
        return seen

    assert talk(serve_udp, ask_udp, trio=("serve", "ask")) == EXPECTED


def test_hours_pass_at_once_and_deadlines_are_kept() -> None:  # T8
    async def main() -> Any:
        before = trio.current_time()
        with trio.move_on_after(3600) as scope:
            await trio.sleep_forever()
        with pytest.raises(trio.TooSlowError), trio.fail_after(1):
            await trio.Event().wait()
        elapsed = trio.current_time() - before
        assert time.monotonic() == pytest.approx(trio.current_time(), abs=1e-3)
        return scope.cancelled_caught, 3601 <= elapsed < 3601.001

    assert alone(main) == (True, True)


def test_a_loop_that_only_looks_at_the_clock_ends() -> None:  # T7
    async def main() -> int:
        end, turns = trio.current_time() + 0.01, 0
        while trio.current_time() < end:
            await trio.lowlevel.checkpoint()
            turns += 1
        return turns

    assert 1000 < alone(main) < 20_000


def test_the_seed_decides_in_which_order_tasks_run() -> None:  # X6
    async def main() -> list[int]:
        order: list[int] = []

        async def note(number: int) -> None:
            order.append(number)

        async with trio.open_nursery() as nursery:
            for number in range(10):
                nursery.start_soon(note, number)
        return order

    orders = {tuple(alone(main, seeds=(seed,))) for seed in range(1, 12)}
    assert len(orders) > 1
    assert all(sorted(order) == list(range(10)) for order in orders)


def test_tasks_are_cancelled_in_an_order_without_addresses() -> None:  # R1
    async def main() -> list[int]:
        order: list[int] = []

        async def wait(number: int, event: trio.Event) -> None:
            try:
                with trio.CancelScope(), trio.CancelScope():
                    await event.wait()
            finally:
                order.append(number)

        for _ in range(3):
            event = trio.Event()
            async with trio.open_nursery() as nursery:
                for number in range(40):
                    nursery.start_soon(wait, number, event)
                await trio.sleep(1)
                nursery.cancel_scope.cancel()
            async with trio.open_nursery() as nursery:
                for number in range(40):
                    nursery.start_soon(wait, number, event)
                await trio.testing.wait_all_tasks_blocked()
                event.set()
        return order

    assert len(alone(main)) == 240


def test_worker_threads_run_in_virtual_time_and_are_the_hosts_own() -> None:  # X2
    async def work(name: str) -> Any:
        def block(number: int) -> Any:
            time.sleep(1000)
            return number, socket.gethostname(), trio.from_thread.run_sync(trio.current_time) > 0

        async def call(number: int) -> None:
            seen.append(await trio.to_thread.run_sync(block, number))

        seen: list[Any] = []
        before = trio.current_time()
        async with trio.open_nursery() as nursery:
            for number in range(3):
                nursery.start_soon(call, number)
        await call(3)
        return sorted(seen) == [
            (number, name, True) for number in range(4)
        ], trio.current_time() - before < 2100

    async def scenario(world: World, *hosts: Host) -> Any:
        programs = [host.run_trio(work, host.name) for host in hosts]
        return [await program.wait() for program in programs]

    assert run_world(scenario, "one", "other") == [(True, True)] * 2


def test_a_blocking_call_keeps_its_own_host_waiting_only() -> None:  # T9, X3
    async def block() -> None:
        await trio.sleep(1)
        time.sleep(10)  # noqa: ASYNC251  # that it blocks is the point

    async def tick() -> list[float]:
        start, times = trio.current_time(), []
        for _ in range(12):
            await trio.sleep(1)
            times.append(round(trio.current_time() - start, 2))
        return times

    async def scenario(world: World, one: Host, other: Host) -> Any:
        one.run_trio(block)
        late, in_time = one.run_trio(tick), other.run_trio(tick)
        return await late.wait(), await in_time.wait()

    late, in_time = run_world(scenario, "one", "other")
    assert in_time == [float(number) for number in range(1, 13)]
    assert late == [late[0], *(late[0] + number for number in range(1, 12))]
    assert late[0] in (1.0, 11.0)  # it blocked before or after that


def test_asyncio_and_trio_on_one_host_do_not_see_each_other() -> None:  # H3
    async def by_trio() -> list[str]:
        seen = []
        for _ in range(3):
            await trio.sleep(0.001)
            with pytest.raises(RuntimeError):
                asyncio.get_running_loop()
            seen.append(trio.lowlevel.current_task().name)
        return seen

    async def by_asyncio() -> None:
        for _ in range(5):
            await asyncio.sleep(0.001)
            assert asyncio.get_running_loop()
            assert not trio.lowlevel.in_trio_run()

    async def scenario(world: World, host: Host) -> Any:
        first, second = host.run_trio(by_trio), host.run(by_asyncio)
        await second.wait()
        return len(await first.wait())

    assert run_world(scenario, "here") == 3


def test_nothing_of_a_killed_process_runs_and_a_restart_begins_anew() -> None:  # H4, H6
    async def scenario(world: World, server: Host, client: Host) -> Any:
        log: list[str] = []

        async def main() -> None:
            log.append(f"boot {server.boot}")
            try:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(serve)
                    await trio.sleep_forever()
            finally:
                log.append("finally")

        async def use() -> Any:
            async with await trio.open_tcp_stream("server", 5000) as stream:
                await stream.send_all(b"a\n")
                log.append((await receive_line(stream)).decode())
                return await stream.receive_some()

        first = server.run_trio(main)
        await world.sleep(0.1)
        for _ in range(2):
            use_of_it = client.run_trio(use)
            await world.sleep(1)
            server.kill()
            with pytest.raises(HostDied):
                first.result()
            assert await use_of_it.wait() == b""  # the system closes what the process has left
            await world.sleep(1)
            server.restart()
            await world.sleep(1)
        return list(log)

    expected = ["boot 1", "A\n", "boot 2", "A\n", "boot 3"]
    assert run_world(scenario, "server", "client") == expected


def test_a_process_that_kills_itself_runs_no_further_task() -> None:  # H4
    log: list[str] = []

    async def scenario(world: World, host: Host) -> Any:
        async def end(number: int) -> None:
            log.append("ends")
            host.kill()

        async def main() -> None:
            async with trio.open_nursery() as nursery:
                for number in range(5):
                    nursery.start_soon(end, number)

        program = host.run_trio(main)
        await world.sleep(1)
        with pytest.raises(HostDied):
            await program.wait()

    run_world(scenario, "here", seeds=(1,))
    assert log == ["ends"] * 3  # once in each of three runs


def test_interrupts_and_signals_arrive() -> None:  # H8
    async def scenario(world: World, one: Host, other: Host) -> Any:
        log: list[str] = []

        async def interrupted() -> None:
            try:
                await trio.sleep_forever()
            finally:
                log.append("cleaned up")

        async def told() -> str:
            with trio.open_signal_receiver(signal.SIGTERM) as signals:
                async for number in signals:
                    return signal.Signals(number).name
            return "none"

        programs = one.run_trio(interrupted), other.run_trio(told)
        await world.sleep(1)
        one.stop(signal.SIGINT)
        other.stop(signal.SIGTERM)
        with pytest.raises(HostDied, match="interrupted"):
            await programs[0].wait()
        return log, one.alive, await programs[1].wait()

    assert run_world(scenario, "one", "other") == (["cleaned up"], False, "SIGTERM")


@pytest.mark.parametrize(("code", "fails"), [(None, False), (3, True)])
def test_who_exits_ends_its_process(code: int | None, fails: bool) -> None:  # H9
    async def main() -> None:
        raise SystemExit(code)

    world = World(1)
    host = world.host("here")

    async def control() -> None:
        host.run_trio(main)
        await world.sleep(1)
        assert not host.alive

    if fails:
        with pytest.raises(UnclaimedError, match="SystemExit"):
            world.run(control)
    else:
        world.run(control)


def test_an_error_is_the_hosts_unless_somebody_waits_for_it() -> None:  # H9
    async def main() -> None:
        raise LookupError("lost")

    world = World(1)
    host = world.host("here")

    async def control() -> None:
        with pytest.raises(LookupError):
            await host.run_trio(main).wait()
        host.run_trio(main)
        await world.sleep(1)

    with pytest.raises(UnclaimedError, match="lost"):
        world.run(control)


def test_a_deadlock_names_tasks_of_trio_and_what_they_wait_for() -> None:  # T2
    async def wait_for_godot() -> None:
        await trio.Event().wait()

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait_for_godot, name="estragon")

    with pytest.raises(SimDeadlock) as caught:
        alone(main, seeds=(1,))
    lines = [line for line in caught.value.waiting if line.startswith("here")]
    assert len(lines) == 2
    assert "trio task estragon waits in" in lines[1]
    assert "wait_for_godot" in lines[1]
    assert lines[1].endswith("for Event.wait")


def test_what_is_left_at_the_end_is_closed() -> None:  # R9
    log: list[str] = []

    async def generate() -> Any:
        try:
            while True:
                yield 1
        finally:
            log.append("generator")

    async def main() -> None:
        try:
            async for _ in generate():
                await trio.sleep_forever()
        finally:
            await trio.sleep(1)
            log.append("not this")

    world = World(1)

    async def control() -> None:
        world.host("here").run_trio(main)
        await world.sleep(1)

    world.run(control)
    assert "not this" not in log


def test_a_real_descriptor_cannot_be_waited_for() -> None:  # B3
    read, write = os.pipe()

    async def main() -> str:
        with pytest.raises(SimEscape) as caught:
            await trio.lowlevel.wait_readable(read)
        return caught.value.name

    try:
        assert "wait_readable" in alone(main)
    finally:
        os.close(read)
        os.close(write)


def test_who_waits_for_a_socket_that_is_closed_is_told() -> None:
    async def main() -> list[str]:
        left, right = trio.socket.socketpair()
        seen: list[str] = []

        async def read() -> None:
            try:
                await left.recv(1)
            except trio.ClosedResourceError:
                seen.append("closed")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(read)
            await trio.sleep(0.1)
            with pytest.raises(trio.BusyResourceError):
                await left.recv(1)
            left.close()
        right.close()
        return seen

    assert alone(main) == ["closed"]


class Counter:
    def __init__(self) -> None:
        self.value = 0

    @expose
    def add(self, number: int) -> int:
        self.value += number
        return self.value


def test_junto_calls_from_trio_are_answered_by_asyncio() -> None:  # X6
    async def serve_calls() -> None:
        async with aio.serve(Counter(), "tcp://0.0.0.0:5555") as server:
            await server.wait_closed()

    async def call() -> Any:
        seen = []
        async with junto_trio.connect("tcp://server:5555") as peer:
            for _ in range(ROUNDS):
                seen.append(await peer.remote.add(1))
                await trio.sleep(PAUSE)
        return seen

    assert talk(serve_calls, call, trio=("ask",)) == list(range(1, ROUNDS + 1))


def test_junto_calls_from_asyncio_are_answered_by_trio() -> None:  # X6
    async def serve_calls() -> None:
        async with junto_trio.serve(Counter(), "tcp://0.0.0.0:5555"):
            await trio.sleep_forever()

    async def call() -> Any:
        seen = []
        async with aio.connect("tcp://server:5555") as peer:
            for _ in range(ROUNDS):
                seen.append(await peer.remote.add(1))
                await asyncio.sleep(PAUSE)
        return seen

    assert talk(serve_calls, call, trio=("serve",)) == list(range(1, ROUNDS + 1))
