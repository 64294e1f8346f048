"""What junto takes where nothing is counted per second: memory, and time to import."""

from __future__ import annotations

import contextlib
import functools
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from benchmarks.contestants import ADD, Work
from benchmarks.plan import Plan
from benchmarks.processes import ChildFailed, Client, Server, Side, environment
from benchmarks.report import Progress
from benchmarks.results import LEFT_OUT, Bar, Figures, Outcome
from benchmarks.workloads import LOOPS, MIB, Contestant, bare

MESSAGE = 32 * MIB
# Files that a process has open beside its connections.
_SPARE_FILES = 64

Turn = Callable[[], float]


def _in_rounds(outcome: Outcome, turns: list[tuple[Figures, Turn]], rounds: int, progress: Progress) -> None:
    for lap in range(rounds):
        for figures, take_turn in turns:
            if not figures.failed and not figures.note.startswith(LEFT_OUT):
                progress.tell(f"{outcome.name}: round {lap + 1} of {rounds}: {figures.name}")
                try:
                    figures.values.append(take_turn())
                except ChildFailed as error:
                    figures.failed = str(error)
    outcome.figures = [figures for figures, _ in turns]


def _turns(
    contestants: Iterator[Contestant], take: Callable[[Contestant], float], plan: Plan
) -> list[tuple[Figures, Turn]]:
    turns: list[tuple[Figures, Turn]] = []
    for contestant in contestants:
        if not plan.wants(contestant.name):
            continue
        figures = Figures(contestant.name, contestant.bars)
        if (library := contestant.missing()) is not None:
            figures.note = f"{LEFT_OUT}: {library} is not installed"
        elif not Path("/proc/self/status").exists():
            figures.note = f"{LEFT_OUT}: this system does not tell a process's memory in /proc"
        turns.append((figures, functools.partial(take, contestant)))
    return turns


def _idle_contestants() -> Iterator[Contestant]:
    for loop in LOOPS:
        yield Contestant.of(bare(loop), Side("bare", loop))
        for codec in ("json", "msgpack"):
            bar = Bar((bare(loop),), 6.0, "at most", "difference")
            yield Contestant.of(f"junto {codec}, {loop}", Side("junto_aio", loop, {"codec": codec}), bar)


def measure_idle(plan: Plan, progress: Progress) -> Outcome:
    """Open connections of which each makes one call and is idle then; see how the server has grown."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = plan.idle
    if hard != resource.RLIM_INFINITY:
        count = min(count, hard - _SPARE_FILES)

    def take(contestant: Contestant) -> float:
        with ExitStack() as stack:
            server = stack.enter_context(Server(contestant.server, plan.placement))
            port = server.port()

            def connect(connections: int) -> None:
                client = Client(contestant.client, plan.placement, connections=connections)
                stack.enter_context(client).connect(port, timeout=120)

            connect(1)
            before = server.usage(collect=True)["resident"]
            connect(count)
            after = server.usage(collect=True)["resident"]
            return float(after - before) / count / 1024

    outcome = Outcome("idle", f"{count:,} idle connections, each used once: memory of the server", "KiB each")
    _in_rounds(outcome, _turns(_idle_contestants(), take, plan), plan.few, progress)
    return outcome


def _memory_contestants() -> Iterator[Contestant]:
    echo, take = Work("echo", MESSAGE), Work("take", MESSAGE)
    for loop in LOOPS:
        yield Contestant.of(f"bare, {loop}: there and back", Side("bare", loop), work=echo)
        for extensions, name in ((True, "junto"), (False, "junto to any peer")):
            side = Side("junto_aio", loop, {"codec": "msgpack", "extensions": extensions})
            yield Contestant.of(f"{name}, {loop}: received", side, Bar((), 2.5, "at most"), work=take)
            yield Contestant.of(f"{name}, {loop}: there and back", side, Bar((), 2.5, "at most"), work=echo)


def measure_memory(plan: Plan, progress: Progress) -> Outcome:
    """Send a server that has only seen small calls one large message; see how high its memory rose."""

    def take(contestant: Contestant) -> float:
        with ExitStack() as stack:
            server = stack.enter_context(Server(contestant.server, plan.placement))
            port = server.port()

            def call_once(work: Work) -> None:
                client = Client(contestant.client, plan.placement, work=work)
                stack.enter_context(client).connect(port, timeout=60)

            call_once(ADD)
            before = server.usage(collect=True)["resident"]
            call_once(contestant.work)
            return float(server.usage()["peak"] - before) / MESSAGE

    title = f"one message of {MESSAGE // MIB} MiB: peak growth of the server"
    outcome = Outcome("memory", title, "times its size")
    _in_rounds(outcome, _turns(_memory_contestants(), take, plan), plan.few, progress)
    return outcome


_IMPORT = """
import sys, time
start = time.perf_counter()
import {module}
took = time.perf_counter() - start
import json
print(json.dumps([took * 1000, "asyncio" in sys.modules]))
"""


def measure_import(plan: Plan, progress: Progress) -> Outcome:
    """Import each module in a process of its own, whose files the system has just read."""
    outcome = Outcome("import", "time to import, warm", "ms")
    rows = [
        Figures("asyncio"),
        Figures("msgspec"),
        Figures("junto", (Bar((), 60.0, "at most"),)),
        Figures("junto.sync"),
        Figures("junto.aio"),
    ]
    with tempfile.TemporaryDirectory() as compiled:
        turns: list[tuple[Figures, Turn]] = [
            (figures, functools.partial(_import, figures, compiled)) for figures in rows
        ]
        for _, take in turns:
            with contextlib.suppress(ChildFailed):
                take()  # reads the files, and writes the compiled ones
        _in_rounds(outcome, turns, 3 * plan.rounds, progress)
    return outcome


def _import(figures: Figures, compiled: str) -> float:
    variables = {**environment(), "PYTHONPYCACHEPREFIX": compiled}
    variables.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-c", _IMPORT.format(module=figures.name)]
    done = subprocess.run(command, env=variables, stdout=subprocess.PIPE, timeout=60, check=False)
    if done.returncode:
        raise ChildFailed(f"import {figures.name} failed")
    took, asyncio = json.loads(done.stdout)
    if figures.name in ("junto", "junto.sync"):
        if asyncio:
            raise ChildFailed("it imports asyncio")
        figures.note = "asyncio is not imported"
    return float(took)
