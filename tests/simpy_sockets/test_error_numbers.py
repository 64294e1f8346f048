"""The error numbers at a glance: each situation, each operation."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from typing import Any

import pytest

from .test_sockets import UNKNOWN, refused_address, try_in_vain
from .worlds import LOCAL, REAL_WORLDS, VIRTUAL, Process, World


def fresh(world: World) -> Any:
    return world.socket()


def refused(world: World) -> Any:
    sock = world.socket()
    try_in_vain(sock)
    return sock


def connected(world: World) -> Any:
    client, client.peer = world.pair()
    return client


def listening(world: World) -> Any:
    return world.server()


def closed(world: World) -> Any:
    sock = connected(world)
    sock.close()
    return sock


def after_peers_end(world: World) -> Any:
    sock = connected(world)
    sock.peer.close()
    world.sleep(0.005)
    return sock


def keep_writing(sock: Any) -> Any:
    def write() -> Process:
        for _ in range(100):
            yield sock.write(bytes(4096))
            yield sock.env.timeout(0.001)

    return sock.env.process(write())


def address(sock: Any) -> Any:
    return sock.address


def peer_address(sock: Any) -> Any:
    return sock.peer_address


def closing(start: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def operation(sock: Any) -> Any:
        event = start(sock)
        sock.close()
        return event

    return operation


def read(sock: Any) -> Any:
    return sock.read(10)


def write(sock: Any) -> Any:
    return sock.write(b"data")


def accept(sock: Any) -> Any:
    return sock.accept()


def bind(sock: Any) -> Any:
    return sock.bind(LOCAL)


def listen(sock: Any) -> Any:
    return sock.listen()


def connect_elsewhere(sock: Any) -> Any:
    return sock.connect(refused_address())


def blocked_write(sock: Any) -> Any:
    for _ in range(100):
        event = sock.write(bytes(4_000_000))
        sock.env.run(until=sock.env.timeout(0.01))
        if not event.triggered:
            break
    return event


TABLE = [
    ("never connected", fresh, read, {"ENOTCONN"}),
    ("never connected", fresh, write, {"EPIPE"}),
    ("no listen", fresh, accept, {"EINVAL"}),
    ("connected", connected, bind, {"EINVAL"}),
    ("connected", connected, listen, {"EINVAL", "EISCONN"}),
    ("listening", listening, connect_elsewhere, {"EINVAL", "EISCONN"}),
    ("not connected", fresh, peer_address, {"ENOTCONN"}),
    ("own close, pending", connected, closing(read), {"EBADF"}),
    ("own close, pending", connected, closing(blocked_write), {"EBADF"}),
    ("own close, pending", listening, closing(accept), {"EBADF"}),
    *[
        ("own close, later", closed, operation, {"EBADF"})
        for operation in (read, write, accept, bind, listen, connect_elsewhere, address, peer_address)
    ],
    ("peer closed", after_peers_end, read, {"ECONNRESET"}),
    ("peer closed", after_peers_end, keep_writing, {"EPIPE", "ECONNRESET"}),
]
IN_REAL_TIME = [
    ("refused", fresh, connect_elsewhere, {"ECONNREFUSED"}),
    ("refused", refused, read, {"ENOTCONN"}),
    ("refused", refused, write, {"EPIPE"}),
]
VIRTUALLY = [
    ("refused", refused, read, {"ECONNREFUSED"}),
    ("refused", refused, write, {"ECONNREFUSED"}),
    ("listening", listening, connect_elsewhere, {"EISCONN"}),
    ("connected", connected, listen, {"EINVAL"}),
    ("peer closed", after_peers_end, keep_writing, {"EPIPE"}),
]


def rows(table: Any) -> Any:
    return pytest.mark.parametrize(
        ("situation", "make", "operation", "numbers"),
        [pytest.param(*row, id=f"{row[0]} - {row[2].__name__}") for row in table],
    )


@rows(TABLE)
def test_the_error_number_is_that_of_the_table(
    world: World, situation: str, make: Any, operation: Any, numbers: set[str]
) -> None:
    sock = make(world)
    error = world.error_of(lambda: operation(sock))
    assert error.errno is not None
    assert errno.errorcode[error.errno] in numbers


@pytest.mark.parametrize("world", REAL_WORLDS, indirect=True)
@rows(IN_REAL_TIME)
def test_the_error_number_of_a_refused_connection_is_that_of_the_table(
    world: World, situation: str, make: Any, operation: Any, numbers: set[str]
) -> None:
    test_the_error_number_is_that_of_the_table(world, situation, make, operation, numbers)


@pytest.mark.parametrize("world", [VIRTUAL], indirect=True)
@rows(VIRTUALLY)
def test_the_error_number_of_the_virtual_network_is_that_of_the_table(
    world: World, situation: str, make: Any, operation: Any, numbers: set[str]
) -> None:
    test_the_error_number_is_that_of_the_table(world, situation, make, operation, numbers)


@pytest.mark.parametrize("operation", ["bind", "connect"])
def test_an_unknown_host_has_the_resolvers_number(world: World, operation: str) -> None:
    with pytest.raises(socket.gaierror) as caught:
        getattr(world.socket(), operation)((UNKNOWN, 1))
    assert caught.value.errno == socket.EAI_NONAME


def test_an_address_that_is_listened_on_is_in_use(world: World) -> None:
    server = world.server()
    with pytest.raises(OSError) as caught:
        world.socket().bind(server.address)
    assert caught.value.errno == errno.EADDRINUSE
