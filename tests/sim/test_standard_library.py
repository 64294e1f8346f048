"""The standard library's clients and servers on two simulated hosts that a partition keeps apart for a while."""

from __future__ import annotations

import asyncio
import http.server
import socketserver
import time
import urllib.request
import xmlrpc.client
import xmlrpc.server
from typing import Any

import pytest
from pairs import PAUSE, ROUNDS, client_context, server_context, talk

EXPECTED = [b"AB%d\n" % number for number in range(ROUNDS)]


async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while line := await reader.readline():
        writer.write(line.upper())
        await writer.drain()
    writer.close()


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> list[bytes]:
    seen = []
    for number in range(ROUNDS):
        writer.write(b"ab%d\n" % number)
        seen.append(await reader.readline())
        await asyncio.sleep(PAUSE)
    writer.close()
    await writer.wait_closed()
    return seen


@pytest.mark.parametrize("tls", [False, True])
def test_asyncio_streams(tls: bool) -> None:  # B1
    server_tls, client_tls = (server_context(), client_context()) if tls else (None, None)

    async def serve() -> None:
        await asyncio.start_server(shout, "0.0.0.0", 5000, ssl=server_tls)

    async def ask() -> Any:
        return await exchange(*await asyncio.open_connection("server", 5000, ssl=client_tls))

    assert talk(serve, ask) == EXPECTED


def test_asyncio_streams_that_begin_tls_later() -> None:  # B1
    server_tls, client_tls = server_context(), client_context()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readline() == b"STARTTLS\n"
        writer.write(b"go\n")
        await writer.start_tls(server_tls)
        await shout(reader, writer)

    async def serve() -> None:
        await asyncio.start_server(answer, "0.0.0.0", 5000)

    async def ask() -> Any:
        reader, writer = await asyncio.open_connection("server", 5000)
        writer.write(b"STARTTLS\n")
        assert await reader.readline() == b"go\n"
        await writer.start_tls(client_tls, server_hostname="server")
        return await exchange(reader, writer)

    assert talk(serve, ask) == EXPECTED


class Shout(asyncio.Protocol):
    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data.upper())


class Gather(asyncio.Protocol):
    def __init__(self) -> None:
        self.data = b""

    def data_received(self, data: bytes) -> None:
        self.data += data


def test_asyncio_protocols() -> None:  # B1
    async def serve() -> None:
        await asyncio.get_running_loop().create_server(Shout, "0.0.0.0", 5000)

    async def ask() -> Any:
        transport, protocol = await asyncio.get_running_loop().create_connection(Gather, "server", 5000)
        for number in range(ROUNDS):
            transport.write(b"ab%d\n" % number)
            await asyncio.sleep(PAUSE)
        await asyncio.sleep(5)  # the partition is over for long
        transport.close()
        return protocol.data.splitlines(keepends=True)

    assert talk(serve, ask) == EXPECTED


def test_asyncio_unix_streams_of_one_host() -> None:  # B1
    async def serve() -> None:
        """Do nothing: a path is one of its own host."""

    async def ask() -> Any:
        await asyncio.start_unix_server(shout, "/run/shout")
        return await exchange(*await asyncio.open_unix_connection("/run/shout"))

    assert talk(serve, ask, cut=False) == EXPECTED


class Answers(asyncio.DatagramProtocol):
    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, address: Any) -> None:
        self.transport.sendto(data.upper(), address)


class Replies(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.queue: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, address: Any) -> None:
        self.queue.put_nowait(data)


def test_asyncio_datagrams_that_are_sent_again_until_they_are_answered() -> None:  # B1
    async def serve() -> None:
        await asyncio.get_running_loop().create_datagram_endpoint(Answers, local_addr=("0.0.0.0", 5000))

    async def ask() -> Any:
        transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
            Replies, remote_addr=("server", 5000)
        )
        seen = []
        for number in range(ROUNDS):
            sent = b"ab%d\n" % number
            got = b""
            while got != sent.upper():
                transport.sendto(sent)
                try:
                    got = await asyncio.wait_for(protocol.queue.get(), 0.1)
                except TimeoutError:
                    continue
            seen.append(got)
            await asyncio.sleep(PAUSE)
        transport.close()
        return seen

    assert talk(serve, ask) == EXPECTED


class Page(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body.upper())

    def log_message(self, *args: object) -> None:
        pass


def test_urllib_against_a_server_with_a_thread_for_each_request() -> None:  # B1
    def serve() -> None:
        with http.server.ThreadingHTTPServer(("", 8000), Page) as server:
            server.serve_forever()

    def ask() -> Any:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        seen = []
        for number in range(ROUNDS):
            with opener.open("http://server:8000/", data=b"ab%d\n" % number, timeout=30) as answer:
                seen.append(answer.read())
            time.sleep(PAUSE)
        return seen

    assert talk(serve, ask) == EXPECTED


def test_xmlrpc_between_blocking_programs() -> None:
    def serve() -> None:
        with xmlrpc.server.SimpleXMLRPCServer(("", 8000), logRequests=False) as server:
            server.register_function(lambda text: text.upper(), "shout")
            server.serve_forever()

    def ask() -> Any:
        seen = []
        with xmlrpc.client.ServerProxy("http://server:8000/") as proxy:
            for number in range(ROUNDS):
                seen.append(str(proxy.shout(f"ab{number}\n")).encode())
                time.sleep(PAUSE)
        return seen

    assert talk(serve, ask) == EXPECTED


class Lines(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        for line in self.rfile:
            self.wfile.write(line.upper())


def test_asyncio_streams_against_a_server_of_threads() -> None:
    def serve() -> None:
        with socketserver.ThreadingTCPServer(("", 5000), Lines) as server:
            server.serve_forever()

    async def ask() -> Any:
        return await exchange(*await asyncio.open_connection("server", 5000))

    assert talk(serve, ask) == EXPECTED
