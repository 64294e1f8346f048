"""Connections, listeners and datagrams: what every runtime's transports do."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import stat
import struct
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from junto.address import Address
from junto.errors import ConnectionFailed, LocalProtocolError

from .conftest import Place
from .endpoints import BufferedRecorder, Echo, Recorder
from .worlds import World, in_real_time, sleep, within

Kinds = tuple[type[Recorder], type[Recorder]]
HERE = Address("tcp", "127.0.0.1")
MEGABYTE = bytes(range(256)) * 4096


@contextlib.asynccontextmanager
async def pair(
    rt: Any, place: Place, client_kind: Callable[[Any], Recorder], server_kind: Callable[[Any], Recorder]
) -> AsyncIterator[tuple[Recorder, Recorder]]:
    """Connect two endpoints, and leave nothing of them."""
    accepted = rt.create_future()

    def accept() -> Recorder:
        endpoint = server_kind(rt)
        accepted.set_result(endpoint)
        return endpoint

    listener = await rt.listen(place.address, accept, tls=place.server_tls)
    client = client_kind(rt)
    transport = await rt.connect(listener.address, lambda: client, tls=place.client_tls)
    assert client.calls == ["made"]
    assert client.transport is transport
    server = await within(rt, accepted)
    await server.until_called("made")
    try:
        yield client, server
    finally:
        listener.close()
        for endpoint in (client, server):
            if "lost" not in endpoint.calls:
                endpoint.transport.abort()
            await endpoint.until_called("lost")


def test_bytes_go_both_ways(run: World, place: Place, kinds: Kinds) -> None:
    recorder, echo = kinds

    async def scenario(rt: Any) -> None:
        async with pair(rt, place, recorder, echo) as (client, server):
            client.transport.write(b"one ")
            client.transport.write(bytearray(b"two "))
            client.transport.write(memoryview(b"three "))
            client.transport.writelines([b"four ", b"five ", b"", b"six"])
            client.transport.write(b"")
            sent = b"one two three four five six"
            assert await client.until_received(len(sent)) == sent
            assert bytes(server.received) == sent

    run(scenario)


def test_a_megabyte_goes_both_ways(run: World, place: Place, kinds: Kinds) -> None:
    recorder, echo = kinds

    async def scenario(rt: Any) -> None:
        async with pair(rt, place, recorder, echo) as (client, _):
            client.transport.write(MEGABYTE)
            client.transport.writelines([MEGABYTE[:1000]] * 100)
            expected = MEGABYTE + MEGABYTE[:1000] * 100
            assert await client.until_received(len(expected)) == expected

    run(scenario)


def test_a_writer_is_paused_while_the_peer_does_not_read(run: World, place: Place) -> None:
    async def scenario(rt: Any) -> None:
        async with pair(rt, place, Recorder, Recorder) as (client, server):
            server.transport.pause_reading()
            written = 0
            while "pause" not in client.calls:
                client.transport.write(MEGABYTE)
                written += len(MEGABYTE)
                await sleep(rt, 0)
            assert client.transport.get_write_buffer_size() > 0
            assert "resume" not in client.calls
            assert written < 64 * len(MEGABYTE)
            server.transport.resume_reading()
            await client.until_called("resume")
            await server.until_received(written)
            assert server.received == MEGABYTE * (written // len(MEGABYTE))
            assert client.transport.get_write_buffer_size() == 0

    run(scenario)


def test_an_endpoint_that_closes_when_it_may_write_again_is_told_once_that_it_is_over(
    run: World, place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    class Closing(Recorder):
        def resume_writing(self) -> None:
            super().resume_writing()
            self.transport.close()

    async def scenario(rt: Any) -> None:
        async with pair(rt, place, Closing, Recorder) as (client, server):
            server.transport.pause_reading()
            size = 0
            while "pause" not in client.calls:
                client.transport.write(b"x" * 65536)
                size += 65536
            server.transport.resume_reading()
            await client.until_called("lost")
            assert [call for call in client.calls if call != "eof"] == ["made", "pause", "resume", "lost"]
            assert len(await server.until_received(size)) == size
            await sleep(rt, 0)

    with caplog.at_level(logging.ERROR):
        run(scenario)
    assert not caplog.records


def test_nothing_is_received_while_reading_is_paused(run: World, place: Place, kinds: Kinds) -> None:
    recorder, _ = kinds

    async def scenario(rt: Any) -> None:
        async with pair(rt, place, recorder, recorder) as (client, server):
            server.transport.pause_reading()
            client.transport.write(b"held back")
            await sleep(rt, 0.02)
            assert server.received == b""
            server.transport.resume_reading()
            assert await server.until_received(9) == b"held back"

    run(scenario)


def test_reading_may_be_paused_from_within_a_callback(run: World, place: Place, kinds: Kinds) -> None:
    recorder, _ = kinds

    class OneByOne(recorder):  # type: ignore[misc,valid-type]  # a class given by a fixture
        def take(self, data: bytes) -> None:
            super().take(data)
            self.transport.pause_reading()

    async def scenario(rt: Any) -> None:
        async with pair(rt, place, Recorder, OneByOne) as (client, server):
            client.transport.write(b"1")
            assert await server.until_received(1) == b"1"
            client.transport.write(b"second")
            await sleep(rt, 0.02)
            assert server.received == b"1"
            server.transport.resume_reading()
            received = await server.until_received(2)  # it may come in pieces
            assert b"1second".startswith(received)

    run(scenario)


def test_connection_made_may_write(run: World, place: Place, kinds: Kinds) -> None:
    recorder, _ = kinds

    class Greeter(recorder):  # type: ignore[misc,valid-type]  # a class given by a fixture
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            transport.write(b"hello")

    async def scenario(rt: Any) -> None:
        async with pair(rt, place, recorder, Greeter) as (client, _):
            assert await client.until_received(5) == b"hello"

    run(scenario)


def test_close_sends_what_is_buffered(run: World, place: Place) -> None:
    async def scenario(rt: Any) -> None:
        async with pair(rt, place, Recorder, Recorder) as (client, server):
            server.transport.pause_reading()
            for _ in range(8):
                client.transport.write(MEGABYTE)
            client.transport.close()
            assert client.transport.is_closing()
            client.transport.close()
            server.transport.resume_reading()
            await server.until_received(8 * len(MEGABYTE))
            await client.until_called("lost")
            assert client.error is None
            await server.until_called("lost")
            assert server.error is None
            assert server.calls == ["made", "eof", "lost"]

    run(scenario)


def test_abort_does_not_send_what_is_buffered(run: World, place: Place) -> None:
    async def scenario(rt: Any) -> None:
        async with pair(rt, place, Recorder, Recorder) as (client, server):
            server.transport.pause_reading()
            for _ in range(16):
                client.transport.write(MEGABYTE)
            await sleep(rt, 0)
            assert client.transport.get_write_buffer_size() > 0
            client.transport.abort()
            assert client.transport.is_closing()
            client.transport.abort()
            await client.until_called("lost")
            assert client.error is None
            server.transport.resume_reading()
            await server.until_called("lost")
            assert len(server.received) < 16 * len(MEGABYTE)

    run(scenario)


def test_connection_lost_comes_once_and_never_inside_close(run: World, place: Place) -> None:
    async def scenario(rt: Any) -> None:
        async with pair(rt, place, Recorder, Recorder) as (client, server):
            client.transport.close()
            assert "lost" not in client.calls
            client.transport.abort()
            assert "lost" not in client.calls
            await client.until_called("lost")
            await server.until_called("lost")
            await sleep(rt, 0.01)
            assert client.calls.count("lost") == 1
            assert server.calls.count("lost") == 1

    run(scenario)


@pytest.mark.parametrize("how", ["close", "abort"])
def test_what_is_written_after_closing_is_dropped(run: World, place: Place, how: str) -> None:
    async def scenario(rt: Any) -> None:
        async with pair(rt, place, Recorder, Recorder) as (client, server):
            client.transport.write(b"before")
            await server.until_received(6)
            getattr(client.transport, how)()
            assert client.transport.is_closing()
            client.transport.write(b"after")
            await client.until_called("lost")
            await server.until_called("lost")
            assert server.received == b"before"
            assert client.transport.is_closing()
            assert client.calls.count("lost") == 1

    run(scenario)


@pytest.mark.parametrize("scheme", ["tcp", "unix"])
def test_one_direction_may_end_before_the_other(
    run: World, scheme: str, tmp_path: Path, kinds: Kinds
) -> None:
    recorder, _ = kinds
    place = Place(HERE if scheme == "tcp" else Address("unix", path=str(tmp_path / "socket")))

    class Patient(recorder):  # type: ignore[misc,valid-type]  # a class given by a fixture
        keep_open = True

    async def scenario(rt: Any) -> None:
        async with pair(rt, place, recorder, Patient) as (client, server):
            assert client.transport.can_write_eof()
            client.transport.write(b"question")
            client.transport.write_eof()
            await server.until_called("eof")
            assert server.received == b"question"
            server.transport.write(MEGABYTE)
            await client.until_received(len(MEGABYTE))
            assert "lost" not in server.calls
            server.transport.close()
            await client.until_called("lost")
            await server.until_called("lost")
            assert client.calls == ["made", "eof", "lost"]
            assert client.error is None
            assert server.error is None

    run(scenario)


def test_write_eof_sends_what_is_buffered_first(run: World) -> None:
    class Patient(Recorder):
        keep_open = True

    async def scenario(rt: Any) -> None:
        async with pair(rt, Place(HERE), Recorder, Patient) as (client, server):
            for _ in range(8):
                client.transport.write(MEGABYTE)
            client.transport.write_eof()
            await server.until_called("eof")
            assert len(server.received) == 8 * len(MEGABYTE)
            server.transport.write(b"thanks")
            assert await client.until_received(6) == b"thanks"

    run(scenario)


def test_an_endpoint_that_does_not_ask_is_closed_at_eof(run: World, place: Place, kinds: Kinds) -> None:
    recorder, _ = kinds

    async def scenario(rt: Any) -> None:
        async with pair(rt, place, recorder, recorder) as (client, server):
            client.transport.close()
            await server.until_called("lost")
            assert server.calls == ["made", "eof", "lost"]
            assert server.transport.is_closing()

    run(scenario)


@in_real_time
def test_a_reset_by_the_peer_is_an_error_in_connection_lost(run: World, kinds: Kinds) -> None:
    recorder, _ = kinds

    async def scenario(rt: Any) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            client = recorder(rt)
            address = HERE.with_port(listening.getsockname()[1])
            await rt.connect(address, lambda: client)
            peer, _ = listening.accept()
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            peer.close()
            await client.until_called("lost")
            assert isinstance(client.error, OSError)

    run(scenario)


def test_writing_to_a_peer_that_is_gone_ends_in_connection_lost(run: World) -> None:
    async def scenario(rt: Any) -> None:
        async with pair(rt, Place(HERE), Recorder, Recorder) as (client, server):
            client.transport.pause_reading()
            server.transport.abort()
            await server.until_called("lost")
            for _ in range(1000):
                if "lost" in client.calls:
                    break
                client.transport.write(MEGABYTE)
                await sleep(rt, 0.001)
            assert isinstance(client.error, OSError)

    run(scenario)


@pytest.mark.parametrize("failing", ["received", "eof"])
def test_an_endpoint_that_fails_loses_its_connection_and_no_other(
    run: World, kinds: Kinds, failing: str, caplog: pytest.LogCaptureFixture
) -> None:
    recorder, echo = kinds

    class Failing(recorder):  # type: ignore[misc,valid-type]  # a class given by a fixture
        def take(self, data: bytes) -> None:
            if failing == "received":
                raise ValueError("a mistake in an endpoint")

        def eof_received(self) -> bool:
            raise ValueError("a mistake in an endpoint")

    async def scenario(rt: Any) -> None:
        async with (
            pair(rt, Place(HERE), recorder, Failing) as (client, server),
            pair(rt, Place(HERE), recorder, echo) as (other, _),
        ):
            client.transport.write(b"x")
            if failing == "eof":
                client.transport.close()
            await server.until_called("lost")
            assert isinstance(server.error, ValueError)
            await client.until_called("lost")
            other.transport.write(b"fine")
            assert await other.until_received(4) == b"fine"

    run(scenario, ValueError)


def test_nobody_listens(run: World, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]

    async def scenario(rt: Any) -> None:
        for address in (
            HERE.with_port(port),
            Address("unix", path=str(tmp_path / "nobody")),
            Address("unix", path=str(tmp_path / ("long" * 100))),
            Address("tcp", "a.name.that.is.invalid", 80),
            Address("tcp", "no..host" + "x" * 64, 80),
        ):
            with pytest.raises(ConnectionFailed) as caught:
                await rt.connect(address, lambda: Recorder(rt))
            assert caught.value.__cause__ is not None
            assert str(address) in str(caught.value)

    run(scenario)


def test_an_address_that_is_in_use_cannot_be_listened_at(run: World, place: Place) -> None:
    async def scenario(rt: Any) -> None:
        first = await rt.listen(place.address, lambda: Echo(rt), tls=place.server_tls)
        with pytest.raises(ConnectionFailed) as caught:
            await rt.listen(first.address, lambda: Recorder(rt), tls=place.server_tls)
        assert isinstance(caught.value.__cause__, OSError)
        client = Recorder(rt)
        await rt.connect(first.address, lambda: client, tls=place.client_tls)
        client.transport.write(b"still here")
        assert await client.until_received(10) == b"still here"
        first.close()
        client.transport.abort()

    run(scenario)


def test_a_listener_tells_its_real_port(run: World) -> None:
    async def scenario(rt: Any) -> None:
        listener = await rt.listen(HERE, lambda: Recorder(rt))
        assert listener.address.port > 0
        assert listener.address == HERE.with_port(listener.address.port)
        listener.close()

    run(scenario)


def test_a_closed_listener_accepts_nobody_and_its_connections_live_on(run: World, place: Place) -> None:
    async def scenario(rt: Any) -> None:
        listener = await rt.listen(place.address, lambda: Echo(rt), tls=place.server_tls)
        client = Recorder(rt)
        await rt.connect(listener.address, lambda: client, tls=place.client_tls)
        client.transport.write(b"before")
        await client.until_received(6)
        listener.close()
        listener.close()
        await sleep(rt, 0)
        with pytest.raises(ConnectionFailed):
            await rt.connect(listener.address, lambda: Recorder(rt), tls=place.client_tls)
        client.transport.write(b" after")
        assert await client.until_received(12) == b"before after"
        client.transport.abort()

    run(scenario)


def test_every_interface_is_one_port_on_each_family(run: World) -> None:
    async def scenario(rt: Any) -> None:
        listener = await rt.listen(Address("tcp"), lambda: Echo(rt))
        for host in ["127.0.0.1", *(["::1"] if has_ipv6() else [])]:
            client = Recorder(rt)
            await rt.connect(Address("tcp", host, listener.address.port), lambda client=client: client)
            client.transport.write(b"hello")
            assert await client.until_received(5) == b"hello"
            client.transport.abort()
        listener.close()

    run(scenario)


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


def test_ipv6(run: World) -> None:
    async def scenario(rt: Any) -> None:
        if not has_ipv6():
            with pytest.raises(ConnectionFailed):
                await rt.listen(Address("tcp", "::1"), lambda: Echo(rt))
            return
        async with pair(rt, Place(Address("tcp", "::1")), Recorder, Echo) as (client, _):
            client.transport.write(b"six")
            assert await client.until_received(3) == b"six"
            assert client.transport.get_extra_info("peername")[0] == "::1"

    run(scenario)


def test_names_are_looked_up(run: World) -> None:
    async def scenario(rt: Any) -> None:
        listener = await rt.listen(HERE, lambda: Echo(rt))
        client = Recorder(rt)
        # Where it means ::1 first, that fails and 127.0.0.1 is tried next.
        await rt.connect(Address("tcp", "localhost", listener.address.port), lambda: client)
        client.transport.write(b"named")
        assert await client.until_received(5) == b"named"
        client.transport.abort()
        listener.close()

    run(scenario)


def test_tcp_sockets_send_at_once_and_keep_alive(run: World) -> None:
    async def scenario(rt: Any) -> None:
        async with pair(rt, Place(HERE), Recorder, Recorder) as (client, server):
            for endpoint in (client, server):
                sock = endpoint.transport.get_extra_info("socket")
                assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
                assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)

    run(scenario)


@in_real_time
def test_transports_know_both_ends(run: World) -> None:
    async def scenario(rt: Any) -> None:
        async with pair(rt, Place(HERE), Recorder, Recorder) as (client, server):
            ask = client.transport.get_extra_info
            answer = server.transport.get_extra_info
            assert ask("peername") == answer("sockname")
            assert ask("sockname") == answer("peername")
            assert ask("nothing of that name") is None
            assert ask("nothing of that name", 3) == 3

    run(scenario)


@in_real_time
def test_a_stale_unix_socket_is_replaced(run: World, tmp_path: Path) -> None:
    path = tmp_path / "socket"

    async def scenario(rt: Any) -> None:
        with socket.socket(socket.AF_UNIX) as stale:
            stale.bind(str(path))
        assert path.exists()
        async with pair(rt, Place(Address("unix", path=str(path))), Recorder, Echo) as (client, _):
            client.transport.write(b"fresh")
            assert await client.until_received(5) == b"fresh"
        assert not path.exists()

    run(scenario)


@in_real_time
def test_a_file_that_is_no_socket_is_left_alone(run: World, tmp_path: Path) -> None:
    path = tmp_path / "letters"
    path.write_text("dear diary")

    async def scenario(rt: Any) -> None:
        with pytest.raises(ConnectionFailed):
            await rt.listen(Address("unix", path=str(path)), lambda: Recorder(rt))

    run(scenario)
    assert path.read_text() == "dear diary"


@in_real_time
def test_a_closed_listener_leaves_the_file_of_its_successor(run: World, tmp_path: Path) -> None:
    path = tmp_path / "socket"

    async def scenario(rt: Any) -> None:
        address = Address("unix", path=str(path))
        first = await rt.listen(address, lambda: Recorder(rt))
        os.rename(path, tmp_path / "old")
        second = await rt.listen(address, lambda: Recorder(rt))
        first.close()
        await sleep(rt, 0)
        assert stat.S_ISSOCK(path.stat().st_mode)
        second.close()
        assert not path.exists()

    run(scenario)


def test_many_connections_at_once(run: World, place: Place) -> None:
    async def scenario(rt: Any) -> None:
        listener = await rt.listen(place.address, lambda: Echo(rt), tls=place.server_tls)
        clients = [Recorder(rt) for _ in range(50)]

        async def use(client: Recorder, number: int) -> None:
            await rt.connect(listener.address, lambda: client, tls=place.client_tls)
            text = f"this is number {number}".encode()
            client.transport.write(text)
            assert await client.until_received(len(text)) == text
            client.transport.close()
            await client.until_called("lost")

        for task in [rt.create_task(use(client, number)) for number, client in enumerate(clients)]:
            await task
        listener.close()

    run(scenario)


def test_stop_closes_connections_and_listeners(run: World, place: Place) -> None:
    async def scenario(rt: Any) -> None:
        servers: list[Recorder] = []

        def accept() -> Recorder:
            servers.append(Recorder(rt))
            return servers[-1]

        listener = await rt.listen(place.address, accept, tls=place.server_tls)
        client = Recorder(rt)
        await rt.connect(listener.address, lambda: client, tls=place.client_tls)
        client.transport.write(b"the last words")
        while not servers:
            await sleep(rt, 0.001)
        await servers[0].until_received(14)
        await rt.stop()
        assert client.calls[-1] == "lost"
        assert servers[0].calls[-1] == "lost"
        with pytest.raises(ConnectionFailed):
            await rt.connect(listener.address, lambda: Recorder(rt), tls=place.client_tls)

    run(scenario)


@in_real_time
def test_stop_does_not_wait_for_a_peer_that_does_not_read(run: World) -> None:
    async def scenario(rt: Any) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            client = Recorder(rt)
            await rt.connect(HERE.with_port(listening.getsockname()[1]), lambda: client)
            for _ in range(16):
                client.transport.write(MEGABYTE)
            await within(rt, rt.stop(), 5.0)
            assert client.calls[-1] == "lost"

    run(scenario)


def test_tls_without_a_context_is_refused(run: World) -> None:
    async def scenario(rt: Any) -> None:
        with pytest.raises(LocalProtocolError):
            await rt.connect(Address("tls", "127.0.0.1", 1), lambda: Recorder(rt))
        with pytest.raises(LocalProtocolError):
            await rt.listen(Address("tls", "127.0.0.1", 0), lambda: Recorder(rt))

    run(scenario)


class Datagrams:
    def __init__(self, rt: Any) -> None:
        self.log = BufferedRecorder(rt)
        self.sources: list[Any] = []
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, address: Any) -> None:
        self.sources.append(address)
        self.log.take(data)

    def error_received(self, error: Exception) -> None:
        self.log.calls.append("error")

    def connection_lost(self, error: Exception | None) -> None:
        self.log.connection_lost(error)


def test_datagrams_go_both_ways(run: World) -> None:
    async def scenario(rt: Any) -> None:
        first, second = Datagrams(rt), Datagrams(rt)
        transports = [await rt.open_datagram(HERE, lambda each=each: each) for each in (first, second)]
        assert first.transport is transports[0]
        names = [transport.get_extra_info("sockname") for transport in transports]
        transports[0].sendto(b"ping", names[1])
        assert await second.log.until_received(4) == b"ping"
        transports[1].sendto(b"pong", second.sources[0])
        assert await first.log.until_received(4) == b"pong"
        assert first.sources == [names[1]]
        for each in (first, second):
            each.transport.close()
            assert each.transport.is_closing()
            await each.log.until_called("lost")
            assert each.log.error is None

    run(scenario)


def test_datagrams_keep_their_limits(run: World) -> None:
    async def scenario(rt: Any) -> None:
        received: list[int] = []

        class Measuring(Datagrams):
            def datagram_received(self, data: bytes, address: Any) -> None:
                received.append(len(data))
                super().datagram_received(data, address)

        endpoint, sizes = Measuring(rt), [1, 1000, 30000]
        transport = await rt.open_datagram(HERE, lambda: endpoint)
        for size in sizes:
            transport.sendto(b"x" * size, transport.get_extra_info("sockname"))
        await endpoint.log.until_received(sum(sizes))
        assert sorted(received) == sizes
        await rt.stop()
        assert endpoint.log.calls == ["lost"]

    run(scenario)


@in_real_time
def test_a_datagram_address_that_is_in_use_is_refused(run: World) -> None:
    async def scenario(rt: Any) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", 0))
            with pytest.raises(ConnectionFailed):
                await rt.open_datagram(HERE.with_port(taken.getsockname()[1]), lambda: Datagrams(rt))
        with pytest.raises(LocalProtocolError):
            await rt.open_datagram(Address("unix", path="somewhere"), lambda: Datagrams(rt))

    run(scenario)


def test_who_gives_up_connecting_in_the_turn_in_which_it_succeeds_leaves_nothing(
    scene: Any, run: World, place: Place
) -> None:
    async def scenario(rt: Any) -> None:
        class Hasty(Recorder):
            def connection_made(self, transport: Any) -> None:
                super().connection_made(transport)
                rt.call_soon(connecting.cancel)
                connecting.cancel()

        accepted = rt.create_future()

        def accept() -> Recorder:
            endpoint = Recorder(rt)
            accepted.set_result(endpoint)
            return endpoint

        listener = await rt.listen(place.address, accept, tls=place.server_tls)
        hasty = Hasty(rt)
        connecting = rt.create_task(
            rt.connect(listener.address, lambda: hasty, tls=place.client_tls),
        )
        try:
            transport = await connecting
        except run.cancelled:
            pass
        else:  # it was too late to give up
            transport.abort()
        if hasty.calls:
            await hasty.until_called("lost")
        await (await within(rt, accepted)).until_called("lost")
        listener.close()

    scene(scenario)
