"""Connections of asyncio programs on simulated hosts."""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from junto.sim import Host, World
from junto.sim.network import Conditions

from .net_scenarios import run_world


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def serve(handler: Any = echo, port: int = 80) -> None:
    server = await asyncio.start_server(handler, "0.0.0.0", port)
    await server.serve_forever()


@asynccontextmanager
async def connected(host: str = "server", port: int = 80) -> AsyncIterator[Any]:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def connect() -> None:
    async with connected():
        pass


async def error_of(awaitable: Any) -> str:
    try:
        await awaitable
    except OSError as error:
        return errno.errorcode[error.errno] if error.errno else type(error).__name__
    return "no error"


class Notes(asyncio.Protocol):
    """Writes down what happens to it."""

    def __init__(self, keep_open: bool = False) -> None:
        self.notes: list[Any] = []
        self.received = bytearray()
        self.keep_open = keep_open
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.notes.append("made")

    def data_received(self, data: bytes) -> None:
        self.received += data

    def eof_received(self) -> bool:
        self.notes.append("eof")
        return self.keep_open

    def pause_writing(self) -> None:
        self.notes.append("pause")

    def resume_writing(self) -> None:
        self.notes.append("resume")

    def connection_lost(self, error: BaseException | None) -> None:
        self.notes.append(type(error).__name__ if error else "lost")
        self.lost.set_result(None)


def test_a_connection_takes_one_round_trip_and_a_refusal_too() -> None:  # S1
    async def scenario(world: World, server: Host, client: Host) -> Any:
        world.net.link(client, server).change(latency=0.25)
        world.net.link(server, client).change(latency=0.5)
        server.run(serve)

        async def measure(port: int) -> tuple[str, float]:
            begin = asyncio.get_running_loop().time()
            error = await error_of(asyncio.get_running_loop().create_connection(Notes, "10.0.0.1", port))
            return error, round(asyncio.get_running_loop().time() - begin, 2)

        await world.sleep(0.1)
        return [await client.run(measure, port).wait() for port in (80, 81)]

    assert run_world(scenario, "server", "client") == [("no error", 0.75), ("ECONNREFUSED", 0.75)]


@pytest.mark.parametrize("why", ["off", "partition", "nobody"])
def test_a_connection_to_a_silent_host_times_out_after_the_last_try(why: str) -> None:  # S1, trap 8
    async def scenario(world: World, server: Host, client: Host) -> Any:
        server.run(serve)
        await world.sleep(0.1)
        if why == "off":
            server.power_off()
        elif why == "partition":
            world.net.partition(server)

        async def connect() -> tuple[str, float]:
            begin = asyncio.get_running_loop().time()
            error = await error_of(asyncio.open_connection("10.9.9.9" if why == "nobody" else server.ip, 80))
            return error, round(asyncio.get_running_loop().time() - begin, 2)

        return await client.run(connect).wait()

    assert run_world(scenario, "server", "client") == ("ETIMEDOUT", 127.0)


def test_a_connection_begun_in_a_partition_is_made_at_the_next_try() -> None:  # S1
    async def scenario(world: World, server: Host, client: Host) -> Any:
        server.run(serve)
        await world.sleep(1)
        partition = world.net.partition({client}, {server})
        begin = world.now
        program = client.run(connect)
        await world.sleep(8)
        partition.heal()
        await program.wait()
        return round(world.now - begin, 1)

    assert run_world(scenario, "server", "client") == 15


def test_a_full_backlog_is_like_loss() -> None:  # S1
    async def scenario(world: World, server: Host, client: Host) -> Any:
        async def listen() -> None:
            sock = socket.socket()
            sock.setblocking(False)
            sock.bind(("", 80))
            sock.listen(1)
            await asyncio.sleep(2)
            for _ in range(3):
                await asyncio.get_running_loop().sock_accept(sock)
            await asyncio.sleep(60)

        server.run(listen)
        await world.sleep(0.1)

        async def measure() -> int:
            begin = asyncio.get_running_loop().time()
            await connect()
            return round(asyncio.get_running_loop().time() - begin)

        programs = [client.run(measure) for _ in range(3)]
        return sorted([await program.wait() for program in programs])

    assert run_world(scenario, "server", "client") == [0, 0, 3]


