"""Sockets, TCP and TLS: S-020 to S-083."""

from __future__ import annotations

import errno
import gc
import os
import socket
import struct
import time
from typing import Any

import pytest

from junto.simpy import virtual

from .worlds import (
    LOCAL,
    REAL_TCP_WORLDS,
    REAL_WORLDS,
    TCP_WORLDS,
    Process,
    World,
    echo,
    read_all,
    read_to_end,
    write_all,
)

# A name that no resolver can know, and that none has to be asked for.
UNKNOWN = "a.host..that.cannot.be"
# Bytes that fill every buffer between two sockets.
MUCH = 4_000_000


def on_tcp(test: Any) -> Any:
    return pytest.mark.parametrize("world", TCP_WORLDS, indirect=True)(test)


def in_real_time(test: Any) -> Any:
    return pytest.mark.parametrize("world", REAL_WORLDS, indirect=True)(test)


def on_real_tcp(test: Any) -> Any:
    return pytest.mark.parametrize("world", REAL_TCP_WORLDS, indirect=True)(test)


def refused_address() -> tuple[str, int]:
    """An address of this machine at which nobody listens."""
    with socket.create_server(LOCAL) as server:
        address: tuple[str, int] = server.getsockname()
    return address


def try_in_vain(sock: Any) -> None:
    """Connect to where nobody listens."""
    if isinstance(sock, virtual.TCPSocket):  # in simulated time the call does not tell
        sock.connect(("127.0.0.1", 65535))
        return
    with pytest.raises(ConnectionRefusedError):
        sock.connect(refused_address())


def number_of(error: OSError) -> str:
    assert error.errno is not None
    return errno.errorcode[error.errno]


# --- creating, addresses -------------------------------------------------------------------------


def test_s020_a_socket_is_made_alone_or_listening_or_connected(world: World) -> None:
    sock = world.socket()
    assert sock.env is world.env
    assert sock._socket.gettimeout() == 0.0
    server = world.Socket.server(world.env, LOCAL, backlog=3)
    client = world.Socket.connection(world.env, server.address)
    assert type(world.wait(server.accept())) is world.Socket
    assert client.peer_address == server.address


@in_real_time
def test_s020_what_cannot_be_made_leaves_nothing_open(world: World) -> None:
    before = len(world.env._open)
    with pytest.raises(ConnectionRefusedError):
        world.connection(refused_address())
    server = world.server()
    with pytest.raises(OSError, match="in use"):
        world.server(server.address)
    gc.collect()
    assert len(world.env._open) == before + 1


def test_s021_the_address_of_a_fresh_socket_is_empty(world: World) -> None:
    assert world.socket().address == ("0.0.0.0", 0)


def test_s022_a_bound_socket_has_a_port_chosen_by_the_system(world: World) -> None:
    sock = world.socket()
    sock.bind(LOCAL)
    host, port = sock.address
    assert host == "127.0.0.1"
    assert port > 0


def test_s023_a_connected_socket_has_an_address_at_once_and_later(world: World) -> None:
    server = world.server()
    client = world.connection(server.address)
    assert client.address[0] != "0.0.0.0"
    world.wait(server.accept())
    assert client.address[0] != "0.0.0.0"


def test_s024_the_peers_address_is_there_when_there_is_a_peer(world: World) -> None:
    server = world.server()
    client = world.socket()
    with pytest.raises(OSError) as caught:
        _ = client.peer_address
    assert number_of(caught.value) == "ENOTCONN"
    client.connect(server.address)
    assert client.peer_address == server.address


def test_s025_a_server_at_every_address_is_reached_at_the_local_one(world: World) -> None:
    server = world.server(("0.0.0.0", 0))
    host, port = server.address
    client = world.connection(("127.0.0.1", port))
    world.wait(server.accept())
    assert host == "0.0.0.0"
    assert client.peer_address == ("127.0.0.1", port)


@pytest.mark.parametrize("name", ["address", "peer_address"])
def test_s026_a_closed_socket_has_no_address(world: World, name: str) -> None:
    for sock in (*world.pair(), world.socket()):
        sock.close()
        with pytest.raises(OSError) as caught:
            getattr(sock, name)
        assert number_of(caught.value) == "EBADF"


@in_real_time
def test_s027_addresses_may_be_used_again_on_every_socket(world: World) -> None:
    server = world.server()
    client = world.connection(server.address)
    for sock in (world.socket(), server, client, world.wait(server.accept())):
        assert sock._socket.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)


