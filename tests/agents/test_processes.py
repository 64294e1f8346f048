"""Containers in processes of their own."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Coroutine, Generator
from pathlib import Path
from typing import Any

import pytest
import trio as trio_library
import trustme

import junto.simpy
from junto import RemoteError, expose
from junto.agents import aio, simpy, sync, trio
from junto.agents.processes import name_of
from junto.agents.spawnable import AllowList
from junto.errors import ConnectionFailed, ConnectionLost

from . import spawned
from .spawned import Worker

WAIT = 30.0
HERE = "tcp://127.0.0.1:0"
ALLOW = [f"{spawned.__name__}:*"]


def run(flow: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(WAIT):
            await flow

    asyncio.run(bounded())


class Boss(aio.Agent):
    @expose
    def pid(self) -> int:
        return os.getpid()


def test_agents_are_spawned_called_and_passed_around() -> None:
    async def main() -> None:
        async with aio.open_container(HERE) as container:
            one, other = await aio.spawn_containers(container, 2, allow=ALLOW)
            assert len({one.pid, other.pid, os.getpid()}) == 3
            worker = await one.spawn(Worker, 7, name="ann")
            assert await worker.pid() == one.pid
            assert worker == container.proxy(f"{one.url}1")
            assert "WorkerProxy" in repr(worker)
            assert await worker.ask(Boss(container)) == os.getpid()
            # A proxy is passed to a third, who connects by itself.
            stranger = await other.spawn(f"{spawned.__name__}:make", 1)
            assert await stranger.ask(worker) == one.pid
            later = await other.spawn(spawned.make_later, 2)
            assert await later.pid() == other.pid
            many = await other.spawn_many(Worker, [[n] for n in range(50)])
            assert [await one.pid() for one in many] == [other.pid] * 50
            await worker.print()  # which goes elsewhere, and does no harm
            assert await one.manager.spawn(f"{spawned.__name__}:Worker") == [
                container.proxy(f"{one.url}2"),
                f"{one.url}2",
            ]
            assert "running" in repr(one)
            assert await one.stop() == 0
            assert await one.stop() == 0
            assert one.exit_code == 0
            assert "ended with 0" in repr(one)
            await other.manager.stop()
            assert await other.wait() == 0
            with pytest.raises(ConnectionError):
                await one.spawn(Worker)

    run(main())


def test_only_what_is_allowed_is_spawned() -> None:
    async def main() -> None:
        async with aio.open_container() as container:
            process = await aio.spawn_container(container, allow=[*ALLOW, "json:loads"])
            for wrong in (
                "os:system",
                f"{spawned.__name__}:Popen",
                f"{spawned.__name__}:Worker.echo",
                "json:dumps",
            ):
                with pytest.raises(RemoteError, match="may not be spawned"):
                    await process.spawn(wrong)
            with pytest.raises(RemoteError, match="AttributeError"):
                await process.spawn(f"{spawned.__name__}:missing")
            with pytest.raises(RemoteError, match="goes by itself"):
                await process.set_time(3)
            with pytest.raises(RemoteError, match="AttributeError"):
                await process.spawn(spawned.nothing)
            await process.stop()

    run(main())


def test_allow_lists() -> None:
    allowed = AllowList(["json:*", "junto.agents.*:Ag*", "os:path.join"])
    assert allowed.find("os:path.join") is os.path.join
    assert allowed.find("junto.agents.agent:Agent").__name__ == "Agent"
    for wrong in ("json:decoder", "json:decoder.JSONDecoder", "os:path", "junto.agents.sub.agent:Agent"):
        with pytest.raises(PermissionError):
            allowed.find(wrong)
    with pytest.raises(ValueError):
        allowed.find("json")
    with pytest.raises(ValueError):
        AllowList(["json"])
    with pytest.raises(ValueError):
        AllowList("json:loads")
    assert "json:*" in repr(allowed)


def test_names() -> None:
    assert name_of("a:b") == "a:b"
    assert name_of(Worker) == f"{spawned.__name__}:Worker"


def test_a_class_of_the_program_itself_is_found_by_the_name_of_its_file(tmp_path: Path) -> None:
    (tmp_path / "prog.py").write_text(
        """
