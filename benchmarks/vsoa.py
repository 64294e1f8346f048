"""VSOA: junto beside the package ``vsoa`` 1.0.4 and bare sockets, each side a process of its own.

    python -m benchmarks.vsoa [--rounds 5] [--seconds 1.0] [--placement split] [--only fetch]

Contestants take turns in each round. What is told is the median of the rounds, lowest and highest, and the
processor time of client and server for each call or message. A ratio is made round by round, from turns that
lie close together, and its median told.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from statistics import median
from typing import Any, NamedTuple

from benchmarks import vsoa_sides as sides
from benchmarks.processes import Placement

SERVERS: dict[str, Callable[[int], object]] = {
    "bare": sides.serve_bare,
    "vsoa": sides.serve_vsoa,
    "junto": sides.serve_junto,
    "junto threads": sides.serve_junto_threads,
}


class Contestant(NamedTuple):
    """What runs in the two processes.

    Attributes:
        server: One of `SERVERS`.
        client: Gets the port and the seconds; gives a rate, how many it made in all, and of publications the
            part that arrived.
    """

    server: str
    client: Callable[[int, float], Any]


def publishing(*, busy: float = 0.0, **order: Any) -> dict[str, Contestant]:
    return {
        "vsoa": Contestant("vsoa", partial(sides.subscribe_vsoa, order=order, busy=busy)),
        "junto": Contestant("junto", partial(sides.subscribe_junto, order=order, busy=busy)),
    }


QUICK = ((2000, 0.0), (5000, 0.0), (2000, 0.2), (5000, 0.2))
"""Quick publications in a second, to ten subscribers, and for how many seconds these are busy at a time."""

WORKLOADS: dict[str, dict[str, Contestant]] = {
    "fetch": {
        "vsoa": Contestant("vsoa", sides.fetch_vsoa),
        "bare sockets": Contestant("bare", sides.fetch_bare),
        "junto": Contestant("junto", sides.fetch_junto),
        "junto, both in threads": Contestant("junto threads", sides.fetch_junto),
    },
    "pipelined": {
        "vsoa": Contestant("vsoa", sides.pipeline_vsoa),
        "junto": Contestant("junto", sides.pipeline_junto),
    },
    "publish": publishing(quick=False, burst=20, rate=0),
    **{
        f"quick, {10 * rate:,}/s{f', subscribers busy for {busy} s at a time' if busy else ''}": publishing(
            quick=True, burst=20, rate=rate, busy=busy
        )
        for rate, busy in QUICK
    },
}
MODULES = {"vsoa": ("vsoa",), "junto": ("junto.aio", "junto.vsoa.aio", "junto.vsoa.sync")}
"""What clients import."""

BARS = {
    ("fetch", "vsoa"): 2.3,
    ("fetch", "bare sockets"): 0.75,
    ("pipelined", "vsoa"): 6.0,
    ("publish", "vsoa"): 8.0,
}


def free_port() -> int:
    while True:
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            port: int = tcp.getsockname()[1]
            with contextlib.suppress(OSError):
                udp.bind(("127.0.0.1", port))
                return port


def command(role: str, *words: object, cpus: tuple[int, ...]) -> list[str]:
    order = [sys.executable, "-m", "benchmarks.vsoa", role, *map(str, words)]
    return [*order, "--cpus", ",".join(map(str, cpus))] if cpus else order


@contextlib.contextmanager
def server(name: str, cpus: tuple[int, ...]) -> Iterator[tuple[int, Callable[[], float]]]:
    """Run a server; give its port, and what tells its processor time."""
    port = free_port()
    process = subprocess.Popen(
        command("--be-server", name, port, cpus=cpus), stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "ready\n"
        yield port, partial(processor_time, process.pid)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def processor_time(pid: int) -> float:
    # The clock of another process's processor time, as Linux numbers it.
    return time.clock_gettime(~pid << 3 | 2) if sys.platform == "linux" else 0.0


class Turn(NamedTuple):
    """What one run of server and client gave.

    Attributes:
        rate: Calls or messages per second.
        client_cpu: Processor time of the client for each, in microseconds.
        server_cpu: The same of the server.
        arrived: The part of the publications that arrived; 1 for calls.
    """

    rate: float
    client_cpu: float
    server_cpu: float
    arrived: float = 1.0

    @property
    def cpu(self) -> float:
        return self.client_cpu + self.server_cpu


def turn(workload: str, contestant: str, seconds: float, placement: Placement) -> Turn:
    with server(WORKLOADS[workload][contestant].server, placement.server) as (port, time_of_server):
        order = command("--be-client", workload, contestant, port, seconds, cpus=placement.client)
        before = time_of_server()
        done = subprocess.run(order, capture_output=True, text=True, timeout=60 + 40 * seconds, check=False)
        used = time_of_server() - before
    if done.returncode:
        raise RuntimeError(done.stderr)
    cpu, rate, count, *arrived = [float(word) for word in done.stdout.split()]
    return Turn(rate, cpu / count * 1e6, used / count * 1e6, *arrived)


def measure(workload: str, rounds: int, seconds: float, placement: Placement) -> None:
    contestants = WORKLOADS[workload]
    results: dict[str, list[Turn]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name in contestants:
            results[name].append(turn(workload, name, seconds, placement))
    print(f"\n{workload}")
    for name, turns in results.items():
        rates, clients, servers, arrived = zip(*turns, strict=True)
        print(
            f"  {name:24} {median(rates):12,.0f} /s  ({min(rates):,.0f} … {max(rates):,.0f})"
            f"  {median(clients):.1f} + {median(servers):.1f} µs"
        )
        if "publish" in workload or "quick" in workload:
            print(f"  {'':24}     {median(arrived):.2%} arrived, {min(arrived):.2%} at least")
        for other, baseline in results.items():
            if name.startswith("junto") and not other.startswith("junto"):
                pairs = list(zip(turns, baseline, strict=True))
                ratio = median(ours.rate / theirs.rate for ours, theirs in pairs)
                by_cpu = median(theirs.cpu / ours.cpu for ours, theirs in pairs)
                bar = BARS.get((workload, other))
                remark = "" if bar is None else f"; at least {bar}: {'met' if ratio >= bar else 'NOT MET'}"
                print(f"  {'':24}     {ratio:.2f} of {other} ({by_cpu:.2f} by CPU){remark}")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument(
        "--placement",
        choices=("split", "same", "free"),
        default="split",
        help="the processors of the two processes: different ones, the same, or any",
    )
    parser.add_argument("--only", action="append", help="those that begin so; may be given again")
    parser.add_argument("--be-server", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--be-client", nargs=4, help=argparse.SUPPRESS)
    parser.add_argument("--cpus", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.cpus:
        os.sched_setaffinity(0, map(int, options.cpus.split(",")))
    if options.be_server:
        name, port = options.be_server
        SERVERS[name](int(port))
    elif options.be_client:
        workload, contestant, port, seconds = options.be_client
        for module in MODULES.get(contestant.split(",")[0], ()):  # importing does not count
            importlib.import_module(module)
        before = time.process_time()
        result = WORKLOADS[workload][contestant].client(int(port), float(seconds))
        sides.say(" ".join(map(str, (time.process_time() - before, *result))))
    else:
        placement = Placement.choose(options.placement)
        for workload in WORKLOADS:
            if not options.only or workload.startswith(tuple(options.only)):
                measure(workload, options.rounds, options.seconds, placement)


if __name__ == "__main__":
    main()