# --- bind, listen, accept ------------------------------------------------------------------------


def test_s030_an_address_may_be_bound_twice_while_nobody_listens_there(world: World) -> None:
    first, second, third = world.socket(), world.socket(), world.socket()
    first.bind(LOCAL)
    second.bind(first.address)
    first.listen()
    with pytest.raises(OSError) as caught:
        third.bind(first.address)
    assert number_of(caught.value) == "EADDRINUSE"


def test_s031_a_port_can_be_listened_on_again_at_once(world: World) -> None:
    server = world.server()
    address = server.address
    client = world.connection(address)
    world.wait(server.accept())
    server.close()
    again = world.server(address)
    assert again.address == address
    client.close()


def test_s032_listening_without_an_address_takes_every_host_and_a_free_port(world: World) -> None:
    server = world.socket()
    server.listen()
    host, port = server.address
    assert host == "0.0.0.0"
    assert port > 0
    client = world.connection(("127.0.0.1", port))
    assert world.wait(server.accept()).peer_address == client.address


@pytest.mark.parametrize("operation", ["bind", "connect"])
def test_s033_s053_an_unknown_host_is_told_by_the_call(world: World, operation: str) -> None:
    sock = world.socket()
    with pytest.raises(socket.gaierror) as caught:
        getattr(sock, operation)((UNKNOWN, 80))
    assert caught.value.errno == socket.EAI_NONAME


def test_s034_a_connected_socket_cannot_be_bound_and_does_not_listen(world: World) -> None:
    client, _ = world.pair()
    with pytest.raises(OSError) as caught:
        client.bind(LOCAL)
    assert number_of(caught.value) == "EINVAL"
    with pytest.raises(OSError) as caught:
        client.listen()
    assert number_of(caught.value) in ("EINVAL", "EISCONN")


@pytest.mark.parametrize(
    ("operation", "args"), [("bind", [LOCAL]), ("listen", []), ("connect", [("127.0.0.1", 9)])]
)
def test_s035_a_closed_socket_does_nothing_more(world: World, operation: str, args: list[Any]) -> None:
    sock = world.socket()
    sock.close()
    with pytest.raises(OSError) as caught:
        getattr(sock, operation)(*args)
    assert number_of(caught.value) == "EBADF"


def test_s036_a_bound_socket_can_connect(world: World) -> None:
    server = world.server()
    client = world.socket()
    client.bind(LOCAL)
    address = client.address
    client.connect(server.address)
    accepted = world.wait(server.accept())
    assert accepted.peer_address == client.address == address
    assert world.wait(client.write(b"data")) == 4
    assert world.wait(accepted.read(10)) == b"data"


def test_s037_what_is_accepted_is_a_connected_socket_of_the_same_class(world: World) -> None:
    class OwnSocket(world.Socket):  # type: ignore[misc, name-defined]  # whichever it is
        pass

    server = OwnSocket.server(world.env, LOCAL)
    client = world.connection(server.address)
    accepted = world.wait(server.accept())
    assert type(accepted) is OwnSocket
    assert accepted.env is world.env
    assert accepted.peer_address == client.address
    assert world.wait(accepted.connect(("127.0.0.1", 9))) is None  # it is connected already


@pytest.mark.parametrize("bound", [False, True])
def test_s038_accepting_without_listening_fails(world: World, bound: bool) -> None:
    sock = world.socket()
    if bound:
        sock.bind(LOCAL)
    for _ in range(2):
        assert number_of(world.error_of(sock.accept)) == "EINVAL"


@in_real_time
def test_s039_a_second_accept_while_one_is_pending_is_refused(world: World) -> None:
    server = world.server()
    pending = server.accept()
    with pytest.raises(RuntimeError, match="Already accepting"):
        server.accept()
    first = world.connection(server.address)
    assert world.wait(pending).peer_address == first.address
    second = world.connection(server.address)
    assert world.wait(server.accept()).peer_address == second.address


def test_s040_closing_a_server_fails_its_pending_accept(world: World) -> None:
    server = world.server()
    pending = server.accept()
    server.close()
    assert number_of(world.error_of(lambda: pending)) == "EBADF"
    assert number_of(world.error_of(server.accept)) == "EBADF"


