"""TLS of asyncio programs on simulated hosts: real OpenSSL over simulated streams."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

import pytest
import trustme

from junto.sim import Host, World

from .net_scenarios import run_world


@pytest.fixture(scope="module")
def contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
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


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(10_000):
        writer.write(data)
        await writer.drain()
    writer.close()


def talk_by_tls(contexts: tuple[ssl.SSLContext, ssl.SSLContext], **conditions: Any) -> Any:
    async def scenario(world: World, server: Host, client: Host) -> Any:
        if conditions:
            world.net.change(**conditions)

        async def serve() -> None:
            await asyncio.start_server(echo, "0.0.0.0", 443, ssl=contexts[0])

        await server.run(serve).wait()

        async def talk() -> Any:
            reader, writer = await asyncio.open_connection("server", 443, ssl=contexts[1])
            sent = bytes(range(256)) * 200
            writer.write(sent)
            received = await reader.readexactly(len(sent))
            tls = writer.get_extra_info("ssl_object")
            writer.close()
            await writer.wait_closed()
            names = [tls.selected_alpn_protocol(), tls.server_hostname, tls.version()]
            return received == sent, names

        return await client.run(talk).wait()

    return run_world(scenario, "server", "client", seeds=(1, 2, 3))


def test_client_and_server_speak_tls_with_certificates_of_both(contexts: Any) -> None:  # L1
    assert talk_by_tls(contexts) == (True, ["one", "server", "TLSv1.3"])


def test_the_run_does_not_depend_on_ciphertext(contexts: Any) -> None:  # L2, trap 20
    # That run_world compares times and traces of the runs is the test.
    assert talk_by_tls(contexts, bandwidth=1_000_000)[0]
    assert talk_by_tls(contexts, loss=0.1, latency=(0.0, 0.05))[0]


def test_no_bytes_of_a_tls_connection_are_recorded(contexts: Any) -> None:  # L2
    async def scenario(world: World, server: Host, client: Host) -> Any:
        async def serve() -> None:
            await asyncio.start_server(echo, "0.0.0.0", 443, ssl=contexts[0])

        await server.run(serve).wait()

        async def talk() -> None:
            reader, writer = await asyncio.open_connection("server", 443, ssl=contexts[1])
            writer.write(b"secret")
            await reader.readexactly(6)
            writer.close()
            await writer.wait_closed()

        await client.run(talk).wait()
        events = world.trace.events if world.trace is not None else []
        carried = [event for event in events if event[2] in ("send", "recv", "hold") and event[5] is not None]
        assert bool(carried) == (world.trace is not None)
        assert all(event[6] is None and event[5] % 64 == 0 for event in carried)

    run_world(scenario, "server", "client")


def test_a_certificate_for_another_name_is_refused(contexts: Any) -> None:  # L1
    async def scenario(world: World, server: Host, client: Host) -> Any:
        async def serve() -> None:
            await asyncio.start_server(echo, "0.0.0.0", 443, ssl=contexts[0])

        await server.run(serve).wait()

        async def talk() -> Any:
            try:
                await asyncio.open_connection("server", 443, ssl=contexts[1], server_hostname="somebody.else")
            except ssl.SSLCertVerificationError as error:
                return error.verify_message[:17]

        return await client.run(talk).wait()

    assert run_world(scenario, "server", "client") == "Hostname mismatch"


def test_start_tls_changes_both_sides_of_a_connection(contexts: Any) -> None:  # L1
    async def scenario(world: World, server: Host, client: Host) -> Any:
        async def upgrade(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            assert await reader.readline() == b"STARTTLS\n"
            writer.write(b"go\n")
            await writer.drain()
            await writer.start_tls(contexts[0])
            writer.write((await reader.readline()).upper())
            await writer.drain()
            writer.close()

        async def serve() -> None:
            await asyncio.start_server(upgrade, "0.0.0.0", 25)

        await server.run(serve).wait()

        async def talk() -> Any:
            reader, writer = await asyncio.open_connection("server", 25)
            writer.write(b"STARTTLS\n")
            assert await reader.readline() == b"go\n"
            await writer.start_tls(contexts[1], server_hostname="server")
            writer.write(b"hello\n")
            answer = await reader.readline()
            assert await reader.read() == b""
            writer.close()
            return answer

        return await client.run(talk).wait()

    assert run_world(scenario, "server", "client") == b"HELLO\n"


def test_a_peer_that_dies_in_the_handshake_ends_it(contexts: Any) -> None:  # L1, H4
    async def scenario(world: World, server: Host, client: Host) -> Any:
        async def serve() -> None:
            await asyncio.start_server(echo, "0.0.0.0", 443, ssl=contexts[0])

        world.net.change(latency=0.1)
        await server.run(serve).wait()

        async def talk() -> Any:
            try:
                await asyncio.open_connection("server", 443, ssl=contexts[1])
            except ConnectionError as error:
                return type(error).__name__

        program = client.run(talk)
        await world.sleep(0.25)
        server.kill()
        return await program.wait()

    assert run_world(scenario, "server", "client") in ("ConnectionResetError", "ConnectionAbortedError")
