"""Modules that are imported in the middle of a run are no part of it, as if they had been there before."""

from __future__ import annotations

import gc
import importlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from junto import sim
from junto.sim import SimEscape, interception
from junto.sim.here import here

MODULE = """
import os, random, secrets, socket, threading, time, uuid
from time import monotonic

from junto.sim.here import here

host = here.host
token, ident, number = secrets.token_bytes(5), uuid.uuid4(), random.random()
started = monotonic()
time.sleep(0.002)
slept = monotonic() - started
kept = random.Random()
real = socket.socket()
kind = type(real)
real.close()
ended = []
thread = threading.Thread(target=lambda: ended.append(monotonic()))
thread.start()
thread.join()

def clock():
    return monotonic()

def draw(generator=random.Random()):
    return generator.random()
"""

Module = Callable[..., str]


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Module]:
    """Write modules, and forget them after the test."""
    monkeypatch.syspath_prepend(tmp_path)
    before = dict(sys.modules)

    def write(name: str, text: str = MODULE) -> str:
        (tmp_path / f"{name}.py").write_text(text)
        importlib.invalidate_caches()
        sys.modules.pop(name, None)
        return name

    yield write
    for name in set(sys.modules) - set(before):
        if getattr(sys.modules[name], "__file__", "") and str(tmp_path) in str(sys.modules[name].__file__):
            del sys.modules[name]


def program(name: str) -> Callable[[sim.World], Any]:
    async def main(world: sim.World) -> Any:
        async def imports() -> Any:
            import os
            import random

            before = os.urandom(3)
            found = importlib.import_module(name)
            after = random.random(), os.urandom(4), found.clock(), found.draw(), found.kept.random()
            sim.note(repr((before, after)))
            return before, after

        hosts = world.hosts("a", "b")
        return [await host.run(imports).wait() for host in hosts]

    return main


def test_the_run_that_imports_is_the_same_as_the_one_after_it(module: Module) -> None:  # R8
    name = module("late_one")
    one, other, third = (sim.run(program(name), 3, trace="all") for _ in range(3))
    assert one.error is None
    assert one.result == other.result == third.result
    assert one.digest == other.digest == third.digest


def test_it_is_the_same_as_one_that_had_imported_before(module: Module) -> None:
    name = module("late_two")
    late = sim.run(program(name), 3, trace="all")
    del sys.modules[name]
    interception.uninstall()  # which knows the module, too
    gc.collect()  # or there were two generators of one name
    importlib.import_module(name)
    early = sim.run(program(name), 3, trace="all")
    assert late.result == early.result
    assert late.digest == early.digest


def test_what_a_module_does_when_it_is_imported_is_done_in_reality(module: Module) -> None:
    name = module("late_three")
    assert sim.run(program(name), 3).error is None
    found = sys.modules[name]
    assert found.host is None
    assert found.slept >= 0.002
    assert len(found.ended) == 1
    assert not hasattr(found.kind, "endpoint")


def test_generators_of_late_modules_are_given_back_as_they_were(module: Module) -> None:
    name = module("late_four", "import random\nkept = random.Random(7)\n")

    async def main(world: sim.World) -> float:
        return float(importlib.import_module(name).kept.random())

    drawn = [sim.run(main, 1).result for _ in range(2)]
    assert drawn[0] == drawn[1]
    import random

    assert sys.modules[name].kept.random() == random.Random(7).random()


def test_an_import_takes_no_time_of_the_world(module: Module) -> None:
    name = module("late_five")

    async def main(world: sim.World) -> float:
        before = world.now
        importlib.import_module(name)
        return world.now - before

    assert sim.run(main).result == 0


def test_what_is_imported_late_is_refused_at_once(module: Module) -> None:  # B3
    module("psycopg2", "def connect(*args):\n    return 'real'\n")

    async def main(world: sim.World) -> str:
        from psycopg2 import connect  # type: ignore[import-untyped,import-not-found]  # the one above

        with pytest.raises(SimEscape) as raised:
            connect("host=server")
        return raised.value.name

    assert sim.run(main).result == "psycopg2.connect"


