"""VSOA: junto beside the package ``vsoa`` 1.0.4 and bare sockets, each side a process of its own.

    python -m benchmarks.vsoa [--rounds 5] [--seconds 1.0] [--only fetch]

Contestants take turns in each round; what is told is the median of the rounds, and its ratio to the baseline.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import socket
import statistics
import struct
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

IN_FLIGHT = 100
SUBSCRIBERS = 10
HEADER = struct.Struct(">BBBBIHHII")

Counted = tuple[float, str]
"""A rate per second, and a remark."""


# --- servers: each listens at the port of its argument, and says so ---


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def serve_bare(port: int) -> None:
    """Send back what comes, a fetch of 24 bytes at a time."""

    def answer(connection: socket.socket) -> None:
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while data := connection.recv(65536):
                connection.sendall(data)

    with socket.create_server(("127.0.0.1", port)) as listener:
        say("ready")
        while True:
            threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()


def serve_vsoa(port: int) -> None:
    import vsoa

    server = vsoa.Server()

    @server.command("/echo")
    def echo(client: Any, request: Any, payload: Any) -> None:
        client.reply(request.seqno, {"param": payload.param})

    def publish(quick: bool, seconds: float, pause: float, data: bytes) -> None:
        end = time.perf_counter() + seconds
        count = 0
        while time.perf_counter() < end:
            server.publish("/p", {"data": data}, quick)
            count += 1
            if pause and count % 20 == 0:
                time.sleep(pause)
        time.sleep(0.3)
        server.publish("/end", {"param": [count]})

    @server.command("/go")
    def go(client: Any, request: Any, payload: Any) -> None:
        client.reply(request.seqno)
        arguments = (payload.param["quick"], payload.param["seconds"], payload.param["pause"], b"x" * 64)
        threading.Thread(target=publish, args=arguments, daemon=True).start()

    threading.Timer(0.2, say, ("ready",)).start()
    server.run("127.0.0.1", port)


def serve_junto(port: int) -> None:
    from junto import aio as flavour
    from junto.vsoa import aio

    async def main() -> None:
        async with aio.serve(f"vsoa://127.0.0.1:{port}") as server:
            tasks = []
            server.command("/echo")(lambda request: request.param)

            async def publish(quick: bool, seconds: float, pause: float) -> None:
                data = b"x" * 64
                end = time.perf_counter() + seconds
                count = 0
                while time.perf_counter() < end:
                    for _ in range(20):
                        server.publish("/p", None, data, quick=quick)
                    count += 20
                    await asyncio.sleep(pause)
                await asyncio.sleep(0.3)
                server.publish("/end", [count])

            @server.command("/go")
            def go(request: Any) -> None:
                tasks.append(asyncio.create_task(publish(**request.param)))

            say("ready")
            await server.wait_closed()

    flavour.run(main())


# --- clients: each prints a rate ---


def rate(step: Callable[[], object], seconds: float) -> float:
    count = 0
    start = now = time.perf_counter()
    while now < start + seconds:
        step()
        count += 1
        now = time.perf_counter()
    return count / (now - start)


def fetch_bare(port: int, seconds: float) -> float:
    frame = HEADER.pack(0x29, 1, 0xC0, 0, 0, 0, 5, 1, 0) + b"/echo5\0\0"
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def step() -> None:
            connection.sendall(frame)
            size = 0
            while size < len(frame):
                size += len(connection.recv(65536))

        rate(step, 0.2)
        return rate(step, seconds)


def fetch_vsoa(port: int, seconds: float) -> float:
    import vsoa

    client = vsoa.Client()
    assert client.connect(f"vsoa://127.0.0.1:{port}") == 0
    threading.Thread(target=client.run, daemon=True).start()

    def step() -> None:
        assert client.fetch("/echo", payload={"param": [5]})[1].param == [5]

    rate(step, 0.2)
    return rate(step, seconds)


def fetch_junto(port: int, seconds: float) -> float:
    from junto.vsoa import sync

    with sync.connect(f"vsoa://127.0.0.1:{port}") as client:

        def step() -> None:
            assert client.fetch("/echo", [5]).param == [5]

        rate(step, 0.2)
        return rate(step, seconds)


def pipeline_vsoa(port: int, seconds: float) -> float:
    import vsoa

    client = vsoa.Client()
    assert client.connect(f"vsoa://127.0.0.1:{port}") == 0
    threading.Thread(target=client.run, daemon=True).start()
    done = 0
    free = threading.Semaphore(IN_FLIGHT)

    def answered(_client: Any, header: Any, payload: Any) -> None:
        nonlocal done
        assert payload.param == [5]
        done += 1
        free.release()

    def step() -> None:
        free.acquire()
        client.call("/echo", payload={"param": [5]}, callback=answered)

    rate(step, 0.2)
    return rate(step, seconds)


def pipeline_junto(port: int, seconds: float) -> float:
    from junto import aio as flavour
    from junto.vsoa import aio

    async def main() -> float:
        async with aio.connect(f"vsoa://127.0.0.1:{port}") as client:
            flying = deque(client.fetch("/echo", [5]) for _ in range(IN_FLIGHT))
            count = 0
            start = now = time.perf_counter()
            while now < start + seconds:
                for _ in range(IN_FLIGHT):
                    assert (await flying.popleft()).param == [5]
                    flying.append(client.fetch("/echo", [5]))
                count += IN_FLIGHT
                now = time.perf_counter()
            for last in flying:
                await last
            return count / (now - start)

    return flavour.run(main())


def subscribe_vsoa(port: int, seconds: float, *, quick: bool, pause: float) -> tuple[float, float]:
    import vsoa

    counts = [0] * SUBSCRIBERS
    ended: list[Any] = []
    clients = []

    def receiver(number: int) -> Callable[..., None]:
        def receive(client: Any, url: str, payload: Any, quick: bool) -> None:
            if url == "/p":
                counts[number] += 1
            else:
                ended.append(payload.param[0])

        return receive

    for number in range(SUBSCRIBERS):
        client = vsoa.Client()
        client.onmessage = receiver(number)
        assert client.connect(f"vsoa://127.0.0.1:{port}") == 0
        threading.Thread(target=client.run, daemon=True).start()
        client.subscribe(["/p", "/end"])
        clients.append(client)
    time.sleep(0.3)
    clients[0].fetch("/go", payload={"param": {"quick": quick, "seconds": seconds, "pause": pause}})
    give_up = time.monotonic() + 20 * seconds
    while len(ended) < SUBSCRIBERS and time.monotonic() < give_up:
        time.sleep(0.01)
    return sum(counts) / seconds, sum(counts) / max(1, ended[0] * SUBSCRIBERS)


def subscribe_junto(port: int, seconds: float, *, quick: bool, pause: float) -> tuple[float, float]:
    from junto import aio as flavour
    from junto.vsoa import aio

    async def main() -> tuple[float, float]:
        counts = [0] * SUBSCRIBERS
        ended: list[Any] = []
        async with contextlib.AsyncExitStack() as stack:

            def counter(number: int) -> Callable[[Any], None]:
                def receive(message: Any) -> None:
                    counts[number] += 1

                return receive

            clients = []
            for number in range(SUBSCRIBERS):
                client = await stack.enter_async_context(aio.connect(f"vsoa://127.0.0.1:{port}"))
                await client.subscribe("/p", callback=counter(number))
                await client.subscribe("/end", callback=lambda message: ended.append(message.param[0]))
                clients.append(client)
            await clients[0].fetch("/go", {"quick": quick, "seconds": seconds, "pause": pause})
            give_up = time.monotonic() + 20 * seconds
            while len(ended) < SUBSCRIBERS and time.monotonic() < give_up:  # noqa: ASYNC110  # as the other waits
                await asyncio.sleep(0.01)
            return sum(counts) / seconds, sum(counts) / max(1, ended[0] * SUBSCRIBERS)

    return flavour.run(main())


# --- taking turns ---

QUICK_PAUSE = 0.002
"""Twenty quick publications in such a time: the same rate for both."""

WORKLOADS: dict[str, dict[str, tuple[str, Callable[[int, float], Any]]]] = {
    "fetch": {
        "vsoa": ("vsoa", fetch_vsoa),
        "bare sockets": ("bare", fetch_bare),
        "junto": ("junto", fetch_junto),
    },
    "pipelined": {"vsoa": ("vsoa", pipeline_vsoa), "junto": ("junto", pipeline_junto)},
    "publish": {
        "vsoa": ("vsoa", lambda port, seconds: subscribe_vsoa(port, seconds, quick=False, pause=0.0)),
        "junto": ("junto", lambda port, seconds: subscribe_junto(port, seconds, quick=False, pause=0.0)),
    },
    "quick": {
        "vsoa": ("vsoa", lambda port, seconds: subscribe_vsoa(port, seconds, quick=True, pause=QUICK_PAUSE)),
        "junto": (
            "junto",
            lambda port, seconds: subscribe_junto(port, seconds, quick=True, pause=QUICK_PAUSE),
        ),
    },
}
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


@contextlib.contextmanager
def server(name: str) -> Iterator[int]:
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.vsoa", "--be-server", name, str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "ready\n"
        yield port
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def turn(workload: str, contestant: str, seconds: float) -> list[float]:
    """Run server and client once; give the rate, and for publishing the part that arrived."""
    with server(WORKLOADS[workload][contestant][0]) as port:
        command = [sys.executable, "-m", "benchmarks.vsoa", "--be-client", workload, contestant, str(port)]
        command.append(str(seconds))
        done = subprocess.run(command, capture_output=True, text=True, timeout=60 + 40 * seconds, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return [float(word) for word in done.stdout.split()]


def measure(workload: str, rounds: int, seconds: float) -> None:
    contestants = WORKLOADS[workload]
    results: dict[str, list[list[float]]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name in contestants:
            results[name].append(turn(workload, name, seconds))
    medians = {
        name: [statistics.median(column) for column in zip(*turns, strict=True)]
        for name, turns in results.items()
    }
    print(f"\n{workload}")
    for name, (per_second, *arrived) in medians.items():
        remark = f", {arrived[0]:.2%} arrived" if arrived else ""
        if name == "junto":
            for other, (baseline, *_) in medians.items():
                if other != "junto":
                    bar = BARS.get((workload, other))
                    remark += f"; {per_second / baseline:.2f} of {other}"
                    remark += "" if bar is None else f" (to reach: {bar})"
        print(f"  {name:14} {per_second:12,.0f} /s{remark}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--only", action="append", choices=WORKLOADS)
    parser.add_argument("--be-server", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--be-client", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.be_server:
        name, port = options.be_server
        {"bare": serve_bare, "vsoa": serve_vsoa, "junto": serve_junto}[name](int(port))
    elif options.be_client:
        workload, contestant, port, seconds = options.be_client
        result = WORKLOADS[workload][contestant][1](int(port), float(seconds))
        say(" ".join(map(str, result if isinstance(result, tuple) else (result,))))
    else:
        for workload in options.only or WORKLOADS:
            measure(workload, options.rounds, options.seconds)


if __name__ == "__main__":
    main()