@pytest.mark.parametrize("chunking", [0.0, 0.4, 1.0])
def test_bytes_arrive_in_order_and_once_whatever_the_latencies(chunking: float) -> None:  # S2, S3, trap 2
    sent = b"".join(struct.pack(">I", number) for number in range(3000))

    async def scenario(world: World, server: Host, client: Host) -> Any:
        world.net.change(latency=(0.0, 0.05), loss=0.1)
        pieces: list[int] = []

        async def collect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            received = b""
            while data := await reader.read(100_000):
                pieces.append(len(data))
                received += data
            assert received == sent
            writer.close()

        server.run(serve, collect)

        async def talk() -> None:
            await asyncio.sleep(0.1)
            async with connected() as (reader, writer):
                for at in range(0, len(sent), 120):
                    writer.write(sent[at : at + 120])
                    if not at % 1200:
                        await asyncio.sleep(0.001)
                writer.write_eof()
                assert await reader.read() == b""

        await client.run(talk).wait()
        assert sum(pieces) == len(sent)
        return any(size % 120 for size in pieces), any(size > 120 for size in pieces)

    assert run_world(scenario, "server", "client", chunking=chunking) == (chunking > 0, True)


def test_a_peer_that_does_not_read_makes_writers_wait_within_two_buffers() -> None:  # S4
    async def scenario(world: World, server: Host, client: Host) -> Any:
        loop_of: dict[str, Notes] = {}

        async def accept() -> None:
            def make() -> Notes:
                loop_of["server"] = Notes()
                return loop_of["server"]

            loop = asyncio.get_running_loop()
            await loop.create_server(make, "0.0.0.0", 80)

        server.run(accept)
        await world.sleep(0.1)

        async def flood() -> Any:
            loop = asyncio.get_running_loop()
            transport, notes = await loop.create_connection(Notes, "server", 80)
            transport.set_write_buffer_limits(high=100_000, low=20_000)
            await asyncio.sleep(0.1)
            loop_of["server"].transport.pause_reading()
            written = 0
            while "pause" not in notes.notes:
                transport.write(bytes(10_000))
                written += 10_000
                await asyncio.sleep(0.001)
            size = transport.get_write_buffer_size()
            await asyncio.sleep(10)
            assert notes.notes == ["made", "pause"]
            loop_of["server"].transport.resume_reading()
            await asyncio.sleep(10)
            assert notes.notes == ["made", "pause", "resume"]
            assert transport.get_write_buffer_size() == 0
            assert len(loop_of["server"].received) == written
            assert transport.get_write_buffer_limits() == (20_000, 100_000)
            return size, written

        return await client.run(flood).wait()

    size, written = run_world(scenario, "server", "client")
    assert 100_000 < size <= 110_000
    assert written == size + 512 * 1024


def test_much_more_than_all_buffers_passes_and_limits_the_sender() -> None:  # S4
    async def scenario(world: World, server: Host, client: Host) -> Any:
        server.run(serve)
        await world.sleep(0.1)

        async def talk() -> int:
            async with connected() as (reader, writer):
                sent = bytes(range(256)) * 12_000

                async def write() -> None:
                    writer.write(sent)
                    await writer.drain()
                    writer.write_eof()

                task = asyncio.create_task(write())
                received = await reader.read()
                await task
                assert received == sent
                return len(received)

        return await client.run(talk).wait()

    assert run_world(scenario, "server", "client", seeds=(1, 2)) == 256 * 12_000


def test_small_messages_never_wait_for_room_that_there_is() -> None:  # S4
    async def scenario(world: World, server: Host, client: Host) -> Any:
        world.net.change(latency=0.001)
        server.run(serve)
        await world.sleep(0.1)

        async def talk() -> float:
            async with connected() as (reader, writer):
                longest = 0.0
                for _ in range(2000):
                    begin = asyncio.get_running_loop().time()
                    writer.write(bytes(1000))
                    await reader.readexactly(1000)
                    longest = max(longest, asyncio.get_running_loop().time() - begin)
                return longest

        return await client.run(talk).wait()

    assert run_world(scenario, "server", "client", seeds=(1,), chunking=0) < 0.0021


