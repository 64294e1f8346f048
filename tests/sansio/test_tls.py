"""Two TLS connections back to back, without a socket."""

from __future__ import annotations

import ssl

import pytest
import trustme

from junto.errors import LocalProtocolError, RemoteProtocolError
from junto.sansio.tls import TLSConnection


@pytest.fixture(scope="module")
def contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("peer.example").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    return client, server


Pair = tuple[TLSConnection, TLSConnection]


@pytest.fixture
def pair(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> Pair:
    client = TLSConnection(contexts[0], server_side=False, server_hostname="peer.example")
    server = TLSConnection(contexts[1], server_side=True)
    client.start()
    server.start()
    return client, server


def exchange(pair: Pair, cut: int | None = None) -> None:
    """Carry bytes between the two, in pieces of *cut* bytes, until both are silent."""
    while True:
        silent = True
        for sender, receiver in (pair, pair[::-1]):
            data = sender.data_to_send()
            step = cut or len(data) or 1
            for start in range(0, len(data), step):
                receiver.receive_data(data[start : start + step])
                silent = False
        if silent:
            return


def read(connection: TLSConnection) -> bytes:
    received = bytearray()
    buffer = memoryview(bytearray(1000))
    while size := connection.read_into(buffer):
        received += buffer[:size]
    return bytes(received)


@pytest.mark.parametrize("cut", [None, 1, 7])
def test_bytes_go_both_ways_however_they_are_cut(pair: Pair, cut: int | None) -> None:
    client, server = pair
    assert not client.established
    exchange(pair, cut)
    assert client.established
    assert server.established
    client.send_data(b"question")
    server.send_data(memoryview(b"answer"))
    exchange(pair, cut)
    assert read(server) == b"question"
    assert read(client) == b"answer"
    assert read(client) == b""


def test_a_megabyte_passes(pair: Pair) -> None:
    exchange(pair)
    data = bytes(range(256)) * 4096
    pair[0].send_data(data)
    exchange(pair)
    assert read(pair[1]) == data


def test_only_the_client_begins(pair: Pair) -> None:
    assert pair[1].data_to_send() == b""
    assert pair[0].data_to_send() != b""


def test_a_goodbye_is_heard_after_all_data(pair: Pair) -> None:
    client, server = pair
    exchange(pair)
    client.send_data(b"the last words")
    client.send_close()
    client.send_close()
    exchange(pair)
    assert not server.closed_by_peer
    assert read(server) == b"the last words"
    assert server.closed_by_peer
    server.receive_eof()
    server.send_close()
    server_says = server.data_to_send()
    client.receive_data(server_says)
    assert read(client) == b""
    assert client.closed_by_peer


def test_what_was_on_its_way_at_our_goodbye_can_be_read(pair: Pair) -> None:
    client, server = pair
    exchange(pair)
    server.send_data(b"crossing")
    client.send_close()
    client.receive_data(server.data_to_send())
    assert read(client) == b"crossing"


def test_an_end_without_goodbye_is_the_peers_mistake(pair: Pair) -> None:
    exchange(pair)
    with pytest.raises(RemoteProtocolError):
        pair[1].receive_eof()


def test_nothing_is_sent_before_the_handshake_or_after_the_goodbye(pair: Pair) -> None:
    client, _ = pair
    with pytest.raises(LocalProtocolError):
        client.send_data(b"too early")
    client.send_close()
    exchange(pair)
    client.send_close()
    with pytest.raises(LocalProtocolError):
        client.send_data(b"too late")


def test_a_certificate_of_nobody_known_ends_the_handshake_on_both_sides(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    client = TLSConnection(ssl.create_default_context(), server_side=False, server_hostname="peer.example")
    server = TLSConnection(contexts[1], server_side=True)
    client.start()
    server.receive_data(client.data_to_send())
    with pytest.raises(RemoteProtocolError) as caught:
        client.receive_data(server.data_to_send())
    assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)
    with pytest.raises(RemoteProtocolError):
        server.receive_data(client.data_to_send())


def test_bytes_that_are_not_tls_are_the_peers_mistake(pair: Pair) -> None:
    with pytest.raises(RemoteProtocolError):
        pair[1].receive_data(b"GET / HTTP/1.1\r\n\r\n")


def test_bytes_that_were_changed_on_the_way_are_the_peers_mistake(pair: Pair) -> None:
    exchange(pair)
    pair[0].send_data(b"pay 10")
    changed = bytearray(pair[0].data_to_send())
    changed[-1] ^= 1
    pair[1].receive_data(changed)
    with pytest.raises(RemoteProtocolError):
        read(pair[1])


def test_a_context_that_checks_names_wants_one(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    with pytest.raises(ValueError, match="hostname"):
        TLSConnection(contexts[0], server_side=False)