import asyncio
from junto import expose
from junto.agents import aio

class Greeter(aio.Agent):
    @expose
    def greet(self):
        return __name__

async def main():
    async with aio.open_container() as container:
        process = await aio.spawn_container(container, allow=["prog:Greeter"])
        print(await (await process.spawn(Greeter)).greet())
        await process.stop()

if __name__ == "__main__":
    asyncio.run(main())
"""
    )
    done = subprocess.run(
        [sys.executable, "prog.py"], cwd=tmp_path, capture_output=True, text=True, timeout=WAIT, check=False
    )
    assert done.stdout == "prog\n", done.stderr
    assert done.stderr == ""


def test_a_crash_is_reported_and_told_to_who_holds_proxies() -> None:
    async def main() -> None:
        failures: list[aio.Failure] = []
        crashed: list[aio.ContainerProcess] = []
        lost = asyncio.Event()
        async with aio.open_container(HERE, on_failure=failures.append) as container:
            process = await aio.spawn_container(container, allow=ALLOW, on_crash=crashed.append)
            worker = await process.spawn(Worker)
            async with aio.open_container() as other:
                await other.watch(worker, lost.set)
                there = await other.connect(f"{process.url}1")
                waiting = asyncio.ensure_future(there.sleep())
                await there.pid()
                with pytest.raises(ConnectionLost):
                    await worker.crash()
                with pytest.raises(ConnectionLost):
                    await waiting
                await lost.wait()
                assert await process.wait() == 3
                assert crashed == [process]
                assert isinstance(failures[0].error, ConnectionLost)
                assert "ended with 3" in str(failures[0].error)
                with pytest.raises((ConnectionFailed, ConnectionLost)):
                    await worker.pid()

    run(main())


@pytest.mark.parametrize("at", [HERE, "unix"])
def test_a_container_that_crashed_is_started_anew_at_the_same_url(tmp_path: Path, at: str) -> None:
    async def main() -> None:
        failures: list[aio.Failure] = []
        crashed: list[int] = []
        lost, again = asyncio.Event(), asyncio.Event()

        async def refill(process: aio.ContainerProcess) -> None:
            assert process.restarts == len(crashed)
            await process.spawn(Worker, 7)
            again.set()

        async with aio.open_container(HERE, on_failure=failures.append) as container:
            process = await aio.spawn_container(
                container,
                allow=ALLOW,
                at=f"unix://{tmp_path}/s" if at == "unix" else at,
                restart=aio.Restart(first=0.01),
                on_crash=lambda process: crashed.append(process.pid),
                on_restart=refill,
            )
            await process.spawn(Worker)
            for _ in range(2):
                url, pid = process.url, process.pid
                worker = await container.connect(f"{url}1")
                await container.watch(worker, lost.set)
                with pytest.raises(ConnectionLost):
                    await worker.crash()
                await lost.wait()
                await again.wait()
                assert process.url == url
                assert process.pid != pid == crashed[-1]
                assert await worker.pid() == process.pid
                lost.clear()
                again.clear()
            assert [failure.restart_in for failure in failures] == [0.01, 0.02]
            assert process.restarts == 2
            assert await process.stop() == 0

    run(main())


def test_a_container_is_started_anew_as_often_as_asked() -> None:
    async def main() -> None:
        failures: list[aio.Failure] = []

        def bad(process: aio.ContainerProcess) -> None:
            raise ValueError(f"bad {process.restarts}")

        async with aio.open_container(on_failure=failures.append) as container:
            process = await aio.spawn_container(
                container,
                allow=ALLOW,
                restart=aio.Restart(first=0.0, times=1),
                on_crash=bad,
                on_restart=lambda process: process.kill(),
            )
            process.kill()
            assert await process.wait() == -9
            assert process.restarts == 1
            assert [failure.restart_in for failure in failures if failure.what.startswith("the con")] == [
                0.0,
                None,
            ]
            assert [str(failure.error) for failure in failures if failure.what == "on_crash"] == [
                "bad 0",
                "bad 1",
            ]

    run(main())


def test_a_container_that_waits_to_be_started_anew_can_be_stopped() -> None:
    async def main() -> None:
        waits = asyncio.Event()
        async with aio.open_container(on_failure=lambda failure: None) as container:
            process = await aio.spawn_container(
                container, allow=ALLOW, restart=aio.Restart(first=30), on_crash=lambda process: waits.set()
            )
            process.kill()
            await waits.wait()
            with pytest.raises(ConnectionError):
                await process.spawn(Worker)
            assert await process.stop() == -9
            assert process.restarts == 0

    run(main())


def test_a_place_that_is_taken_meanwhile_is_tried_again() -> None:
    async def main() -> None:
        crashed = 0
        twice, there = asyncio.Event(), asyncio.Event()

        def report(failure: aio.Failure) -> None:
            nonlocal crashed
            crashed += 1
            if crashed == 2:
                twice.set()

        async with aio.open_container(on_failure=report) as container:
            process = await aio.spawn_container(
                container,
                allow=ALLOW,
                restart=aio.Restart(first=0.1),
                on_restart=lambda process: there.set(),
            )
            url = process.url
            process.kill()
            await asyncio.to_thread(process._child._process.wait, WAIT)
            async with aio.open_container(url):
                await twice.wait()
            await there.wait()
            assert process.url == url
            assert process.restarts == 1
            assert await process.stop() == 0

    run(main())


def test_a_container_that_is_closed_starts_no_others() -> None:
    async def main() -> None:
        container = await aio.open_container()
        spawning = asyncio.ensure_future(aio.spawn_container(container, allow=ALLOW))
        await asyncio.sleep(0)
        await container.close()
        with pytest.raises(ConnectionError):
            await spawning
        with pytest.raises(ConnectionLost, match="closed"):
            await aio.spawn_container(container, allow=ALLOW)

    run(main())


def test_a_container_that_does_not_come_to_listen_is_an_error() -> None:
    async def main() -> None:
        async with aio.open_container() as container:
            with pytest.raises(ConnectionFailed, match="ended with"):
                await aio.spawn_container(container, allow=[], at="unix:///no/such/folder/s")
            with pytest.raises(ConnectionFailed, match="took longer"):
                await aio.spawn_container(container, allow=[], timeout=0.0)
            with pytest.raises(ConnectionFailed, match="ended with"):
                await aio.spawn_container(container, allow=[], types="no.such.module:TYPES")
            with pytest.raises(ValueError):
                await aio.spawn_container(container, allow=["x"])
            with pytest.raises(ValueError, match="local"):
                await aio.spawn_container(container, allow=[], at="local://there")
            with pytest.raises(ValueError, match="http"):
                await aio.spawn_container(container, allow=[], at="http://127.0.0.1")

    run(main())


def test_closing_the_container_ends_its_processes() -> None:
    async def main() -> None:
        async with aio.open_container() as container:
            (process,) = await aio.spawn_containers(container, 1, allow=ALLOW)
        assert await asyncio.to_thread(process._child._process.wait, WAIT) == 0

    run(main())


def test_a_process_ends_with_its_parent_however_that_ends(tmp_path: Path) -> None:
    program = """