def test_half_close_works_in_both_directions() -> None:  # S5
    async def scenario(world: World, server: Host, client: Host) -> Any:
        async def answer_after_the_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            question = await reader.read()
            await asyncio.sleep(1)
            writer.write(question.upper())
            writer.write_eof()
            await asyncio.sleep(1)
            writer.close()

        server.run(serve, answer_after_the_end)
        await world.sleep(0.1)

        async def ask() -> bytes:
            async with connected() as (reader, writer):
                writer.write(b"what")
                writer.write_eof()
                with pytest.raises(RuntimeError, match="write_eof"):
                    writer.write(b"more")
                return await reader.read()

        return await client.run(ask).wait()

    assert run_world(scenario, "server", "client") == b"WHAT"


@pytest.mark.parametrize("keep_open", [True, False])
def test_who_returns_true_at_the_end_of_the_stream_keeps_its_transport(keep_open: bool) -> None:  # S5
    async def scenario(world: World, server: Host, client: Host) -> Any:
        kept: list[Notes] = []

        async def accept() -> None:
            loop = asyncio.get_running_loop()
            await loop.create_server(lambda: kept.append(Notes(keep_open)) or kept[-1], "0.0.0.0", 80)

        server.run(accept)
        await world.sleep(0.1)

        async def talk() -> Any:
            loop = asyncio.get_running_loop()
            transport, notes = await loop.create_connection(Notes, "server", 80)
            transport.write(b"x")
            transport.write_eof()
            await asyncio.sleep(1)
            if keep_open:
                kept[0].transport.write(b"late")
                await asyncio.sleep(1)
                kept[0].transport.close()
            await notes.lost
            return kept[0].notes, bytes(notes.received)

        return await client.run(talk).wait()

    expected = (["made", "eof", "lost"], b"late" if keep_open else b"")
    assert run_world(scenario, "server", "client") == expected


def end_of_server(how: str) -> Any:
    async def scenario(world: World, server: Host, client: Host) -> Any:
        async def ending(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"before ")
            await asyncio.sleep(1)
            if how == "close":
                await reader.read(100)
                writer.close()
            elif how == "abort":
                await reader.read(100)
                writer.transport.abort()
            elif how == "linger":
                await reader.read(100)
                sock = writer.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
            elif how == "unread":
                writer.transport.pause_reading()  # type: ignore[attr-defined]
            await asyncio.sleep(100)

        server.run(serve, ending)
        await world.sleep(0.1)

        async def talk() -> Any:
            loop = asyncio.get_running_loop()
            transport, notes = await loop.create_connection(lambda: Notes(True), "server", 80)
            if how == "unread":
                await asyncio.sleep(1.5)
            transport.write(b"hello")
            if how in ("kill", "unread", "exit"):
                await asyncio.sleep(1)
                getattr(server, "kill" if how == "unread" else how)()
            await asyncio.wait([notes.lost], timeout=3)
            while not notes.lost.done() and not transport.is_closing():
                transport.write(b"to nobody")
                await asyncio.sleep(0.1)
            await notes.lost
            return bytes(notes.received), notes.notes[1:]

        program = client.run(talk)
        await world.sleep(0.9)
        return await program.wait()

    return run_world(scenario, "server", "client")


def test_close_flushes_and_then_ends_the_stream() -> None:  # S6
    assert end_of_server("close") == (b"before ", ["eof", "BrokenPipeError"])


def test_abort_is_no_reset() -> None:  # S6, trap 6
    assert end_of_server("abort") == (b"before ", ["eof", "BrokenPipeError"])


def test_lingering_for_no_time_is_a_reset() -> None:  # S6
    assert end_of_server("linger") == (b"before ", ["ConnectionResetError"])


def test_a_killed_process_ends_its_streams() -> None:  # H4, S6, trap 7
    assert end_of_server("kill") == (b"before ", ["eof", "BrokenPipeError"])


