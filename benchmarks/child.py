"""What runs in the processes that are measured: one server, or one client with its connections.

The parent gives the role as JSON and then talks over the pipes, a line each way. When it has ended,
in whatever way, the child ends too.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import os
import resource
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from time import process_time, sleep
from typing import Any, TextIO

from benchmarks.contestants import Client, Work
from benchmarks.drivers import check, find_driver

# So many connections are opened at once: fewer than fit a listener's queue.
_AT_ONCE = 32


def main() -> None:
    # Ctrl-C is the parent's business, which then closes the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    role = json.loads(sys.argv[1])
    if role["cpus"]:
        os.sched_setaffinity(0, role["cpus"])  # before there are threads, which inherit it
    # What a library prints must not be taken for an answer.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    if role["role"] == "server":
        _be_server(role, answers)
    else:
        _be_client(role, answers)


def _say(answers: TextIO, answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer) + "\n")


def _runner(loop: str) -> asyncio.Runner:
    if loop == "uvloop":
        import uvloop

        return asyncio.Runner(loop_factory=uvloop.new_event_loop)
    return asyncio.Runner()


def _be_server(role: dict[str, Any], answers: TextIO) -> None:
    module = importlib.import_module(f"benchmarks.contestants.{role['module']}")

    def announce(port: int) -> None:
        _say(answers, {"port": port})

    threading.Thread(target=_answer_parent, args=(answers,), daemon=True).start()
    if role["loop"] in ("asyncio", "uvloop"):
        with _runner(role["loop"]) as runner:
            runner.run(module.serve(announce, **role["options"]))
    else:
        module.serve(announce, **role["options"])


def _answer_parent(answers: TextIO) -> None:
    """Answer beside the server; this thread sleeps in a read while anything is measured."""
    for line in sys.stdin:
        if line == "collect\n":
            gc.collect()
            _reset_peak()
        _say(answers, {"cpu": process_time(), **_memory()})
    os._exit(0)


_STATUS = Path("/proc/self/status")


def _reset_peak() -> None:
    if _STATUS.exists():
        Path("/proc/self/clear_refs").write_text("5")


def _memory() -> dict[str, int]:
    """Tell the resident memory and its peak since `_reset_peak`, in bytes; nothing but on Linux."""
    if not _STATUS.exists():
        return {}
    fields = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines())
    return {
        "resident": int(fields["VmRSS"].split()[0]) * 1024,
        "peak": int(fields["VmHWM"].split()[0]) * 1024,
    }


def _be_client(role: dict[str, Any], answers: TextIO) -> None:
    threading.Thread(target=_watch_parent, args=(os.getppid(),), daemon=True).start()
    module = importlib.import_module(f"benchmarks.contestants.{role['module']}")
    work = Work(*role["work"])
    port = int(sys.stdin.readline())

    def connect() -> Any:
        return module.connect(port, work, **role["options"])

    if role["loop"] == "simpy":
        clients = [connect() for _ in range(role["connections"])]

        def drive(driver: Any, seconds: float) -> Any:
            return module.run(driver(clients, seconds))
    elif role["loop"] == "trio":
        from benchmarks.in_trio import TrioThread

        thread = TrioThread(connect, role["connections"])
        clients, drive = thread.clients, thread.run
    elif role["loop"]:
        runner = _runner(role["loop"])
        clients = runner.run(_open_async(connect, role["connections"]))

        def drive(driver: Any, seconds: float) -> Any:
            return runner.run(driver(clients, seconds))
    else:
        clients = [connect() for _ in range(role["connections"])]
        for client in clients:
            check(client.call(), client.expected)

        def drive(driver: Any, seconds: float) -> Any:
            return driver(clients, seconds)

    _say(answers, {"connections": len(clients)})
    for line in sys.stdin:
        order = json.loads(line)
        driver = find_driver(order["driver"], loop=role["loop"])
        drive(driver, order["warm_up"])
        # The server's processor time is read by the parent, at the same two moments.
        _say(answers, {"warm": True})
        sys.stdin.readline()
        cpu = process_time()
        count, elapsed = drive(driver, order["seconds"])
        _say(answers, {"count": count, "elapsed": elapsed, "cpu": process_time() - cpu})
    # Without the libraries' own ways to end: there is nothing to save.
    os._exit(0)


def _watch_parent(parent: int) -> None:
    """End with the parent, even in a call that no server answers any more."""
    while os.getppid() == parent:
        sleep(1.0)
    os._exit(1)


async def _open_async(connect: Callable[[], Any], count: int) -> list[Client]:
    async def open_one() -> Client:
        client: Client = await connect()
        check(await client.call(), client.expected)
        return client

    clients: list[Client] = []
    while len(clients) < count:
        batch = min(_AT_ONCE, count - len(clients))
        clients += await asyncio.gather(*[open_one() for _ in range(batch)])
    return clients


if __name__ == "__main__":
    main()