import asyncio, sys
from junto.agents import aio

async def main():
    container = await aio.open_container()
    process = await aio.spawn_container(container, allow=[])
    print(process.url, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        url = parent.stdout.readline().strip()

        async def main() -> None:
            lost = asyncio.Event()
            async with aio.open_container() as container:
                await container.watch(url, lost.set)
                parent.kill()
                await lost.wait()

        try:
            run(main())
        finally:
            parent.kill()


def test_a_process_that_does_not_stop_is_killed() -> None:
    async def main() -> None:
        async with aio.open_container() as container:
            process = await aio.spawn_container(container, allow=ALLOW)
            assert await process.stop(timeout=0.0) == -9

    run(main())


def test_the_clock_of_a_container_elsewhere_is_set() -> None:
    async def main() -> None:
        async with aio.open_container(types=spawned.TYPES, codec="msgpack") as container:
            process = await aio.spawn_container(
                container, allow=ALLOW, clock="2016-01-01T00:00:00Z", types=f"{spawned.__name__}:TYPES"
            )
            worker = await process.spawn(Worker)
            sleeping = asyncio.ensure_future(worker.sleep())
            assert (await worker.echo(spawned.Point(1, 2))).y == 2
            await process.set_time(5)
            assert not sleeping.done()
            await process.set_time(12)
            assert await sleeping == 12
            with pytest.raises(RemoteError, match="ValueError"):
                await process.set_time(12)
            await process.stop()

    run(main())


def test_containers_in_processes_trust_one_another(tmp_path: Path) -> None:
    files = [str(tmp_path / f"{name}.pem") for name in ("ca", "cert", "key")]
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(files[0])
    issued.cert_chain_pems[0].write_to_path(files[1])
    issued.private_key_pem.write_to_path(files[2])

    async def main() -> None:
        async with aio.open_container(tls=files) as container:
            process = await aio.spawn_container(container, allow=ALLOW, at="tls://127.0.0.1:0", tls=files)
            assert process.url.startswith("tls://")
            assert await (await process.spawn(Worker)).pid() == process.pid
            await process.stop()

    run(main())


def test_trio() -> None:
    async def main() -> None:
        with trio_library.fail_after(WAIT):
            async with trio.open_container() as container:
                process = await trio.spawn_container(container, allow=ALLOW)
                worker = await process.spawn(Worker)
                assert await worker.pid() == process.pid
                assert await process.stop() == 0

    trio_library.run(main)


def test_blocking() -> None:
    crashed: list[int] = []
    with sync.open_container() as container:
        process = sync.spawn_container(
            container, allow=ALLOW, on_crash=lambda process: crashed.append(process.pid)
        )
        worker = process.spawn(Worker)
        assert worker.pid() == process.pid
        assert process.urls == [process.url]
        assert process.manager.spawn(name_of(Worker))[1] == f"{process.url}2"
        assert len(process.spawn_many(Worker, [[1], [2]])) == 2
        assert process.exit_code is None
        assert "running" in repr(process)
        process.kill()
        assert process.wait() == -9
        assert crashed == [process.pid]
        pids: list[int] = []
        (other,) = sync.spawn_containers(
            container,
            1,
            allow=ALLOW,
            restart=sync.Restart(first=0.0),
            on_restart=lambda process: pids.append(process.spawn(Worker).pid()),
        )
        other.kill()
        while not pids:
            container.clock.sleep(0.01)
        assert pids == [other.pid]
        assert other.restarts == 1
        assert other.stop() == 0


def test_simpy() -> None:
    crashed: list[int] = []

    def process(env: Any) -> Generator[Any, Any, None]:
        container = yield simpy.open_container(env, HERE)
        process = yield simpy.spawn_container(
            container, allow=ALLOW, on_crash=lambda process: crashed.append(process.pid)
        )
        worker = yield process.spawn(Worker)
        assert (yield worker.pid()) == process.pid
        assert process.urls == [process.url]
        assert (yield process.manager.spawn(name_of(Worker)))[1] == f"{process.url}2"
        assert process.exit_code is None
        assert "running" in repr(process)
        process.kill()
        assert (yield process.wait()) == -9
        assert crashed == [process.pid]
        pids: list[int] = []

        def refill(process: Any) -> Generator[Any, Any, None]:
            worker = yield process.spawn(Worker)
            pids.append((yield worker.pid()))

        (other,) = yield simpy.spawn_containers(
            container, 1, allow=ALLOW, restart=simpy.Restart(first=0.0), on_restart=refill
        )
        other.kill()
        while not pids:
            yield env.timeout(0.01)
        assert pids == [other.pid]
        assert other.restarts == 1
        assert (yield other.stop()) == 0
        yield container.close()

    env = junto.simpy.Environment()
    env.run(until=env.process(process(env)))