def test_a_process_killed_with_unread_data_resets() -> None:  # H4, S6, trap 7
    assert end_of_server("unread") == (b"before ", ["ConnectionResetError"])


def test_closing_with_unread_data_resets_and_the_peer_reads_what_had_come() -> None:  # S6
    async def scenario(world: World, server: Host, client: Host) -> Any:
        async def listen() -> None:
            sock = socket.socket()
            sock.bind(("", 80))
            sock.listen()
            sock.setblocking(False)
            loop = asyncio.get_running_loop()
            conn, _ = await loop.sock_accept(sock)
            await loop.sock_sendall(conn, b"data")
            await asyncio.sleep(1)
            conn.close()

        server.run(listen)

        async def talk() -> list[Any]:
            loop = asyncio.get_running_loop()
            sock = socket.socket()
            sock.setblocking(False)
            await loop.sock_connect(sock, ("server", 80))
            await loop.sock_sendall(sock, b"never read")
            await asyncio.sleep(2)
            seen: list[Any] = [await loop.sock_recv(sock, 100)]
            seen += [await error_of(loop.sock_recv(sock, 100)), await loop.sock_recv(sock, 100)]
            seen += [await error_of(loop.sock_sendall(sock, b"x"))]
            return seen

        await world.sleep(0.1)
        return await client.run(talk).wait()

    assert run_world(scenario, "server", "client") == [b"data", "ECONNRESET", b"", "EPIPE"]


def test_writing_on_after_a_reset_is_reported_once_and_then_ignored() -> None:  # S6
    async def scenario(world: World, server: Host, client: Host) -> Any:
        world.expect_error(server, ConnectionResetError)
        server.run(serve)
        await world.sleep(0.1)

        async def talk() -> Any:
            loop = asyncio.get_running_loop()
            transport, notes = await loop.create_connection(Notes, "server", 80)
            await asyncio.sleep(0.1)
            assert world.net.reset(client, server) == 1
            for _ in range(3):
                transport.write(b"x")
            await notes.lost
            transport.write(b"x")
            return notes.notes

        return await client.run(talk).wait()

    assert run_world(scenario, "server", "client") == ["made", "ConnectionResetError"]


def test_a_power_cut_tells_peers_nothing_until_they_give_up() -> None:  # H5, S7, trap 7
    async def scenario(world: World, server: Host, client: Host) -> Any:
        server.run(serve)
        await world.sleep(0.1)

        async def talk() -> Any:
            loop = asyncio.get_running_loop()
            transport, notes = await loop.create_connection(Notes, "server", 80)
            await asyncio.sleep(0.1)
            server.power_off()
            await asyncio.sleep(1000)
            assert notes.notes == ["made"]
            begin = loop.time()
            transport.write(b"are you there")
            await notes.lost
            return notes.notes, round(loop.time() - begin)

        return await client.run(talk).wait()

    assert run_world(scenario, "server", "client", seeds=(1, 2)) == (["made", "TimeoutError"], 924)


def test_a_host_that_is_back_answers_old_connections_with_a_reset() -> None:  # H5, H6
    async def scenario(world: World, server: Host, client: Host) -> Any:
        server.run(serve)
        await world.sleep(0.1)

        async def talk() -> Any:
            loop = asyncio.get_running_loop()
            transport, notes = await loop.create_connection(Notes, "server", 80)
            transport.write(b"1")
            await asyncio.sleep(0.1)
            server.power_off()
            transport.write(b"2")
            await asyncio.sleep(5)
            server.restart()
            await notes.lost
            again, more = await loop.create_connection(Notes, "server", 80)
            again.write(b"3")
            await asyncio.sleep(0.1)
            return bytes(notes.received), notes.notes, bytes(more.received)

        return await client.run(talk).wait()

    expected = (b"1", ["made", "ConnectionResetError"], b"3")
    assert run_world(scenario, "server", "client") == expected


