"""Sockets that programs watch and use by themselves, and transports with protocols of every kind."""

from __future__ import annotations

import asyncio
import io
import socket
from typing import Any

import pytest

from junto.sim import Host, SimEscape, World

from .net_scenarios import run_world


async def serve_echo() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1000):
            writer.write(data)
        writer.close()

    await asyncio.start_server(echo, "0.0.0.0", 80)


async def connected_socket() -> socket.socket:
    sock = socket.socket()
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("server", 80))
    return sock


def on_client(talk: Any, **options: Any) -> Any:
    async def scenario(world: World, server: Host, client: Host) -> Any:
        await server.run(serve_echo).wait()
        return await client.run(talk).wait()

    return run_world(scenario, "server", "client", **options)


def test_a_watched_socket_is_told_of_as_long_as_there_is_something() -> None:  # section 1.3, B1
    async def talk() -> Any:
        loop = asyncio.get_running_loop()
        sock = await connected_socket()
        await loop.sock_sendall(sock, b"hello")
        await asyncio.sleep(1)
        pieces: list[bytes] = []
        loop.add_reader(sock, lambda: pieces.append(sock.recv(1)))
        await asyncio.sleep(0.01)
        assert loop.remove_reader(sock)
        assert not loop.remove_reader(sock)
        sock.close()
        return pieces

    assert on_client(talk) == [b"h", b"e", b"l", b"l", b"o"]


def test_a_socket_is_writable_again_when_its_peer_has_read() -> None:  # S4
    async def scenario(world: World, server: Host, client: Host) -> Any:
        async def accept() -> None:
            async def read_late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await asyncio.sleep(5)
                await reader.read()
                writer.close()

            await asyncio.start_server(read_late, "0.0.0.0", 80, limit=1000)

        await server.run(accept).wait()

        async def talk() -> Any:
            loop = asyncio.get_running_loop()
            sock = await connected_socket()
            written = 0
            with pytest.raises(BlockingIOError):
                while True:
                    written += sock.send(bytes(10_000))
                    await asyncio.sleep(0.001)
            writable: list[float] = []
            begin = loop.time()

            def note() -> None:
                writable.append(loop.time() - begin)
                loop.remove_writer(sock)

            loop.add_writer(sock, note)
            await asyncio.sleep(10)
            sock.close()
            return written > 500_000, len(writable), writable[0] > 3

        return await client.run(talk).wait()

    assert run_world(scenario, "server", "client") == (True, 1, True)


def test_a_real_descriptor_cannot_be_watched() -> None:  # B3
    async def talk() -> Any:
        loop = asyncio.get_running_loop()
        for watch in (loop.add_reader, loop.add_writer):
            with pytest.raises(SimEscape, match="watching descriptor 0"):
                watch(0, print)
        return True

    assert on_client(talk)


def test_a_real_socket_gets_no_transport() -> None:  # B3
    with socket.socket() as real:

        async def talk() -> Any:
            with pytest.raises(SimEscape, match="transport"):
                await asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=real)
            return True

        assert on_client(talk, seeds=(1,))


def test_giving_up_a_connection_leaves_nothing_behind() -> None:  # S1
    async def scenario(world: World, server: Host, client: Host) -> Any:
        accepted: list[Any] = []

        async def serve() -> None:
            await asyncio.start_server(lambda r, w: accepted.append(w), "0.0.0.0", 80)

        await server.run(serve).wait()

        async def talk() -> Any:
            partition = world.net.partition({client}, {server})
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asyncio.open_connection("server", 80), 5)
            partition.heal()
            await asyncio.sleep(200)
            return len(accepted), len(client.stack.endpoints)

        return await client.run(talk).wait()

    assert run_world(scenario, "server", "client") == (0, 0)


def test_protocols_with_buffers_of_their_own_are_served() -> None:  # section 1.3
    async def talk() -> Any:
        class Buffered(asyncio.BufferedProtocol):
            def __init__(self) -> None:
                self.buffer = bytearray(7)
                self.received = b""

            def get_buffer(self, sizehint: int) -> bytearray:
                return self.buffer

            def buffer_updated(self, nbytes: int) -> None:
                self.received += self.buffer[:nbytes]

        loop = asyncio.get_running_loop()
        transport, protocol = await loop.create_connection(Buffered, "server", 80)
        transport.writelines([b"some", bytearray(b"what"), memoryview(b" long")])
        await asyncio.sleep(1)
        transport.close()
        return protocol.received

    assert on_client(talk) == b"somewhat long"


