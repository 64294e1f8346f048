"""TLS, on each runtime and between two of them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from pathlib import Path
from typing import Any

import pytest
import trustme

from junto.address import Address
from junto.errors import ConnectionFailed
from junto.runtimes.asyncio import asyncio_runtime
from junto.runtimes.threads import ThreadsRuntime

from .conftest import Contexts, Place
from .endpoints import BufferedEcho, BufferedRecorder, Echo, Recorder
from .test_transports import MEGABYTE, pair
from .worlds import World, in_real_time, sleep

HERE = Address("tls", "127.0.0.1")
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


def limited(context: ssl.SSLContext, version: ssl.TLSVersion) -> ssl.SSLContext:
    context.minimum_version = context.maximum_version = version
    return context


@pytest.mark.parametrize("version", VERSIONS)
def test_both_versions_work(run: World, contexts: Contexts, version: ssl.TLSVersion) -> None:
    client_context = limited(ssl.create_default_context(), version)
    contexts.authority.configure_trust(client_context)

    async def scenario(rt: Any) -> None:
        async with pair(rt, Place(HERE, contexts.server, client_context), BufferedRecorder, BufferedEcho) as (
            client,
            _,
        ):
            client.transport.write(MEGABYTE)
            await client.until_received(len(MEGABYTE))
            assert client.received == MEGABYTE
            ask = client.transport.get_extra_info
            assert ask("ssl_object").version() == version.name.replace("_", ".")
            assert ask("cipher")[0]
            assert ask("peercert")["subjectAltName"]
            assert ask("peername")[0] == "127.0.0.1"
            assert ask("sockname")[0] == "127.0.0.1"
            assert ask("socket").fileno() >= 0
            assert not client.transport.can_write_eof()

    run(scenario)


def test_both_sides_may_want_a_certificate(run: World, contexts: Contexts) -> None:
    server_context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    contexts.authority.issue_cert("127.0.0.1").configure_cert(server_context)
    contexts.authority.configure_trust(server_context)
    server_context.verify_mode = ssl.CERT_REQUIRED
    known = ssl.create_default_context()
    contexts.authority.configure_trust(known)
    contexts.authority.issue_cert("client@example.org").configure_cert(known)
    unknown = contexts.client

    async def scenario(rt: Any) -> None:
        async with pair(rt, Place(HERE, server_context, known), Recorder, Echo) as (client, server):
            client.transport.write(b"it is me")
            assert await client.until_received(8) == b"it is me"
            names = server.transport.get_extra_info("peercert")["subjectAltName"]
            assert names == (("email", "client@example.org"),)
        listener = await rt.listen(HERE, lambda: Echo(rt), tls=server_context)
        stranger = Recorder(rt)
        # In TLS 1.3 the client is through before the server has looked at its certificate.
        with contextlib.suppress(ConnectionFailed):
            await rt.connect(listener.address, lambda: stranger, tls=unknown)
            stranger.transport.write(b"let me in")
            await stranger.until_called("lost")
        assert stranger.received == b""
        listener.close()

    run(scenario)


def test_a_server_that_cannot_be_trusted_is_refused_and_others_are_served(
    run: World, contexts: Contexts
) -> None:
    distrustful = ssl.create_default_context()
    trustme.CA().configure_trust(distrustful)

    async def scenario(rt: Any) -> None:
        served: list[Recorder] = []

        def accept() -> Recorder:
            served.append(Echo(rt))
            return served[-1]

        listener = await rt.listen(HERE, accept, tls=contexts.server)
        refused = Recorder(rt)
        with pytest.raises(ConnectionFailed) as caught:
            await rt.connect(listener.address, lambda: refused, tls=distrustful)
        assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)
        assert refused.calls == []
        client = Recorder(rt)
        await rt.connect(listener.address, lambda: client, tls=contexts.client)
        client.transport.write(b"fine")
        assert await client.until_received(4) == b"fine"
        client.transport.close()
        await client.until_called("lost")
        listener.close()
        assert served[0].calls == []

    run(scenario)


def test_a_wish_to_stay_open_after_the_peers_end_is_passed_over_in_silence(
    run: World, contexts: Contexts, caplog: pytest.LogCaptureFixture
) -> None:
    class Staying(Recorder):
        keep_open = True

    async def scenario(rt: Any) -> None:
        async with pair(rt, Place(HERE, contexts.server, contexts.client), Staying, Echo) as (client, server):
            server.transport.close()
            await client.until_called("eof")
            await client.until_called("lost")
            assert client.error is None

    run(scenario)
    assert not caplog.records


def test_a_certificate_for_another_host_is_refused(run: World, contexts: Contexts) -> None:
    elsewhere = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    contexts.authority.issue_cert("elsewhere.example").configure_cert(elsewhere)

    async def scenario(rt: Any) -> None:
        listener = await rt.listen(HERE, lambda: Echo(rt), tls=elsewhere)
        with pytest.raises(ConnectionFailed):
            await rt.connect(listener.address, lambda: Recorder(rt), tls=contexts.client)
        listener.close()

    run(scenario)


def test_a_name_that_is_to_be_checked_must_be_there(run: World, contexts: Contexts, tmp_path: Path) -> None:
    unchecked = ssl.create_default_context()
    contexts.authority.configure_trust(unchecked)
    unchecked.check_hostname = False

    async def scenario(rt: Any) -> None:
        place = Address("unix", path=str(tmp_path / "socket"))
        listener = await rt.listen(place, lambda: Echo(rt), tls=contexts.server)
        with pytest.raises(ConnectionFailed):
            await rt.connect(place, lambda: Recorder(rt), tls=contexts.client)
        client = Recorder(rt)
        await rt.connect(place, lambda: client, tls=unchecked)
        client.transport.write(b"by path")
        assert await client.until_received(7) == b"by path"
        client.transport.close()
        await client.until_called("lost")
        listener.close()

    run(scenario)


def test_who_does_not_speak_tls_is_refused(run: World, contexts: Contexts) -> None:
    async def scenario(rt: Any) -> None:
        plain = await rt.listen(Address("tcp", "127.0.0.1"), lambda: Echo(rt))
        address = HERE.with_port(plain.address.port)
        with pytest.raises(ConnectionFailed):
            await rt.connect(address, lambda: Recorder(rt), tls=contexts.client)
        plain.close()

        served = Recorder(rt)
        listener = await rt.listen(HERE, lambda: served, tls=contexts.server)
        client = Recorder(rt)
        await rt.connect(Address("tcp", "127.0.0.1", listener.address.port), lambda: client)
        client.transport.write(b"GET / HTTP/1.1\r\n\r\n")
        await client.until_called("lost")
        assert served.calls == []
        listener.close()

    run(scenario)


def test_a_peer_that_ends_during_the_handshake_is_a_failed_connection(run: World, contexts: Contexts) -> None:
    async def scenario(rt: Any) -> None:
        class Rude(Recorder):
            def data_received(self, data: bytes) -> None:
                self.transport.close()

        listener = await rt.listen(Address("tcp", "127.0.0.1"), lambda: Rude(rt))
        with pytest.raises(ConnectionFailed):
            await rt.connect(HERE.with_port(listener.address.port), lambda: Recorder(rt), tls=contexts.client)
        listener.close()

    run(scenario)


@in_real_time
def test_a_handshake_may_be_given_up(run: World, contexts: Contexts) -> None:
    async def scenario(rt: Any) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            address = HERE.with_port(silent.getsockname()[1])
            refused = Recorder(rt)
            task = rt.create_task(rt.connect(address, lambda: refused, tls=contexts.client))
            await sleep(rt, 0.02)
            task.cancel()
            with pytest.raises(run.cancelled):
                await task
            assert refused.calls == []

    run(scenario)


def test_many_small_messages_while_reading_is_paused_and_resumed(run: World, contexts: Contexts) -> None:
    class Hesitant(BufferedRecorder):
        def take(self, data: bytes) -> None:
            super().take(data)
            self.transport.pause_reading()
            self.rt.call_later(0.0005, self.go_on)

        def go_on(self) -> None:
            if "lost" not in self.calls:
                self.transport.resume_reading()

    async def scenario(rt: Any) -> None:
        async with pair(rt, Place(HERE, contexts.server, contexts.client), Recorder, Hesitant) as (
            client,
            server,
        ):
            for number in range(100):
                client.transport.write(b"%04d" % number)
            expected = b"".join(b"%04d" % number for number in range(100))
            assert await server.until_received(len(expected)) == expected

    run(scenario)


@pytest.mark.parametrize("listening", ["asyncio", "threads"])
def test_two_runtimes_speak_tls_with_each_other(contexts: Contexts, listening: str) -> None:
    threads = ThreadsRuntime()
    address: list[Address] = []
    ready, done = threading.Event(), threading.Event()

    async def in_asyncio() -> None:
        rt = asyncio_runtime()
        if listening == "asyncio":
            await serve(rt)
            await asyncio.to_thread(done.wait, 10)
        else:
            await ask(rt)
        await rt.stop()

    async def serve(rt: Any) -> None:
        listener = await rt.listen(HERE, lambda: BufferedEcho(rt), tls=contexts.server)
        address.append(listener.address)
        ready.set()

    async def ask(rt: Any) -> None:
        client = BufferedRecorder(rt)
        await rt.connect(address[0], lambda: client, tls=contexts.client)
        client.transport.write(MEGABYTE)
        await client.until_received(len(MEGABYTE))
        assert client.received == MEGABYTE
        client.transport.close()
        await client.until_called("lost")
        assert client.error is None

    try:
        if listening == "asyncio":
            thread = threading.Thread(target=asyncio.run, args=(in_asyncio(),))
            thread.start()
            assert ready.wait(10)
            try:
                threads.wait(ask(threads), timeout=10)
            finally:
                done.set()
                thread.join(10)
        else:
            threads.call(serve, threads)
            threads.start_thread()
            asyncio.run(asyncio.wait_for(in_asyncio(), 10))
    finally:
        threads.close()