def test_what_a_partition_holds_arrives_in_order_at_a_retransmission() -> None:  # S7, S9
    async def scenario(world: World, server: Host, client: Host) -> Any:
        world.net.change(latency=0.1)
        arrivals: list[tuple[float, bytes]] = []

        async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while data := await reader.read(100):
                arrivals.append((world.now, data))

        server.run(serve, note)
        await world.sleep(0.1)
        begin = 0.0

        async def talk() -> None:
            nonlocal begin
            async with connected() as (_, writer):
                writer.write(b"in flight ")
                await asyncio.sleep(0.05)
                begin = world.now
                world.net.partition({client}, {server})
                for number in range(5):
                    writer.write(b"%d " % number)
                    await asyncio.sleep(0.3)
                await asyncio.sleep(0.5)
                assert not arrivals
                world.net.heal()
                healed = world.now
                await asyncio.sleep(10)
                assert arrivals[0][0] > healed + 0.1
                writer.write(b"after")
                await asyncio.sleep(1)

        await client.run(talk).wait()
        assert b"".join(data for _, data in arrivals) == b"in flight 0 1 2 3 4 after"
        return round(arrivals[0][0] - begin, 1)

    # Tried again 0.2, 0.6, 1.4 and 3.0 s after the loss; healed after 2 s.
    assert run_world(scenario, "server", "client") == 3.1


def test_data_that_is_not_acknowledged_fails_the_connection_in_the_end() -> None:  # S7
    async def scenario(world: World, server: Host, client: Host) -> Any:
        world.net.retransmission_timeout = 60_000_000_000
        notes: dict[str, Notes] = {}

        async def accept() -> None:
            loop = asyncio.get_running_loop()
            await loop.create_server(lambda: notes.setdefault("server", Notes()), "0.0.0.0", 80)

        server.run(accept)
        await world.sleep(0.1)

        async def talk() -> Any:
            loop = asyncio.get_running_loop()
            transport, mine = await loop.create_connection(Notes, "server", 80)
            await asyncio.sleep(0.1)
            world.net.partition({server}, {client}, one_way=True)  # only the acknowledgements are lost
            begin = loop.time()
            transport.write(b"hello")
            await mine.lost
            return mine.notes, bytes(notes["server"].received), round(loop.time() - begin)

        return await client.run(talk).wait()

    assert run_world(scenario, "server", "client") == (["made", "TimeoutError"], b"hello", 60)


def test_a_paused_host_reads_all_that_came_at_once() -> None:  # H7, S3
    async def scenario(world: World, server: Host, client: Host) -> Any:
        sizes: list[int] = []

        async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while data := await reader.read(100_000):
                sizes.append(len(data))

        server.run(serve, note)
        await world.sleep(0.1)

        async def talk() -> None:
            async with connected() as (_, writer):
                await asyncio.sleep(0.1)
                server.pause()
                for _ in range(50):
                    writer.write(b"12345")
                    await asyncio.sleep(0.01)
                server.resume()
                await asyncio.sleep(0.1)

        await client.run(talk).wait()
        return sizes

    assert run_world(scenario, "server", "client") == [250]


def test_unix_sockets_have_paths_of_each_host_and_abstract_names() -> None:  # S10
    async def scenario(world: World, one: Host, other: Host) -> Any:
        async def both(path: str) -> Any:
            server = await asyncio.start_unix_server(echo, path)
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(b"hello")
            answer = await reader.readexactly(5)
            names = server.sockets[0].getsockname(), writer.get_extra_info("peername")
            server.close()
            writer.close()
            return answer, names

        seen = []
        for path in ("/run/x.sock", "\0abstract"):
            for host in (one, other):
                seen.append(await host.run(both, path).wait())
        nobody = [
            await other.run(error_of, asyncio.open_unix_connection(path)).wait()
            for path in ("/run/y.sock", "\0nobody")
        ]
        return seen, nobody

    seen, nobody = run_world(scenario, "one", "other")
    path, name = ("/run/x.sock", "/run/x.sock"), (b"\0abstract", b"\0abstract")
    assert seen == [(b"hello", path)] * 2 + [(b"hello", name)] * 2
    assert nobody == ["ENOENT", "ECONNREFUSED"]