def test_s042_a_listening_socket_carries_no_data_and_goes_on_accepting(world: World) -> None:
    server = world.server()
    pending = server.accept()
    for start in (
        lambda: server.connect(refused_address()),
        lambda: server.read(10),
        lambda: server.write(b"x"),
    ):
        assert number_of(world.error_of(start)) in ("EINVAL", "EISCONN", "ENOTCONN", "EPIPE")
    client = world.connection(server.address)
    assert world.wait(pending).peer_address == client.address


# --- connect -------------------------------------------------------------------------------------


def test_s050_connecting_on_this_machine_is_done_when_the_call_returns(world: World) -> None:
    server = world.server()
    client = world.socket()
    event = client.connect(server.address)
    assert client.peer_address == server.address
    assert event.triggered
    assert world.wait(event) is None


def full_server() -> tuple[socket.socket, list[socket.socket]]:
    """Listen, and let so many wait there that the system lets further ones wait."""
    server = socket.create_server(LOCAL, backlog=0)
    waiting = []
    for _ in range(16):
        sock = socket.socket()
        sock.setblocking(False)
        waiting.append(sock)
        if sock.connect_ex(server.getsockname()) == errno.EINPROGRESS:
            break
    return server, waiting


@pytest.fixture
def full() -> Any:
    server, waiting = full_server()
    yield server
    for sock in (server, *waiting):
        sock.close()


@in_real_time
def test_s050_a_connection_that_takes_long_blocks_nobody(world: World, full: socket.socket) -> None:
    env = world.env
    ticks = []

    def tick() -> Process:
        for _ in range(10):
            yield env.timeout(0.005)
            ticks.append(env.now)

    ticking = env.process(tick())
    client = world.socket()
    start = time.monotonic()
    event = client.connect(full.getsockname())
    assert time.monotonic() - start < 1
    assert client.connect(full.getsockname()) is event
    reading, writing = client.read(10), client.write(b"early")
    world.wait(ticking)
    assert len(ticks) == 10
    assert not any(pending.triggered for pending in (event, reading, writing))
    full.close()  # the system notices when it asks again, after a second
    assert number_of(world.error_of(lambda: event)) == "ECONNREFUSED"
    assert number_of(world.error_of(lambda: reading)) == "ENOTCONN"
    assert number_of(world.error_of(lambda: writing)) == "EPIPE"


@in_real_time
def test_s050_what_was_started_before_the_connection_takes_effect_afterwards(
    world: World, full: socket.socket
) -> None:
    if world.kind == "tls":  # with a peer who speaks it, that is S-101
        return
    client = world.socket()
    event = client.connect(full.getsockname())
    reading, writing = client.read(10), client.write(b"early")
    full.setblocking(False)
    accepted: dict[Any, socket.socket] = {}
    while client.address not in accepted:
        try:
            sock, address = full.accept()
        except BlockingIOError:
            world.sleep(0.01)
        else:
            accepted[address] = sock
    assert world.wait(event) is None
    assert world.wait(writing) == 5
    ours = accepted[client.address]
    ours.setblocking(True)
    assert ours.recv(10) == b"early"
    ours.send(b"answer")
    assert world.wait(reading) == b"answer"
    for sock in accepted.values():
        sock.close()


@in_real_time
def test_s050_closing_while_connecting_fails_what_is_pending(world: World, full: socket.socket) -> None:
    client = world.socket()
    pending = [client.connect(full.getsockname()), client.read(1), client.write(b"x")]
    client.close()
    for event in pending:
        with pytest.raises(OSError) as caught:
            world.wait(event)
        assert number_of(caught.value) == "EBADF"


@on_tcp
def test_s051_a_second_connect_is_ignored(world: World) -> None:
    server, other = world.server(), world.server()
    client = world.connection(server.address)
    accepted = world.wait(server.accept())
    assert world.wait(client.connect(other.address)) is None
    assert client.peer_address == server.address
    pending = other.accept()
    world.wait(client.write(b"data"))
    assert world.wait(accepted.read(10)) == b"data"
    assert not pending.triggered


@in_real_time
def test_s052_a_refused_connection_is_raised_and_the_socket_stays_unconnected(world: World) -> None:
    client = world.socket()
    with pytest.raises(ConnectionRefusedError):
        client.connect(refused_address())
    for _ in range(3):
        error = world.error_of(lambda: client.write(b"x"))
        assert isinstance(error, ConnectionError)
        assert number_of(error) == "EPIPE"
        assert number_of(world.error_of(lambda: client.read(1))) == "ENOTCONN"


