"""aioquic in the simulated world: QUIC over simulated datagrams, which the partition loses."""

from __future__ import annotations

import asyncio
from typing import Any

from aioquic.asyncio import client, server
from aioquic.quic.configuration import QuicConfiguration
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from pairs import AUTHORITY, CERTIFICATE, PAUSE, ROUNDS, talk


def configuration(is_client: bool) -> QuicConfiguration:
    made = QuicConfiguration(is_client=is_client, alpn_protocols=["echo"])
    if is_client:
        made.load_verify_locations(cadata=AUTHORITY.cert_pem.bytes())
    else:
        made.certificate = x509.load_pem_x509_certificate(CERTIFICATE.cert_chain_pems[0].bytes())
        made.private_key = serialization.load_pem_private_key(CERTIFICATE.private_key_pem.bytes(), None)
    return made


def test_aioquic_echoes_by_streams() -> None:  # B1, D3
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1000):
            writer.write(data.upper())
        writer.write_eof()

    tasks = set()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(echo(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    async def serve() -> None:
        await server.serve("0.0.0.0", 4433, configuration=configuration(False), stream_handler=begin)

    async def ask() -> Any:
        seen = []
        async with client.connect("server", 4433, configuration=configuration(True)) as connection:
            reader, writer = await connection.create_stream()
            for number in range(ROUNDS):
                writer.write(b"ab%d\n" % number)
                seen.append(await reader.readline())
                await asyncio.sleep(PAUSE)
            writer.write_eof()
            assert await reader.read() == b""
        return seen

    assert talk(serve, ask) == [b"AB%d\n" % number for number in range(ROUNDS)]