def test_a_paused_transport_reads_nothing_until_it_is_resumed() -> None:  # S4
    async def talk() -> Any:
        received: list[tuple[float, bytes]] = []
        loop = asyncio.get_running_loop()

        class Note(asyncio.Protocol):
            def data_received(self, data: bytes) -> None:
                received.append((round(loop.time() - begin, 1), data))

        transport, _ = await loop.create_connection(Note, "server", 80)
        begin = loop.time()
        transport.pause_reading()
        assert not transport.is_reading()
        transport.write(b"hello")
        await asyncio.sleep(1)
        transport.resume_reading()
        await asyncio.sleep(1)
        transport.close()
        return received

    assert on_client(talk) == [(1.0, b"hello")]


def test_a_file_is_sent_in_pieces() -> None:  # section 1.3
    async def talk() -> Any:
        reader, writer = await asyncio.open_connection("server", 80)
        content = bytes(range(256)) * 100
        count = await asyncio.get_running_loop().sendfile(writer.transport, io.BytesIO(content))
        received = await reader.readexactly(len(content))
        writer.close()
        return count, received == content

    assert on_client(talk) == (25_600, True)


def test_an_error_in_a_protocol_breaks_its_connection_and_is_recorded() -> None:  # H9
    async def scenario(world: World, server: Host, client: Host) -> Any:
        class Bad(asyncio.Protocol):
            def data_received(self, data: bytes) -> None:
                raise ValueError("bad data")

        async def serve() -> None:
            await asyncio.get_running_loop().create_server(Bad, "0.0.0.0", 80)

        await server.run(serve).wait()
        world.expect_error(server, ValueError)

        async def talk() -> Any:
            reader, writer = await asyncio.open_connection("server", 80)
            writer.write(b"x")
            answer = await reader.read()
            writer.close()
            return answer

        return await client.run(talk).wait()

    assert run_world(scenario, "server", "client") == b""


def test_a_server_that_is_closed_takes_no_more_and_keeps_what_it_has() -> None:  # section 1.3
    async def scenario(world: World, server: Host, client: Host) -> Any:
        async def serve() -> None:
            async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                while data := await reader.read(1000):
                    writer.write(data)
                writer.close()

            listening = await asyncio.start_server(echo, "0.0.0.0", 80)
            await asyncio.sleep(1)
            listening.close()

        program = server.run(serve)
        await world.sleep(0.5)

        async def talk() -> Any:
            reader, writer = await asyncio.open_connection("server", 80)
            await asyncio.sleep(1)
            writer.write(b"still")
            answer = await reader.readexactly(5)
            writer.close()
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("server", 80)
            return answer

        answer = await client.run(talk).wait()
        await program.wait()
        return answer

    assert run_world(scenario, "server", "client") == b"still"


def test_which_of_several_sockets_is_told_of_first_is_a_choice() -> None:  # E1
    def order(seed: int, **options: Any) -> list[bytes]:
        world = World(seed, latency=0.01, **options)
        seen: list[bytes] = []

        async def listen() -> None:
            for port in range(5):
                sock = socket.socket(type=socket.SOCK_DGRAM)
                sock.setblocking(False)
                sock.bind(("", 9 + port))
                asyncio.get_running_loop().add_reader(sock, lambda sock=sock: seen.append(sock.recv(9)))
            await asyncio.sleep(1)

        async def send() -> None:
            with socket.socket(type=socket.SOCK_DGRAM) as sock:
                for port in range(5):
                    sock.sendto(b"%d" % port, ("10.0.0.1", 9 + port))

        async def control() -> None:
            one, other = world.hosts("one", "other")
            one.run(listen)
            await world.sleep(0.1)
            other.run(send)
            await world.sleep(2)

        world.run(control)
        return seen

    orders = [order(seed) for seed in range(20)]
    assert len({tuple(found) for found in orders}) > 5
    assert orders[:5] == [order(seed) for seed in range(5)]
    assert order(1, neutral=[("ready", "*")]) == [b"0", b"1", b"2", b"3", b"4"]