def test_s052_a_socket_that_was_refused_can_connect_elsewhere(world: World) -> None:
    client = world.socket()
    try_in_vain(client)
    server = world.server()
    client.connect(server.address)
    accepted = world.wait(server.accept())
    world.wait(client.write(b"data"))
    assert world.wait(accepted.read(10)) == b"data"


def test_s054_a_socket_that_was_never_connected_carries_no_data(world: World) -> None:
    client = world.socket()
    for _ in range(2):
        assert number_of(world.error_of(lambda: client.read(1))) == "ENOTCONN"
        assert number_of(world.error_of(lambda: client.write(b"x"))) == "EPIPE"


# --- read and write ------------------------------------------------------------------------------


def test_s060_a_read_gives_what_is_there_and_leaves_the_rest(world: World) -> None:
    client, accepted = world.pair()
    pending = accepted.read(100)
    world.wait(client.write(b"pending"))
    assert world.wait(pending) == b"pending"
    world.wait(client.write(b"there before"))
    world.sleep(0.005)
    assert world.wait(accepted.read(5)) == b"there"
    assert world.wait(accepted.read(1)) == b" "
    assert world.wait(accepted.read(100)) == b"before"


def test_s060_no_byte_is_lost_doubled_or_moved(world: World) -> None:
    client, accepted = world.pair()
    data = bytes(range(256)) * 2000

    def write() -> Process:
        at = 0
        for size in range(1, 2000, 7):
            yield from write_all(client, data[at : at + size])
            at += size
        yield from write_all(client, data[at:])

    def read() -> Process:
        received = b""
        size = 1
        while len(received) < len(data):
            received += yield accepted.read(size)
            size = size * 3 % 10007
        return received

    assert world.run(write(), read()) == data


def test_s061_a_write_tells_how_many_bytes_were_taken(world: World) -> None:
    client, accepted = world.pair()
    assert world.wait(client.write(b"four")) == 4
    assert world.wait(client.write(bytearray(b"five!"))) == 5
    assert world.wait(client.write(memoryview(b"six..."))) == 6
    assert world.wait(client.write(b"")) == 0
    assert world.run(read_all(accepted, 15)) == b"fourfive!six..."


def test_s061_what_was_not_taken_can_be_written_again(world: World) -> None:
    client, accepted = world.pair()
    data = os.urandom(MUCH)
    assert world.run(write_all(client, data), read_all(accepted, len(data))) == data


@pytest.mark.parametrize("operation", ["read", "write"])
def test_s062_closing_fails_what_is_pending(world: World, operation: str) -> None:
    client, _accepted = world.pair()
    pending = client.read(1) if operation == "read" else fill(world, client)
    assert not pending.triggered
    client.close()
    assert number_of(world.error_of(lambda: pending)) == "EBADF"


def fill(world: World, sock: Any) -> Any:
    """Write until a write has to wait, and return its event."""
    for _ in range(1000):
        event = sock.write(bytes(MUCH))
        for _ in range(10):
            world.sleep(0.001)
        if not event.triggered:
            return event
    pytest.fail("no buffer is as large as that")


def test_s063_a_second_read_while_one_is_pending_is_refused(world: World) -> None:
    client, accepted = world.pair()
    pending = client.read(1)
    with pytest.raises(RuntimeError, match="Already reading"):
        client.read(1)
    world.wait(accepted.write(b"ab"))
    assert world.wait(pending) == b"a"
    assert world.wait(client.read(1)) == b"b"


def test_s063_a_second_write_while_one_is_pending_is_refused(world: World) -> None:
    client, _accepted = world.pair()
    fill(world, client)
    with pytest.raises(RuntimeError, match="Already writing"):
        client.write(b"x")


def test_s063_a_read_and_a_write_may_be_pending_together(world: World) -> None:
    client, accepted = world.pair()
    reading = client.read(10)
    writing = fill(world, client)
    world.wait(accepted.write(b"data"))
    assert world.wait(reading) == b"data"
    world.env.process(read_to_end(accepted))
    assert world.wait(writing) > 0


def test_s063_the_next_operation_may_be_started_once_an_event_is_triggered(world: World) -> None:
    client, accepted = world.pair()
    world.wait(client.write(b"abc"))
    first = accepted.read(1)
    while not first.triggered:
        world.env.step()
    second = accepted.read(1)
    while not second.triggered:
        world.env.step()
    third = accepted.read(1)
    assert [world.wait(event) for event in (third, second, first)] == [b"c", b"b", b"a"]


