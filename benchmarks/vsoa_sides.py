"""VSOA's contestants: servers that say where they listen, and clients that give a rate.

Each runs in a process of its own; see `benchmarks.vsoa`.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

IN_FLIGHT = 100
SUBSCRIBERS = 10
HEADER = struct.Struct(">BBBBIHHII")
DATA = b"x" * 64

# --- servers: each listens at the port of its argument, and says so ---


def due(start: float, count: int, rate: float) -> float:
    """How many seconds to wait before the next burst, when *count* publications are out; 0 for none."""
    return max(0.0, start + count / rate - time.perf_counter()) if rate else 0.0


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


class FrameSocket:
    """Sends and receives frames as they are, each with one system call."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.send = connection.sendall
        self._receive = connection.recv
        self._received = b""

    def receive(self) -> bytes | None:
        """Receive the next frame; ``None`` if the peer has closed."""
        data = self._received
        while len(data) < 20 or len(data) < (end := measure(data)):
            more = self._receive(65_536)
            if not more:
                return None
            data = data + more if data else more
        self._received = data[end:]
        return data[:end]


def measure(frame: bytes) -> int:
    _, _, flags, _, _, _, *sizes = HEADER.unpack_from(frame)
    return 20 + sum(sizes) + (flags >> 6)


def serve_bare(port: int) -> None:
    """Send back the frames that come, in a thread for each connection."""

    def answer(connection: socket.socket) -> None:
        frames = FrameSocket(connection)
        with connection:
            while (frame := frames.receive()) is not None:
                frames.send(frame)

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

    def publish(quick: bool, seconds: float, burst: int, rate: float) -> None:
        start = time.perf_counter()
        count = 0
        while time.perf_counter() < start + seconds:
            for _ in range(burst):
                server.publish("/p", {"data": DATA}, quick)
            count += burst
            if (pause := due(start, count, rate)) > 0:
                time.sleep(pause)
        time.sleep(0.3)
        server.publish("/end", {"param": [count]})

    @server.command("/go")
    def go(client: Any, request: Any, payload: Any) -> None:
        client.reply(request.seqno)
        threading.Thread(target=publish, kwargs=payload.param, daemon=True).start()

    threading.Timer(0.2, say, ("ready",)).start()
    server.run("127.0.0.1", port)


def serve_junto(port: int) -> None:
    from junto import aio as flavour
    from junto.vsoa import aio

    async def main() -> None:
        async with aio.serve(f"vsoa://127.0.0.1:{port}") as server:
            tasks = []
            server.command("/echo")(lambda request: request.param)

            async def publish(quick: bool, seconds: float, burst: int, rate: float) -> None:
                start = time.perf_counter()
                count = 0
                while time.perf_counter() < start + seconds:
                    for _ in range(burst):
                        server.publish("/p", None, DATA, quick=quick)
                    count += burst
                    await asyncio.sleep(due(start, count, rate))
                await asyncio.sleep(0.3)
                server.publish("/end", [count])

            @server.command("/go")
            def go(request: Any) -> None:
                tasks.append(asyncio.create_task(publish(**request.param)))

            say("ready")
            await server.wait_closed()

    flavour.run(main())


def serve_junto_threads(port: int) -> None:
    from junto.vsoa import sync

    with sync.serve(f"vsoa://127.0.0.1:{port}") as server:
        server.command("/echo")(lambda request: request.param)
        say("ready")
        server.serve_forever()


# --- clients: each gives a rate, and how many calls or messages it made in all, warming up included ---


WARM_UP = 0.2


def rate(step: Callable[[], object], seconds: float) -> tuple[float, int]:
    counts = []
    for period in (WARM_UP, seconds):
        count = 0
        start = now = time.perf_counter()
        while now < start + period:
            step()
            count += 1
            now = time.perf_counter()
        counts.append(count)
    return count / (now - start), sum(counts)


def fetch_bare(port: int, seconds: float) -> tuple[float, int]:
    frame = HEADER.pack(0x29, 1, 0, 0, 0, 0, 5, 3, 0) + b"/echo[5]"
    with socket.create_connection(("127.0.0.1", port)) as connection:
        frames = FrameSocket(connection)

        def step() -> None:
            frames.send(frame)
            assert frames.receive() == frame

        return rate(step, seconds)


def fetch_vsoa(port: int, seconds: float) -> tuple[float, int]:
    import vsoa

    client = vsoa.Client()
    assert client.connect(f"vsoa://127.0.0.1:{port}") == 0
    threading.Thread(target=client.run, daemon=True).start()

    def step() -> None:
        assert client.fetch("/echo", payload={"param": [5]})[1].param == [5]

    return rate(step, seconds)


def fetch_junto(port: int, seconds: float) -> tuple[float, int]:
    from junto.vsoa import sync

    with sync.connect(f"vsoa://127.0.0.1:{port}") as client:

        def step() -> None:
            assert client.fetch("/echo", [5]).param == [5]

        return rate(step, seconds)


def pipeline_vsoa(port: int, seconds: float) -> tuple[float, int]:
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

    return rate(step, seconds)


def pipeline_junto(port: int, seconds: float) -> tuple[float, int]:
    from junto import aio as flavour
    from junto.vsoa import aio

    async def main() -> tuple[float, int]:
        async with aio.connect(f"vsoa://127.0.0.1:{port}") as client:
            flying = deque(client.fetch("/echo", [5]) for _ in range(IN_FLIGHT))
            counts = []
            for period in (WARM_UP, seconds):
                count = 0
                start = now = time.perf_counter()
                while now < start + period:
                    for _ in range(IN_FLIGHT):
                        assert (await flying.popleft()).param == [5]
                        flying.append(client.fetch("/echo", [5]))
                    count += IN_FLIGHT
                    now = time.perf_counter()
                counts.append(count)
            for last in flying:
                await last
            return count / (now - start), sum(counts)

    return flavour.run(main())


def keep_busy(seconds: float, until: float) -> None:
    """Now and then, use the interpreter for *seconds* without a pause, as a computation in C does."""

    def compute() -> None:
        start = time.perf_counter()
        sum(range(2_000_000))
        size = int(2_000_000 * seconds / (time.perf_counter() - start))
        while time.perf_counter() < until:
            time.sleep(seconds)
            sum(range(size))

    if seconds:
        threading.Thread(target=compute, daemon=True).start()


def subscribe_vsoa(port: int, seconds: float, order: dict[str, Any], busy: float) -> tuple[float, int, float]:
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
    clients[0].fetch("/go", payload={"param": {"seconds": seconds, **order}})
    keep_busy(busy, time.perf_counter() + seconds)
    give_up = time.monotonic() + 20 * seconds
    while len(ended) < SUBSCRIBERS and time.monotonic() < give_up:
        time.sleep(0.01)
    return sum(counts) / seconds, sum(counts), sum(counts) / max(1, ended[0] * SUBSCRIBERS)


def subscribe_junto(
    port: int, seconds: float, order: dict[str, Any], busy: float
) -> tuple[float, int, float]:
    from junto import aio as flavour
    from junto.vsoa import aio

    async def main() -> tuple[float, int, float]:
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
            await clients[0].fetch("/go", {"seconds": seconds, **order})
            keep_busy(busy, time.perf_counter() + seconds)
            give_up = time.monotonic() + 20 * seconds
            while len(ended) < SUBSCRIBERS and time.monotonic() < give_up:  # noqa: ASYNC110  # as the other waits
                await asyncio.sleep(0.01)
            return sum(counts) / seconds, sum(counts), sum(counts) / max(1, ended[0] * SUBSCRIBERS)

    return flavour.run(main())
