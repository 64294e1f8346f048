"""A shop takes orders over a connection; whoever gets no answer in time orders again."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter


class Shop:
    def __init__(self) -> None:
        self.sold: list[str] = []

    def sell(self, order: str) -> None:
        self.sold.append(order)

    async def serve(self) -> None:
        await asyncio.start_server(self.talk, "0.0.0.0", 7000)

    async def talk(self, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            while line := await reader.readline():
                self.sell(line.decode().strip())
                await asyncio.sleep(0.05)  # it is packed
                writer.write(b"thanks\n")
        except ConnectionError:
            pass
        finally:
            writer.close()


async def buy(customer: str, times: int) -> None:
    """Buy something so many times, each under a number of its own."""
    number = 1
    while number <= times:
        if await ordered(f"order {customer}-{number}\n"):
            number += 1
        else:
            await asyncio.sleep(0.5)


async def ordered(order: str) -> bool:
    """Order, and tell whether there was an answer."""
    try:
        async with asyncio.timeout(1):
            reader, writer = await asyncio.open_connection("shop", 7000)
            try:
                writer.write(order.encode())
                return await reader.readline() == b"thanks\n"
            finally:
                writer.close()
    except OSError:  # that the time is over is one, too
        return False