@on_tcp
def test_s064_a_large_write_is_taken_partly(world: World) -> None:
    client, _accepted = world.pair()
    first = world.wait(client.write(bytes(40_000_000)))
    assert 0 < first < 40_000_000


def test_s065_a_closed_socket_neither_reads_nor_writes(world: World) -> None:
    client, _accepted = world.pair()
    client.close()
    for start in (lambda: client.read(1), lambda: client.write(b"x"), lambda: client.read(0)):
        event = start()  # it does not raise
        with pytest.raises(OSError) as caught:
            world.wait(event)
        assert number_of(caught.value) == "EBADF"


def test_s066_the_peers_end_fails_a_pending_read_and_all_later_ones(world: World) -> None:
    client, accepted = world.pair()
    pending = client.read(10)
    accepted.close()
    for start in (lambda: pending, lambda: client.read(10), lambda: client.read(10)):
        error = world.error_of(start)
        assert isinstance(error, ConnectionResetError)
        assert number_of(error) == "ECONNRESET"


@pytest.mark.parametrize("late", [False, True])
def test_s067_what_the_peer_wrote_before_its_end_is_read_first(world: World, late: bool) -> None:
    client, accepted = world.pair()
    world.wait(accepted.write(b"last words"))
    accepted.close()
    if late:
        world.sleep(0.01)
    assert world.wait(client.read(4)) == b"last"
    assert world.wait(client.read(100)) == b" words"
    for _ in range(2):
        assert number_of(world.error_of(lambda: client.read(1))) == "ECONNRESET"


def test_s068_a_peer_that_closes_with_data_unread_is_told_as_a_lost_connection(world: World) -> None:
    client, accepted = world.pair()
    world.wait(client.write(b"never read"))
    world.sleep(0.01)
    accepted.close()
    assert isinstance(world.error_of(lambda: client.read(10)), ConnectionError)


@pytest.mark.parametrize(("size", "most"), [(4096, 3), (4, 2000)])
def test_s069_writes_to_a_peer_that_closed_fail_after_few(world: World, size: int, most: int) -> None:
    client, accepted = world.pair()
    accepted.close()

    def write() -> Process:
        for _ in range(most):
            yield client.write(bytes(size))
            yield world.env.timeout(0.001 if size > 100 else 0)

    with pytest.raises(ConnectionError) as caught:
        world.run(write())
    assert number_of(caught.value) in ("EPIPE", "ECONNRESET")
    for _ in range(2):
        assert isinstance(world.error_of(lambda: client.write(b"x")), ConnectionError)


def test_s070_writes_fail_after_a_pending_read_has_failed(world: World) -> None:
    client, accepted = world.pair()
    pending = client.read(10)
    accepted.close()
    assert number_of(world.error_of(lambda: pending)) == "ECONNRESET"

    def write() -> Process:
        for _ in range(3):
            yield client.write(bytes(4096))
            yield world.env.timeout(0.001)

    with pytest.raises(ConnectionError):
        world.run(write())


def test_s071_reading_nothing_succeeds(world: World) -> None:
    client, accepted = world.pair()
    assert world.wait(client.read(0)) == b""
    accepted.close()
    world.sleep(0.005)
    assert world.wait(client.read(0)) == b""
    with pytest.raises(ValueError, match="-1"):
        client.read(-1)


@on_real_tcp
@pytest.mark.parametrize("operation", ["read", "write"])
def test_s072_a_connection_broken_by_an_error_alone_ends_what_is_pending(
    world: World, operation: str
) -> None:
    with socket.create_server(LOCAL) as server:
        client = world.connection(server.getsockname())
        peer, _ = server.accept()
    pending = client.read(1) if operation == "read" else fill(world, client)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()  # by a reset
    assert isinstance(world.error_of(lambda: pending), ConnectionError)


@on_real_tcp
def test_s072_both_pending_operations_end_with_the_connection(world: World) -> None:
    with socket.create_server(LOCAL) as server:
        client = world.connection(server.getsockname())
        peer, _ = server.accept()
    reading, writing = client.read(1), fill(world, client)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()
    for event in (reading, writing):
        with pytest.raises(ConnectionError):
            world.wait(event)


def test_s073_much_arrives_complete_in_small_reads(world: World) -> None:
    client, accepted = world.pair()
    data = os.urandom(1_000_000)
    assert world.run(write_all(client, data), read_all(accepted, len(data), 4096)) == data


# --- close ---------------------------------------------------------------------------------------


