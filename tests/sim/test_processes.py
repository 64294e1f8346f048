"""Real processes are refused by the name of what was called, wherever on a host it is called."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import pty
import subprocess
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.shared_memory import SharedMemory
from typing import Any

import pytest

from junto import sim
from junto.sim import SimEscape

TRUE = ["true"]


def nothing() -> None:
    """Stand for what another process would do."""


def start(method: str) -> Callable[[], object]:
    return lambda: multiprocessing.get_context(method).Process(target=nothing).start()


async def pipes() -> None:
    await asyncio.get_running_loop().subprocess_exec(asyncio.SubprocessProtocol, *TRUE)


CALLS: list[tuple[str, Callable[[], Any]]] = [
    ("asyncio.create_subprocess_exec", lambda: asyncio.create_subprocess_exec(*TRUE)),
    ("asyncio.create_subprocess_shell", lambda: asyncio.create_subprocess_shell("true")),
    ("loop.subprocess_exec", pipes),
    ("subprocess.Popen", lambda: subprocess.Popen(TRUE)),
    ("subprocess.Popen", lambda: subprocess.run(TRUE, check=True)),
    ("subprocess.Popen", lambda: os.popen("true")),
    ("os.fork", lambda: os.fork()),
    ("os.fork", lambda: os.spawnlp(os.P_WAIT, "true", "true")),
    ("os.forkpty", lambda: pty.fork()),
    ("os.execv", lambda: os.execvp("true", TRUE)),
    ("os.posix_spawn", lambda: os.posix_spawn("/bin/true", TRUE, {})),
    ("os.system", lambda: os.system("true")),
    ("multiprocessing.Process.start", start("fork")),
    ("multiprocessing.Process.start", start("spawn")),
    ("multiprocessing.Process.start", start("forkserver")),
    ("multiprocessing.managers.BaseManager.start", lambda: multiprocessing.Manager()),
    ("concurrent.futures.ProcessPoolExecutor", lambda: ProcessPoolExecutor(1).submit(nothing)),
    ("multiprocessing.Pool", lambda: multiprocessing.get_context("fork").Pool(1)),
    ("multiprocessing.shared_memory.SharedMemory", lambda: SharedMemory(create=True, size=1)),
]
NAMES = [f"{number}-{name}" for number, (name, _) in enumerate(CALLS)]


async def refused(call: Callable[[], Any]) -> tuple[str, str]:
    with pytest.raises(SimEscape) as raised:
        found = call()
        if isinstance(found, Awaitable):
            await found
    return raised.value.name, raised.value.instead


def in_a_coroutine(host: sim.Host, call: Callable[[], Any]) -> sim.Program:
    return host.run(refused, call)


def in_a_hosted_program(host: sim.Host, call: Callable[[], Any]) -> sim.Program:
    return host.program(lambda: asyncio.run(refused(call)))


def in_a_thread(host: sim.Host, call: Callable[[], Any]) -> sim.Program:
    async def main() -> Any:
        return await asyncio.to_thread(lambda: asyncio.run(refused(call)))

    return host.run(main)


@pytest.mark.parametrize("where", [in_a_coroutine, in_a_hosted_program, in_a_thread])
@pytest.mark.parametrize(("name", "call"), CALLS, ids=NAMES)
def test_a_process_is_refused_by_name(name: str, call: Callable[[], Any], where: Any) -> None:  # B3
    async def main(world: sim.World) -> Any:
        return await where(world.host("a"), call).wait()

    outcome = sim.run(main, 1)
    assert outcome.error is None
    named, instead = outcome.result
    assert "a host of its own" in instead
    if call is pipes and where is not in_a_coroutine:
        assert named == "subprocess.Popen"  # the loop is asyncio's own
    else:
        assert named == name


def test_the_controlling_program_starts_no_process_either() -> None:
    async def main(world: sim.World) -> tuple[str, str]:
        return await refused(lambda: subprocess.Popen(TRUE))

    assert sim.run(main).result[0] == "subprocess.Popen"


def test_outside_of_a_world_processes_are_real() -> None:  # R5
    async def count() -> int:
        process = await asyncio.create_subprocess_exec("/bin/sh", "-c", "exit 3")
        return await process.wait()

    async def main(world: sim.World) -> None:
        """Have the replacements put in."""

    sim.run(main)
    assert asyncio.run(count()) == 3
    assert subprocess.run(TRUE, check=True).returncode == 0
