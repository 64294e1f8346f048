"""Datagrams of asyncio programs on simulated hosts."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections import Counter
from typing import Any

import pytest
from net_scenarios import run_world

from junto.sim import Host, World


class Notes(asyncio.DatagramProtocol):
    """Writes down what comes, and answers if it is to."""

    def __init__(self, answering: bool = False) -> None:
        self.received: list[bytes] = []
        self.sources: list[Any] = []
        self.errors: list[str] = []
        self.answering = answering
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.received.append(data)
        self.sources.append(addr)
        if self.answering:
            self.transport.sendto(data.upper(), addr)

    def error_received(self, error: Exception) -> None:
        self.errors.append(type(error).__name__)


async def open_socket(**where: Any) -> tuple[Any, Notes]:
    loop = asyncio.get_running_loop()
    answering = where.pop("answering", False)
    return await loop.create_datagram_endpoint(lambda: Notes(answering), **where)


def send_many(count: int = 200, **conditions: Any) -> tuple[list[bytes], list[bytes]]:
    async def scenario(world: World, server: Host, client: Host) -> Any:
        world.net.link(client, server).change(**conditions)
        _, notes = await server.run(open_socket_at_9).wait()
        sent = [b"%d" % number for number in range(count)]

        async def talk() -> None:
            transport, _ = await open_socket(remote_addr=("server", 9))
            for data in sent:
                transport.sendto(data)
                await asyncio.sleep(0.001)
            await asyncio.sleep(1)
            transport.close()

        await client.run(talk).wait()
        return sent, notes.received

    result: tuple[list[bytes], list[bytes]] = run_world(scenario, "server", "client")
    return result


async def open_socket_at_9() -> Any:
    return await open_socket(local_addr=("0.0.0.0", 9), answering=True)


def test_on_a_good_link_each_datagram_comes_once_and_whole() -> None:  # D1
    sent, received = send_many(latency=0.01)
    assert received == sent


def test_a_lossy_link_loses_some_for_good() -> None:  # D1
    sent, received = send_many(latency=0.01, loss=0.3)
    assert 100 < len(received) < 180
    assert [data for data in sent if data in received] == received


def test_a_link_that_duplicates_lets_some_come_twice() -> None:  # D1
    sent, received = send_many(latency=0.01, duplicate=0.3)
    assert set(Counter(received).values()) == {1, 2}
    assert set(received) == set(sent)


@pytest.mark.parametrize("conditions", [{"latency": (0.0, 0.1)}, {"latency": 0.01, "reorder": 0.1}])
def test_datagrams_overtake_each_other(conditions: dict[str, Any]) -> None:  # D1
    sent, received = send_many(**conditions)
    assert received != sent
    assert sorted(received) == sorted(sent)


def test_a_datagram_that_is_too_large_is_refused() -> None:  # D1
    async def scenario(world: World, one: Host) -> Any:
        async def talk() -> Any:
            sock = socket.socket(type=socket.SOCK_DGRAM)
            assert sock.sendto(bytes(65507), ("127.0.0.1", 9)) == 65507
            with pytest.raises(OSError, match="Message too long") as caught:
                sock.sendto(bytes(65508), ("127.0.0.1", 9))
            sock.close()
            return errno.errorcode[caught.value.errno]

        return await one.run(talk).wait()

    assert run_world(scenario, "one") == "EMSGSIZE"


def test_a_full_receive_queue_drops() -> None:  # D1
    async def scenario(world: World, server: Host, client: Host) -> Any:
        _, notes = await server.run(open_socket_at_9).wait()

        async def talk() -> None:
            transport, _ = await open_socket()
            server.pause()
            for _ in range(100):
                transport.sendto(bytes(10_000), (server.ip, 9))
            await asyncio.sleep(1)
            server.resume()
            await asyncio.sleep(1)
            transport.close()

        async def open_any() -> Any:
            return await open_socket(family=socket.AF_INET)

        async def flood() -> None:
            transport, _ = await open_any()
            server.pause()
            for _ in range(100):
                transport.sendto(bytes(10_000), (server.ip, 9))
            await asyncio.sleep(1)
            server.resume()
            await asyncio.sleep(1)
            transport.close()

        await client.run(flood).wait()
        return len(notes.received)

    assert run_world(scenario, "server", "client") == 20


@pytest.mark.parametrize("connected", [True, False])
def test_nobody_there_is_told_only_to_who_is_connected(connected: bool) -> None:  # D2
    async def scenario(world: World, server: Host, client: Host) -> Any:
        async def talk() -> Any:
            where: Any = {"remote_addr": ("server", 9)} if connected else {"local_addr": ("0.0.0.0", 0)}
            transport, notes = await open_socket(**where)
            transport.sendto(b"hello", None if connected else (server.ip, 9))
            await asyncio.sleep(1)
            transport.close()
            return notes.errors

        return await client.run(talk).wait()

    assert run_world(scenario, "server", "client") == (["ConnectionRefusedError"] if connected else [])


def test_answers_reach_unconnected_sockets_by_address_and_by_name() -> None:  # D3
    async def scenario(world: World, server: Host, client: Host) -> Any:
        await server.run(open_socket_at_9).wait()

        async def talk() -> Any:
            transport, notes = await open_socket(local_addr=("0.0.0.0", 0))
            transport.sendto(b"one", (server.ip, 9))
            await asyncio.sleep(0.1)
            transport.sendto(b"two", ("server", 9))
            await asyncio.sleep(0.1)
            transport.close()
            return notes.received, notes.sources

        return await client.run(talk).wait()

    assert run_world(scenario, "server", "client") == ([b"ONE", b"TWO"], [("10.0.0.1", 9)] * 2)


def test_a_connected_socket_hears_only_its_peer() -> None:  # D3
    async def scenario(world: World, server: Host, client: Host, other: Host) -> Any:
        await server.run(open_socket_at_9).wait()
        heard: list[Any] = []

        async def listen() -> None:
            transport, notes = await open_socket(local_addr=("0.0.0.0", 7), remote_addr=("server", 9))
            transport.sendto(b"hello")
            await asyncio.sleep(1)
            transport.close()
            heard.extend(notes.received)

        program = client.run(listen)

        async def disturb() -> None:
            transport, _ = await open_socket(local_addr=("0.0.0.0", 0))
            transport.sendto(b"disturbing", (client.ip, 7))
            await asyncio.sleep(1)
            transport.close()

        await world.sleep(0.5)
        await other.run(disturb).wait()
        await program.wait()
        return heard

    assert run_world(scenario, "server", "client", "other") == [b"HELLO"]


def test_a_dual_stack_socket_sees_and_answers_ipv4() -> None:  # D3, N3, trap 11
    async def scenario(world: World, server: Host, client: Host) -> Any:
        async def open_dual() -> Any:
            sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            sock.bind(("::", 9))
            return await open_socket(sock=sock, answering=True)

        _, there = await server.run(open_dual).wait()

        async def talk() -> Any:
            sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            sock.bind(("::", 0, 0, 0))
            transport, notes = await open_socket(sock=sock)
            transport.sendto(b"hello", ("::ffff:10.0.0.1", 9, 0, 0))
            await asyncio.sleep(1)
            transport.close()
            return notes.received, notes.sources, there.sources[0][0]

        return await client.run(talk).wait()

    expected = ([b"HELLO"], [("::ffff:10.0.0.1", 9, 0, 0)], "::ffff:10.0.0.2")
    assert run_world(scenario, "server", "client") == expected


def test_a_partition_drops_datagrams_and_does_not_keep_them() -> None:  # D1, S7
    async def scenario(world: World, server: Host, client: Host) -> Any:
        _, notes = await server.run(open_socket_at_9).wait()

        async def talk() -> None:
            transport, _ = await open_socket(remote_addr=("server", 9))
            for number in range(4):
                if number == 1:
                    world.net.partition({client}, {server})
                if number == 3:
                    world.net.heal()
                transport.sendto(b"%d" % number)
                await asyncio.sleep(1)
            transport.close()

        await client.run(talk).wait()
        return notes.received

    assert run_world(scenario, "server", "client") == [b"0", b"3"]


def test_the_socket_of_a_killed_process_is_gone_and_its_port_free() -> None:  # H4, H6
    async def scenario(world: World, server: Host, client: Host) -> Any:
        program = server.run(open_socket_at_9)
        await program.wait()

        async def talk() -> Any:
            transport, notes = await open_socket(remote_addr=("server", 9))
            transport.sendto(b"1")
            await asyncio.sleep(1)
            server.kill()
            transport.sendto(b"2")
            await asyncio.sleep(1)
            server.restart()
            await asyncio.sleep(1)
            transport.sendto(b"3")
            await asyncio.sleep(1)
            transport.close()
            return notes.received, notes.errors

        return await client.run(talk).wait()

    assert run_world(scenario, "server", "client") == ([b"1", b"3"], ["ConnectionRefusedError"])


def test_pairs_of_unix_datagram_sockets_lose_nothing() -> None:  # S10
    async def scenario(world: World, one: Host) -> Any:
        async def talk() -> Any:
            loop = asyncio.get_running_loop()
            server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            server.bind("/run/junto-test.log")
            server.setblocking(False)
            client = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            client.setblocking(False)
            client.bind("/run/junto-test.me")
            client.connect("/run/junto-test.log")
            for number in range(3):
                await loop.sock_sendall(client, b"%d" % number)
            received = [await loop.sock_recvfrom(server, 10) for _ in range(3)]
            server.close()
            client.close()
            return received

        return await one.run(talk).wait()

    assert run_world(scenario, "one") == [(b"%d" % n, "/run/junto-test.me") for n in range(3)]