def test_s080_closing_is_allowed_in_every_state_and_again(world: World) -> None:
    server = world.server()
    bound = world.socket()
    bound.bind(LOCAL)
    refused = world.socket()
    try_in_vain(refused)
    client, accepted = world.pair()
    reading, reading_peer = world.pair()
    reading.read(1)
    for sock in (world.socket(), bound, refused, server, client, reading, accepted, reading_peer):
        sock.close()
        sock.close()
        sock.abort()
    world.run_out()


def test_s080_closing_after_the_peer_did_is_fine(world: World) -> None:
    client, accepted = world.pair()
    accepted.close()
    world.sleep(0.005)
    client.close()
    client.close()
    world.run_out()


@pytest.mark.parametrize("size", [5, 300_000])
def test_s081_what_was_taken_before_the_close_is_delivered(world: World, size: int) -> None:
    client, accepted = world.pair()
    data = os.urandom(size)

    def write() -> Process:
        yield from write_all(client, data)
        client.close()

    world.env.process(write())
    assert world.run(read_to_end(accepted)) == data


@in_real_time
def test_s082_a_closed_socket_has_no_file_descriptor(world: World) -> None:
    client, accepted = world.pair()
    number = client._fd
    client.read(1)
    client.close()
    accepted.close()
    if world.kind == "tls":  # it ends when both sides closed
        world.until(lambda: number not in world.env._handlers)
    assert number not in world.env._handlers
    with pytest.raises(OSError) as caught:
        os.fstat(number)
    assert number_of(caught.value) == "EBADF"


@on_real_tcp
def test_s082_a_new_socket_with_an_old_number_is_not_disturbed(world: World) -> None:
    reused = 0
    for _ in range(20):
        client, accepted = world.pair()
        old = client._fd
        pending = client.read(10)
        world.sleep(0.001)
        accepted.write(b"for the old one")
        client.close()
        new, new_accepted = world.pair()
        reused += old in (new._fd, new_accepted._fd)
        reading = [new.read(10), new_accepted.read(10)]
        world.sleep(0.001)
        assert number_of(world.error_of(lambda pending=pending: pending)) == "EBADF"
        assert not any(event.triggered for event in reading)
        new.write(b"new")
        assert world.wait(reading[1]) == b"new"
        for sock in (accepted, new, new_accepted):
            sock.close()
    assert reused > 0


def test_s082_a_socket_closed_by_the_handler_of_another_is_not_called(world: World) -> None:
    pairs = [world.pair() for _ in range(5)]

    def close_all(_event: Any) -> None:
        for client, _ in pairs:
            client.close()

    events = [client.read(10) for client, _ in pairs]
    for event in events:
        event.callbacks.append(close_all)
        event.defused = True
    for _, accepted in pairs:
        accepted.write(b"at once")
    world.until(lambda: all(event.processed for event in events))


def test_s083_a_socket_that_goes_out_of_use_keeps_nothing_running_and_is_closed(world: World) -> None:
    client, accepted = world.pair()
    world.wait(client.write(b"x"))
    assert world.wait(accepted.read(10)) == b"x"
    world.run_out()
    del client
    assert number_of(world.error_of(lambda: accepted.read(1))) == "ECONNRESET"


# --- what is abandoned ---------------------------------------------------------------------------


def test_the_error_of_a_read_that_nobody_waits_for_any_more_does_not_end_the_run(world: World) -> None:
    client, accepted = world.pair()

    def give_up() -> Process:
        yield client.read(10) | world.env.timeout(0.001)

    world.run(give_up())
    accepted.close()
    world.run_out()
    assert isinstance(world.error_of(lambda: client.read(1)), ConnectionResetError)


def test_a_read_that_was_given_up_can_be_waited_for_again(world: World) -> None:
    client, accepted = world.pair()

    def patient() -> Process:
        reading = client.read(10)
        first = yield reading | world.env.timeout(0.001)
        assert reading not in first
        accepted.write(b"late")
        return (yield reading)

    assert world.run(patient()) == b"late"


def test_many_connections_at_once(world: World) -> None:
    server = world.server(LOCAL, backlog=64)

    def serve() -> Process:
        for _ in range(30):
            world.env.process(echo((yield server.accept())))

    def ask(number: int) -> Process:
        client = world.connection(server.address)
        data = os.urandom(2000 + number)
        for _ in range(5):
            yield from write_all(client, data)
            assert (yield from read_all(client, len(data))) == data
        client.close()

    world.env.process(serve())
    world.run(*map(ask, range(30)))
    world.run_out()