def test_a_server_that_is_closed_leaves_the_path_of_one_that_took_its_place() -> None:  # S10
    async def scenario(world: World, host: Host) -> Any:
        async def restart() -> Any:
            old = await asyncio.start_unix_server(echo, "/run/x.sock")
            new = await asyncio.start_unix_server(echo, "/run/x.sock")
            old.close()
            reader, writer = await asyncio.open_unix_connection("/run/x.sock")
            writer.write(b"hello")
            answer = await reader.readexactly(5)
            writer.close()
            new.close()
            return answer

        return await host.run(restart).wait()

    assert run_world(scenario, "host") == b"hello"


def test_links_between_two_hosts_differ_by_direction_and_in_time() -> None:  # S8
    async def scenario(world: World, server: Host, client: Host) -> Any:
        world.net.link(client, server).change(latency=0.2)
        world.net.link(server, client).change(latency=0.3)
        server.run(serve)
        await world.sleep(0.1)

        async def talk() -> list[float]:
            async with connected() as (reader, writer):
                times = []
                for latency in (0.2, 1.2):
                    world.net.link(client, server).change(latency=latency)
                    begin = asyncio.get_running_loop().time()
                    writer.write(b"x")
                    await reader.read(1)
                    times.append(round(asyncio.get_running_loop().time() - begin, 2))
                return times

        return await client.run(talk).wait()

    assert run_world(scenario, "server", "client") == [0.5, 1.5]


def test_bandwidth_is_shared_by_all_connections_of_a_link() -> None:  # S8
    async def scenario(world: World, server: Host, client: Host) -> Any:
        world.net.link(client, server).conditions = Conditions(latency=0, bandwidth=100_000, chunking=0.4)
        server.run(serve)
        await world.sleep(0.1)

        async def send() -> float:
            begin = asyncio.get_running_loop().time()
            async with connected() as (reader, writer):
                writer.write(bytes(50_000))
                writer.write_eof()
                await reader.read()
                return asyncio.get_running_loop().time() - begin

        one = await client.run(send).wait()
        programs = [client.run(send) for _ in range(3)]
        several = [await program.wait() for program in programs]
        return round(one, 1), round(max(several), 1)

    assert run_world(scenario, "server", "client") == (0.5, 1.5)


def test_a_listener_stays_silent_about_connections_that_nobody_accepted() -> None:  # S1, S6
    async def scenario(world: World, server: Host, client: Host) -> Any:
        async def listen() -> None:
            with socket.socket() as sock:
                sock.bind(("", 80))
                sock.listen()
                await asyncio.sleep(2)

        server.run(listen)
        await world.sleep(0.1)

        async def talk() -> Any:
            transport, notes = await asyncio.get_running_loop().create_connection(Notes, "server", 80)
            transport.write(b"anybody?")
            await notes.lost
            return notes.notes

        return await client.run(talk).wait()

    assert run_world(scenario, "server", "client") == ["made", "ConnectionResetError"]