def test_after_an_import_that_fails_the_world_goes_on(module: Module) -> None:
    name = module("late_six", "raise ValueError('broken')\n")

    async def main(world: sim.World) -> list[str]:
        found = []
        for wanted in (name, "a_module_that_is_nowhere", name):
            try:
                importlib.import_module(wanted)
            except (ImportError, ValueError) as error:
                found.append(str(error))
            assert here.host is world.control
        await world.sleep(3600)
        return found

    outcome = sim.run(main)
    assert outcome.error is None
    assert outcome.result == ["broken", "No module named 'a_module_that_is_nowhere'", "broken"]


def test_hosted_programs_import_outside_of_their_world_too(module: Module) -> None:
    name = module("late_seven")

    async def main(world: sim.World) -> Any:
        def program() -> Any:
            found = importlib.import_module(name)
            return found.draw(), found.clock()

        return [await host.program(program).wait() for host in world.hosts("a", "b")]

    one, other = (sim.run(main, 5) for _ in range(2))
    assert one.error is None
    assert one.result == other.result
    assert sys.modules[name].host is None


def test_outside_of_worlds_imports_are_pythons_own(module: Module) -> None:  # R5
    import _frozen_importlib

    interception.install()
    wrapped = vars(_frozen_importlib)["_find_and_load"]
    interception.uninstall()
    assert vars(_frozen_importlib)["_find_and_load"] is not wrapped
    assert vars(_frozen_importlib)["_find_and_load"].__code__.co_filename == "<frozen importlib._bootstrap>"
    interception.install()
    assert importlib.import_module(module("late_eight", "x = 1\n")).x == 1


UVLOOP = """
import asyncio, sys, warnings
from junto import aio, expose, sim

assert "uvloop" not in sys.modules
USE

class Echo:
    @expose
    def echo(self, text: str) -> str:
        return text + " by " + type(asyncio.get_running_loop()).__module__

async def serve():
    server = await aio.serve(Echo(), "tcp://0.0.0.0:5000")
    await asyncio.sleep(2)
    await server.close()

async def ask():
    await asyncio.sleep(1)
    async with aio.connect("tcp://server:5000") as peer:
        return await peer.remote.echo("hello")

async def main(world):
    server, client = world.hosts("server", "client")
    program = server.program(lambda: run(serve()))
    answer = await client.program(lambda: run(ask())).wait()
    await program.wait()
    return answer

outcomes = []
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    for _ in range(2):
        outcomes.append(sim.run(main, 3, trace="all"))
one, other = outcomes
assert one.error is None, one.error
assert one.digest == other.digest
assert one.result == other.result
assert "uvloop" in sys.modules
print(one.result, sorted({str(one.message) for one in told}))
"""


@pytest.mark.parametrize(
    ("use", "name"),
    [
        ("run = aio.run", "uvloop.new_event_loop"),
        ("def run(main):\n    import uvloop\n    return uvloop.run(main)", "uvloop.run"),
        (
            "def run(main):\n    import uvloop\n    uvloop.install()\n    return asyncio.run(main)",
            "uvloop.install",
        ),
    ],
)
def test_uvloop_is_ignored_with_a_warning(use: str, name: str) -> None:  # B3
    done = subprocess.run(
        [sys.executable, "-c", UVLOOP.replace("USE", use)],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == f"hello by asyncio.unix_events ['{name} is ignored in a simulated world']"


def test_a_loop_of_uvloop_itself_is_refused() -> None:
    uvloop = pytest.importorskip("uvloop")

    async def main(world: sim.World) -> str:
        with pytest.raises(SimEscape) as raised:
            uvloop.Loop()
        return raised.value.name

    assert sim.run(main).result == "uvloop.Loop"
