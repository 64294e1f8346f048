"""TLS of blocking and of polled sockets on simulated hosts, by Python's own `ssl.SSLSocket`."""

from __future__ import annotations

import functools
import selectors
import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import trustme

from junto.sim import Host, World

from .net_scenarios import run_world

Contexts = tuple[ssl.SSLContext, ssl.SSLContext]


@pytest.fixture(scope="module")
def contexts() -> Contexts:
    """Make a server's and a client's, each with a certificate of its own."""
    authority = trustme.CA(key_type=trustme.KeyType.RSA)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    client = ssl.create_default_context()
    for context, name in ((server, "server"), (client, "client")):
        authority.issue_cert(name, key_type=trustme.KeyType.RSA).configure_cert(context)
        authority.configure_trust(context)
    server.verify_mode = ssl.CERT_REQUIRED
    server.set_alpn_protocols(["two", "one"])
    client.set_alpn_protocols(["one"])
    return server, client


def serve(context: ssl.SSLContext) -> None:
    with context.wrap_socket(socket.create_server(("", 443)), server_side=True) as listener:
        while True:
            try:
                connection, _ = listener.accept()
            except (ssl.SSLError, ConnectionError):
                continue
            threading.Thread(target=answer, args=(connection,), daemon=True).start()


def answer(connection: ssl.SSLSocket) -> None:
    with connection:
        while data := connection.recv(4096):
            if data == b"goodbye":
                connection.unwrap().sendall(b"plain")
                return
            connection.sendall(data)


def with_server(contexts: Contexts, client: Callable[[], Any], **options: Any) -> Any:
    async def scenario(world: World, there: Host, here: Host) -> Any:
        there.program(lambda: serve(contexts[0]))
        await world.sleep(0.1)
        return await here.program(client).wait()

    return run_world(scenario, "server", "client", **options)


def open_connection(contexts: Contexts, **options: Any) -> ssl.SSLSocket:
    sock = socket.create_connection(("server", 443))
    return contexts[1].wrap_socket(sock, server_hostname="server", **options)


def test_a_blocking_client_and_server_of_threads_talk_by_tls(contexts: Contexts) -> None:  # L1
    def client() -> Any:
        with open_connection(contexts) as sock:
            sock.sendall(b"0123456789" * 10_000)
            heard = 0
            while heard < 100_000:
                heard += len(sock.recv(65536))
            names = [name for kind, name in (sock.getpeercert() or {})["subjectAltName"]]  # type: ignore[misc]
            cipher = sock.cipher()
            return (
                isinstance(sock, ssl.SSLSocket),
                heard,
                names,
                sock.version(),
                sock.selected_alpn_protocol(),
                cipher is not None,
                sock.pending(),
                sock.getpeername(),
            )

    assert with_server(contexts, client) == (
        True,
        100_000,
        ["server"],
        "TLSv1.3",
        "one",
        True,
        0,
        ("10.0.0.1", 443),
    )


def test_a_file_over_tls_is_read_and_written(contexts: Contexts) -> None:
    def client() -> Any:
        with open_connection(contexts) as sock, sock.makefile("rwb") as file:
            file.write(b"one\ntwo\n")
            file.flush()
            return file.readline(), file.readline()

    assert with_server(contexts, client) == (b"one\n", b"two\n")


def test_tls_is_ended_and_the_connection_goes_on_in_plain(contexts: Contexts) -> None:
    def client() -> Any:
        sock = open_connection(contexts)
        sock.sendall(b"goodbye")
        plain = sock.unwrap()
        with plain:
            return plain.recv(5, socket.MSG_WAITALL), plain is sock

    assert with_server(contexts, client)[0] == b"plain"


def test_reading_and_the_handshake_have_the_sockets_timeout(contexts: Contexts) -> None:
    def client() -> Any:
        with open_connection(contexts) as sock:
            sock.settimeout(0.5)
            begin = time.monotonic()
            with pytest.raises(TimeoutError, match="timed out"):
                sock.recv(1)
            read = round(time.monotonic() - begin, 2)
        with socket.create_server(("", 1)):
            silent = socket.create_connection(("localhost", 1), timeout=2)
            begin = time.monotonic()
            with pytest.raises(TimeoutError):
                contexts[1].wrap_socket(silent, server_hostname="server")
            return read, round(time.monotonic() - begin, 2)

    assert with_server(contexts, client) == (0.5, 2.0)


def test_a_socket_without_waiting_tells_what_it_wants(contexts: Contexts) -> None:
    def client() -> Any:
        sock = open_connection(contexts, do_handshake_on_connect=False)
        sock.setblocking(False)
        wants: set[str] = set()
        with sock, selectors.DefaultSelector() as selector:
            selector.register(sock, selectors.EVENT_READ)

            def until_done(step: Callable[[], Any]) -> Any:
                while True:
                    try:
                        return step()
                    except ssl.SSLWantReadError:
                        wants.add("read")
                        selector.select()
                    except ssl.SSLWantWriteError:
                        wants.add("write")
                        time.sleep(0.1)

            until_done(sock.do_handshake)
            data = bytes(600_000)
            sent = heard = 0
            while sent < len(data):
                sent += until_done(functools.partial(sock.send, data[sent : sent + 100_000]))
                try:
                    heard += len(sock.recv(65536))
                except ssl.SSLWantReadError:
                    pass
            while heard < len(data):
                heard += len(until_done(lambda: sock.recv(65536)))
            return heard, "read" in wants

    assert with_server(contexts, client, seeds=(1, 2)) == (600_000, True)


def test_a_certificate_for_another_name_is_refused(contexts: Contexts) -> None:
    def client() -> Any:
        sock = socket.create_connection(("server", 443))
        with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
            contexts[1].wrap_socket(sock, server_hostname="other")
        return sock.fileno()

    assert with_server(contexts, client) == -1


def test_an_end_without_goodbye_is_an_end_unless_that_is_to_be_told(contexts: Contexts) -> None:
    async def scenario(world: World, server: Host, client: Host) -> Any:
        server.program(lambda: serve(contexts[0]))
        await world.sleep(0.1)

        def read() -> Any:
            quiet = open_connection(contexts)
            strict = open_connection(contexts, suppress_ragged_eofs=False)
            world.kernel.at(world.kernel.now, server.kill)
            with quiet, strict:
                heard = quiet.recv(1)
                with pytest.raises(ssl.SSLEOFError):
                    strict.recv(1)
            return heard

        return await client.program(read).wait()

    assert run_world(scenario, "server", "client") == b""