def test_a_connection_to_oneself_and_to_a_private_loopback() -> None:  # H2, N3
    async def scenario(world: World, one: Host, other: Host) -> Any:
        async def serve_name(name: bytes) -> None:
            async def tell(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                writer.write(name)
                writer.close()

            server = await asyncio.start_server(tell, "127.0.0.1", 80)
            await server.serve_forever()

        one.run(serve_name, b"one")
        other.run(serve_name, b"other")
        await world.sleep(0.1)

        async def ask(address: str) -> Any:
            try:
                async with connected(address) as (reader, _):
                    return await reader.read()
            except ConnectionRefusedError:
                return "refused"

        return [await host.run(ask, a).wait() for host in (one, other) for a in ("localhost", "10.0.0.1")]

    assert run_world(scenario, "one", "other") == [b"one", "refused", b"other", "refused"]


@pytest.mark.parametrize("how", ["reset", "power_off"])
def test_a_connection_whose_last_greeting_is_lost_takes_no_room_for_ever(how: str) -> None:  # S1
    async def scenario(world: World, server: Host, client: Host) -> Any:
        server.run(serve)
        await world.sleep(1)
        client.run(connect)
        await world.sleep(0.0225)  # the client has its answer
        partition = world.net.partition({client}, {server})
        assert len(server.stack.endpoints) == 2
        if how == "reset":
            world.net.reset(client, server)
        else:
            client.power_off()
        world.expect_error(client, OSError)
        await world.sleep(100)
        partition.heal()
        return len(server.stack.endpoints)

    assert run_world(scenario, "server", "client", latency=(0.01, 0.01)) == 1


def test_what_a_host_had_still_to_send_is_lost_when_it_is_switched_off() -> None:  # H5
    async def scenario(world: World, server: Host, client: Host) -> Any:
        received = bytearray()

        async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            received.extend(await reader.read())
            writer.close()

        async def say() -> None:
            async with connected() as (_, writer):
                await asyncio.sleep(1)
                writer.write(b"the last words")

        server.run(serve, take)
        world.expect_error(server, OSError)
        await world.sleep(1)
        program = client.run(say)
        await world.sleep(0.5)
        partition = world.net.partition({client}, {server})
        await program.wait()
        await world.sleep(0.1)
        client.power_off()
        await world.sleep(1)
        client.programs.clear()
        client.restart()
        partition.heal()
        await world.sleep(100)
        return bytes(received)

    assert run_world(scenario, "server", "client") == b""


def test_a_reset_that_was_lost_is_repeated_when_something_is_sent_again() -> None:  # S7, H4
    async def scenario(world: World, server: Host, client: Host) -> Any:
        async def ignore(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await asyncio.sleep(1000)

        async def ask() -> str:
            async with connected() as (reader, writer):
                await asyncio.sleep(1)
                writer.write(b"hello?")
                return await error_of(reader.read())

        server.run(serve, ignore)
        await world.sleep(0.5)
        asking = client.run(ask)
        await world.sleep(0.9)
        partition = world.net.partition(server, client, one_way=True)
        server.pause()
        await world.sleep(0.15)  # it has come, is not read, and the client does not know
        server.kill()
        await world.sleep(2)
        partition.heal()
        return await asyncio.wait_for(asking.wait(), 20)

    assert run_world(scenario, "server", "client") == "ECONNRESET"


def test_when_connecting_is_tried_again_and_given_up_can_be_set() -> None:  # S1
    async def scenario(world: World, client: Host) -> Any:
        async def connect() -> tuple[str, float]:
            begin = asyncio.get_running_loop().time()
            error = await error_of(asyncio.open_connection("10.9.9.9", 80))
            return error, round(asyncio.get_running_loop().time() - begin, 2)

        times = [await client.run(connect).wait()]
        if world.trace is not None:
            tries = [when for when, _, kind, *_ in world.trace.events if kind == "drop"]
            times.append([round((when - tries[0]) / 1e9) for when in tries])
        world.net.connect_retries = (500_000_000, 2_000_000_000)
        world.net.connect_timeout = 5_000_000_000
        times.append(await client.run(connect).wait())
        return times[0], times[-1], times[1] if world.trace is not None else [0, 1, 3, 7, 15, 31, 63]

    usual, set_otherwise, tries = run_world(scenario, "client")
    assert (usual, set_otherwise) == (("ETIMEDOUT", 127.0), ("ETIMEDOUT", 5.0))
    assert tries == [0, 1, 3, 7, 15, 31, 63]


def test_unix_sockets_take_next_to_no_time_and_die_with_their_host() -> None:  # S10
    async def scenario(world: World, one: Host) -> Any:
        async def serve() -> None:
            await asyncio.start_unix_server(echo, "/run/x.sock")

        async def ask() -> float:
            reader, writer = await asyncio.open_unix_connection("/run/x.sock")
            begin = asyncio.get_running_loop().time()
            writer.write(b"x")
            await reader.readexactly(1)
            took = asyncio.get_running_loop().time() - begin
            writer.close()
            return took

        await one.run(serve).wait()
        took = await one.run(ask).wait()
        one.programs.clear()
        one.restart()
        return took < 0.0001, await one.run(error_of, asyncio.open_unix_connection("/run/x.sock")).wait()

    assert run_world(scenario, "one") == (True, "ENOENT")
