"""What is said of TLS sockets alone: S-100 to S-109."""

from __future__ import annotations

import os
import socket
import ssl
import threading
import time
from typing import Any

import pytest

from junto.simpy.tls_sockets import TLSSocket

from .worlds import (
    LOCAL,
    TLS_WORLDS,
    Process,
    World,
    authority,
    client_context,
    echo,
    read_all,
    read_to_end,
    server_context,
    write_all,
)

WORLDS = TLS_WORLDS


def raw_peer(world: World) -> tuple[socket.socket, Any]:
    """Connect a socket that speaks no TLS by itself; return it, and what was accepted."""
    server = world.server()
    peer = socket.create_connection(server.address)
    accepted = world.wait(server.accept())
    server.close()
    return peer, accepted


class Puppet:
    """A TLS client whose every byte is moved by hand."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        sock.settimeout(0.05)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = client_context().wrap_bio(self.incoming, self.outgoing, server_hostname="127.0.0.1")

    def shake_hands(self) -> bool:
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def send(self) -> None:
        self.sock.sendall(self.outgoing.read())

    def receive(self) -> None:
        try:
            self.incoming.write(self.sock.recv(65536))
        except TimeoutError:
            pass

    def connect(self, world: World) -> None:
        while not self.shake_hands():
            self.send()
            world.sleep(0.002)
            self.receive()
        self.send()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_s100_data_travels_in_every_version(world: World, version: ssl.TLSVersion) -> None:
    context = ssl.create_default_context(cadata=authority().cert_pem.bytes().decode())
    context.minimum_version = context.maximum_version = version
    server = world.server()
    client = world.Socket.connection(world.env, server.address, context=context)
    accepted = world.wait(server.accept())
    world.env.process(echo(accepted))
    data = os.urandom(200_000)
    world.env.process(write_all(client, data))
    assert world.run(read_all(client, len(data))) == data
    assert client.ssl_object.version() == f"TLSv1.{version.name[-1]}"


def test_s101_the_handshake_needs_no_operation_and_blocks_nobody(world: World) -> None:
    server = world.server()
    accepting = server.accept()
    client = world.connection(server.address)
    accepted = world.wait(accepting)
    assert client.ssl_object is not None
    world.until(lambda: client.ssl_object.version() and accepted.ssl_object.version())


@pytest.mark.parametrize("first", ["read", "write"])
def test_s101_operations_started_before_the_handshake_take_effect_afterwards(
    world: World, first: str
) -> None:
    server = world.server()
    client = world.connection(server.address)
    events = [client.read(10), client.write(b"early")]
    assert not any(event.triggered for event in events)
    accepted = world.wait(server.accept())
    if first == "read":
        reading = accepted.read(10)
        accepted.write(b"answer")
    else:
        accepted.write(b"answer")
        reading = accepted.read(10)
    assert world.wait(reading) == b"early"
    assert world.wait(events[0]) == b"answer"
    assert world.wait(events[1]) == 5


def test_s102_a_client_that_never_shakes_hands_blocks_no_other(world: World) -> None:
    server = world.server()
    stuck = [socket.create_connection(server.address) for _ in range(3)]

    def serve() -> Process:
        while True:
            world.env.process(echo((yield server.accept())))

    world.env.process(serve())
    world.sleep(0.01)
    for _ in range(3):
        client = world.connection(server.address)
        world.wait(client.write(b"ping"))
        assert world.wait(client.read(10)) == b"ping"
        client.close()
    for sock in stuck:
        sock.close()


def test_s102_a_stuck_handshake_does_not_keep_a_run_from_ending(world: World) -> None:
    peer, accepted = raw_peer(world)
    start = time.monotonic()
    world.run_out()
    assert time.monotonic() - start < 5
    accepted.close()
    peer.close()


def test_s103_a_certificate_that_is_not_trusted_fails_every_operation(world: World) -> None:
    server = world.server()
    other, other_accepted = world.pair()
    client = TLSSocket.connection(world.env, server.address, context=ssl.create_default_context())
    accepted = world.wait(server.accept())
    pending = [client.read(10), client.write(b"x"), accepted.read(10), accepted.write(b"x")]
    for event in pending:
        with pytest.raises(OSError) as caught:
            world.wait(event)
        assert isinstance(caught.value, ssl.SSLError | ConnectionError)
    for _ in range(2):
        for start in (lambda: client.read(10), lambda: client.write(b"x")):
            assert isinstance(world.error_of(start), ssl.SSLCertVerificationError)
        for start in (lambda: accepted.read(10), lambda: accepted.write(b"x")):
            assert isinstance(world.error_of(start), OSError)
    world.wait(other.write(b"not touched"))
    assert world.wait(other_accepted.read(20)) == b"not touched"


@pytest.mark.parametrize("pending", [True, False])
def test_s103_a_peer_without_tls_fails_every_operation_and_nothing_else(world: World, pending: bool) -> None:
    peer, accepted = raw_peer(world)
    reading = accepted.read(10) if pending else None
    peer.sendall(b"GET / HTTP/1.1\r\n\r\n")
    world.sleep(0.02)  # nothing leaves the run
    if reading is not None:
        assert isinstance(world.error_of(lambda: reading), ssl.SSLError)
    for start in (lambda: accepted.read(10), lambda: accepted.write(b"x")):
        assert isinstance(world.error_of(start), ssl.SSLError)
    peer.close()


def test_s103_a_peer_that_leaves_during_the_handshake_is_a_lost_connection(world: World) -> None:
    peer, accepted = raw_peer(world)
    pending = [accepted.read(10), accepted.write(b"x")]
    peer.close()
    for event in pending:
        with pytest.raises(ConnectionError):
            world.wait(event)
    world.run_out()


def test_s104_an_orderly_end_is_told_as_that_of_a_plain_socket(world: World) -> None:
    peer, accepted = raw_peer(world)
    puppet = Puppet(peer)
    puppet.connect(world)
    puppet.tls.write(b"last words")
    with pytest.raises(ssl.SSLWantReadError):
        puppet.tls.unwrap()
    puppet.send()  # the socket itself stays open
    assert world.wait(accepted.read(100)) == b"last words"
    for _ in range(2):
        error = world.error_of(lambda: accepted.read(1))
        assert isinstance(error, ConnectionResetError)
        assert isinstance(world.error_of(lambda: accepted.write(b"x")), ConnectionError)
    peer.close()


def test_s104_an_end_without_goodbye_is_told_alike(world: World) -> None:
    peer, accepted = raw_peer(world)
    puppet = Puppet(peer)
    puppet.connect(world)
    pending = accepted.read(1)
    world.sleep(0.01)
    peer.close()
    assert isinstance(world.error_of(lambda: pending), ConnectionResetError)


@pytest.mark.parametrize("operation", ["read", "write"])
def test_s105_closing_before_the_handshake_is_over_fails_what_is_pending(
    world: World, operation: str
) -> None:
    peer, accepted = raw_peer(world)
    pending = accepted.read(10) if operation == "read" else accepted.write(b"x")
    world.sleep(0.002)
    accepted.close()
    assert isinstance(world.error_of(lambda: pending), OSError)
    assert world.error_of(lambda: pending).errno == 9
    peer.settimeout(5)
    assert peer.recv(10) == b""
    peer.close()


def test_s106_what_is_decrypted_already_needs_no_new_data(world: World) -> None:
    client, accepted = world.pair()
    world.wait(client.write(b"one record"))
    assert world.wait(accepted.read(3)) == b"one"
    # The socket itself has nothing more.
    for expected in (b" re", b"cor", b"d"):
        event = accepted.read(3)
        assert event.triggered
        assert world.wait(event) == expected


def test_s106_what_a_write_comes_upon_reaches_the_pending_read(world: World) -> None:
    client, accepted = world.pair()
    world.wait(client.write(b"before"))
    assert world.wait(accepted.read(10)) == b"before"
    pending = accepted.read(10)
    world.wait(client.write(b"data"))
    time.sleep(0.01)
    accepted.write(b"meets it")
    assert world.wait(pending) == b"data"


def test_s107_a_read_that_needs_the_socket_to_be_writable_gets_on(world: World) -> None:
    # The server's first flight does not fit the buffers of a peer that does not read.
    names = [f"one-of-many-hosts-{number}.example" for number in range(1500)]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority().issue_cert("127.0.0.1", *names).configure_cert(context)
    server = TLSSocket(world.env, context=context)
    server._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    server.bind(LOCAL)
    server.listen()
    peer = socket.socket()
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    peer.connect(server.address)
    accepted = world.wait(server.accept())
    pending = accepted.read(10)
    puppet = Puppet(peer)
    puppet.shake_hands()
    puppet.send()
    world.until(lambda: accepted._outgoing)
    puppet.connect(world)
    puppet.tls.write(b"at last")
    puppet.send()
    assert world.wait(pending) == b"at last"
    peer.close()


def test_s107_a_write_that_needs_the_socket_to_be_readable_gets_on(world: World) -> None:
    peer, accepted = raw_peer(world)
    pending = accepted.write(b"greeting")
    puppet = Puppet(peer)
    world.sleep(0.005)
    assert not pending.triggered
    puppet.connect(world)
    assert world.wait(pending) == 8
    puppet.receive()
    assert puppet.tls.read(100) == b"greeting"
    peer.close()


def test_s108_a_socket_takes_a_context_of_its_own_and_hands_it_to_what_it_accepts(world: World) -> None:
    server = TLSSocket.server(world.env, LOCAL, context=server_context())
    client = TLSSocket.connection(world.env, server.address, context=client_context())
    accepted = world.wait(server.accept())
    world.wait(client.write(b"data"))
    assert world.wait(accepted.read(10)) == b"data"


def test_s108_certificates_are_checked_by_default(world: World) -> None:
    server = world.server()
    server.accept()
    client = TLSSocket.connection(world.env, server.address)
    assert isinstance(world.error_of(lambda: client.read(1)), ssl.SSLCertVerificationError)


@pytest.mark.parametrize(("name", "fits"), [("127.0.0.1", True), ("elsewhere.example", False)])
def test_s108_the_certificate_must_have_the_name_that_is_given(world: World, name: str, fits: bool) -> None:
    server = world.server()
    client = TLSSocket.connection(world.env, server.address, context=client_context(), server_hostname=name)
    accepted = world.wait(server.accept())
    accepted.write(b"data")
    if fits:
        assert world.wait(client.read(10)) == b"data"
    else:
        assert isinstance(world.error_of(lambda: client.read(10)), ssl.SSLCertVerificationError)


def test_s108_a_server_without_a_context_is_refused(world: World) -> None:
    with pytest.raises(ValueError, match="SSLContext"):
        TLSSocket.server(world.env, LOCAL)
    sock = TLSSocket(world.env)
    with pytest.raises(ValueError, match="SSLContext"):
        sock.listen()


def test_s109_a_peer_that_closed_is_noticed_by_some_write(world: World) -> None:
    client, accepted = world.pair()
    accepted.close()

    def write() -> Process:
        for _ in range(2000):
            yield client.write(b"some")

    with pytest.raises(ConnectionError):
        world.run(write())


def test_a_client_that_writes_and_closes_at_once_loses_nothing(world: World) -> None:
    # Session tickets that it never read must not make the system forget what it wrote.
    for _ in range(5):
        client, accepted = world.pair()
        data = os.urandom(50_000)

        def write(client: Any = client, data: bytes = data) -> Process:
            yield from write_all(client, data)
            client.close()

        world.env.process(write())
        world.sleep(0.005)
        assert world.run(read_to_end(accepted)) == data


def test_a_peer_that_never_closes_is_not_waited_for_long(world: World) -> None:
    peer, accepted = raw_peer(world)
    Puppet(peer).connect(world)
    world.wait(accepted.write(b"x"))
    number = accepted._fd
    start = time.monotonic()
    accepted.close()
    world.run_out()
    assert 0.5 < time.monotonic() - start < 5
    assert number not in world.env._handlers
    peer.close()


def test_an_environment_closed_right_after_does_not_wait_for_the_peer(world: World) -> None:
    client, accepted = world.pair()
    world.wait(client.write(b"x"))
    client.close()
    world.env.close()
    start = time.monotonic()
    world.env.run()
    assert time.monotonic() - start < 0.5
    accepted.close()


def test_a_blocking_program_of_the_standard_library_is_understood(world: World) -> None:
    server = world.server()
    received = []

    def blocking() -> None:
        with socket.create_connection(server.address, timeout=10) as plain:
            with client_context().wrap_socket(plain, server_hostname="127.0.0.1") as sock:
                sock.sendall(b"question" * 10_000)
                received.append(sock.recv(100))
                sock.unwrap()

    thread = threading.Thread(target=blocking)
    thread.start()
    accepted = world.wait(server.accept())
    assert world.run(read_all(accepted, 80_000)) == b"question" * 10_000
    world.wait(accepted.write(b"answer"))
    assert world.run(read_to_end(accepted)) == b""
    accepted.close()
    world.run_out()
    thread.join()
    assert received == [b"answer"]
