import asyncio

from line_echo import ask, echo

from junto.protocols import drive


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        await drive(echo(), reader, writer)
    finally:
        writer.close()


async def talk(host: str, port: int, *lines: bytes) -> list[bytes]:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        async with asyncio.timeout(5.0):
            return await drive(ask(*lines), reader, writer)
    finally:
        writer.close()
        await writer.wait_closed()


async def main() -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        for replies in await asyncio.gather(talk(host, port, b"hello"), talk(host, port, b"you", b"too")):
            print(replies)


if __name__ == "__main__":
    asyncio.run(main())
