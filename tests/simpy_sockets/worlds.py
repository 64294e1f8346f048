"""Where the statements about SimPy's sockets are tried: each way to watch sockets, with and without TLS."""

from __future__ import annotations

import functools
import ssl
import time
from collections.abc import Callable, Generator
from typing import Any

import pytest
import trustme

from junto.simpy import virtual
from junto.simpy.environments import Environment, SocketEnvironment
from junto.simpy.packets import Packet, PacketUTF8
from junto.simpy.sockets import TCPSocket
from junto.simpy.tls_sockets import TLSSocket

BACKENDS = ("select", "poll", "epoll", "asyncio")
KINDS = ("tcp", "tls")
REAL_WORLDS = [f"{backend}-{kind}" for backend in BACKENDS for kind in KINDS]
VIRTUAL = "virtual-tcp"
WORLDS = [*REAL_WORLDS, VIRTUAL]
REAL_TCP_WORLDS = [f"{backend}-tcp" for backend in BACKENDS]
TCP_WORLDS = [*REAL_TCP_WORLDS, VIRTUAL]
TLS_WORLDS = [f"{backend}-tls" for backend in BACKENDS]

LOCAL = ("127.0.0.1", 0)
LATENCY = 0.000_1  # of a virtual network: less than the time-outs of the tests
LONGEST = 10.0  # seconds; a wait that takes longer has failed

Process = Generator[Any, Any, Any]


@functools.cache
def authority() -> trustme.CA:
    return trustme.CA()


@functools.cache
def server_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority().issue_cert("127.0.0.1").configure_cert(context)
    return context


@functools.cache
def client_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority().configure_trust(context)
    return context


@functools.cache
def tls_class() -> type[TLSSocket]:
    return type(
        "TestedTLSSocket",
        (TLSSocket,),
        {"server_context": server_context(), "client_context": client_context()},
    )


class World:
    """One environment, and the sockets that are tried in it."""

    def __init__(self, name: str) -> None:
        self.backend, _, self.kind = name.partition("-")
        self.is_virtual = self.backend == "virtual"
        options = {"loopback_latency": lambda: LATENCY} if self.is_virtual else {}
        self.env: SocketEnvironment = Environment(self.backend, **options)
        self.Socket: type[Any] = TCPSocket
        if self.is_virtual:
            self.Socket = virtual.TCPSocket
        elif self.kind == "tls":
            self.Socket = tls_class()

    def socket(self) -> Any:
        return self.Socket(self.env)

    def server(self, address: Any = LOCAL, **options: Any) -> Any:
        return self.Socket.server(self.env, address, **options)

    def connection(self, address: Any) -> Any:
        return self.Socket.connection(self.env, address)

    def pair(self) -> tuple[Any, Any]:
        """Connect two sockets; return the one that connected, and the one that was accepted."""
        server = self.server()
        client = self.connection(server.address)
        accepted = self.wait(server.accept())
        server.close()
        return client, accepted

    def packets(self, cls: Any = Packet, **options: Any) -> tuple[Any, Any]:
        client, accepted = self.pair()
        return cls(client, **options), cls(accepted, **options)

    def messages(self, *args: Any, **options: Any) -> tuple[Any, Any]:
        from junto.simpy.messages import Message

        client, accepted = self.packets(PacketUTF8)
        return Message(self.env, client, *args, **options), Message(self.env, accepted, *args, **options)

    def wait(self, event: Any) -> Any:
        """Run until *event*, and return its value or raise its error."""
        if event.processed and not event.ok:
            raise event.value

        def give_up() -> None:
            pytest.fail(f"{event} did not happen in {LONGEST} s")

        watchdog = self.env.call_later(LONGEST, give_up)
        try:
            return self.env.run(until=event)
        finally:
            watchdog.cancel()

    def run_out(self) -> None:
        """Run until nothing can happen any more, which must be soon."""
        start = time.monotonic()
        self.env.run()
        assert time.monotonic() - start < LONGEST

    def run(self, *processes: Process) -> Any:
        """Run *processes* to their ends; return the value of the last one."""
        started = [self.env.process(process) for process in processes]
        self.wait(self.env.all_of(started))
        return started[-1].value

    def sleep(self, delay: float) -> None:
        self.env.run(until=self.env.timeout(delay))

    def until(self, condition: Callable[[], Any]) -> None:
        """Run until *condition* holds."""
        end = time.monotonic() + LONGEST
        while not condition():
            assert time.monotonic() < end, "what was waited for did not happen"
            self.sleep(0.001)

    def error_of(self, start: Any) -> OSError:
        """Return the error with which what *start* starts fails, whether by its call or by its event."""
        with pytest.raises(OSError) as caught:
            self.wait(start())
        return caught.value


def write_all(sock: Any, data: bytes) -> Process:
    rest = memoryview(data)
    while rest:
        rest = rest[(yield sock.write(rest)) :]


def read_all(sock: Any, size: int, at_once: int = 65536) -> Process:
    data = b""
    while len(data) < size:
        data += yield sock.read(min(at_once, size - len(data)))
    return data


def read_to_end(sock: Any, at_once: int = 65536) -> Process:
    data = b""
    while True:
        try:
            data += yield sock.read(at_once)
        except ConnectionResetError:
            return data


def echo(sock: Any) -> Process:
    while True:
        try:
            data = yield sock.read(65536)
            yield from write_all(sock, data)
        except ConnectionError:
            return
