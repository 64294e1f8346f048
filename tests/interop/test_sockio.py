"""The real sockio talks to the simulated instrument, and drivers written for it take our clients."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
import sockio.aio
import sockio.sio

from junto import aio, sync
from junto.instrument.script import CLOSE, NO_ANSWER, Pause
from junto.instrument.simulated import SimulatedInstrument

ANSWERS = {
    "*IDN?": "ACME,Box,1,0",
    "VOLT?": [Pause(0.005), "1.5"],
    "CURR?": [b"0.", b"2", b"5\n"],
    "LIST?": b"1\n2\n3\n",
    "MUTE": NO_ANSWER,
    "BYE": CLOSE,
}

# What the simulated peer is closed with: sockio leaves a stream writer of asyncio behind.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def device() -> Iterator[SimulatedInstrument]:
    with SimulatedInstrument(ANSWERS) as device:
        yield device


class Driver:
    """A driver of a supply that knows only the methods of what it is given."""

    def __init__(self, sock: Any) -> None:
        self.sock = sock

    async def read(self) -> list[Any]:
        sock = self.sock
        seen = [
            await sock.write_readline(b"*IDN?\n"),
            float(await sock.write_readline(b"VOLT?\n")),
            await sock.write_readlines(b"LIST?\n", 3),
            await sock.writelines_readlines([b"CURR?\n", b"VOLT?\n"]),
            await sock.write_read(b"*IDN?\n", 1024),
        ]
        await sock.write(b"*IDN?\n")
        seen.append(await sock.readuntil(b"\n"))
        await sock.writelines([b"LIST?\n"])
        seen.append(await sock.readlines(3))
        await sock.write(b"*IDN?\n")
        seen.append(await sock.readexactly(4))
        seen.append(await sock.readline())
        seen += [sock.connected(), sock.in_waiting(), sock.at_eof(), sock.connection_counter]
        for request, timeout in ((b"MUTE\n", 0.05), (b"BYE\n", 5)):
            try:
                await sock.write_readline(request, timeout=timeout)
            except (TimeoutError, ConnectionError) as error:
                seen.append(type(error).__name__)
        seen.append(await sock.write_readline(b"*IDN?\n"))
        seen.append(sock.connection_counter)
        await sock.close()
        seen.append(sock.connected())
        return seen


class Blocking:
    """The same driver's socket, blocking: each call is done when it is made."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._sock, name)
        if not callable(value) or name in ("connected", "in_waiting", "at_eof"):
            return value

        async def call(*args: Any, **kwargs: Any) -> Any:
            return value(*args, **kwargs)

        return call


EXPECTED = [
    b"ACME,Box,1,0\n",
    1.5,
    [b"1\n", b"2\n", b"3\n"],
    [b"0.25\n", b"1.5\n"],
    b"ACME,Box,1,0\n",
    b"ACME,Box,1,0\n",
    [b"1\n", b"2\n", b"3\n"],
    b"ACME",
    b",Box,1,0\n",
    True,
    0,
    False,
    1,
    "ConnectionTimeoutError",
    "ConnectionEOFError",
    b"ACME,Box,1,0\n",
    3,
    False,
]


@pytest.mark.parametrize("make", [sockio.aio.TCP, aio.TCP], ids=["sockio", "junto"])
def test_a_driver_for_asyncio_takes_either(make: Any, device: SimulatedInstrument) -> None:
    async def main() -> list[Any]:
        return await asyncio.wait_for(Driver(make("127.0.0.1", device.port)).read(), 20)

    assert asyncio.run(main()) == EXPECTED


@pytest.mark.parametrize("make", [sockio.sio.TCP, sync.TCP], ids=["sockio", "junto"])
def test_a_driver_that_blocks_takes_either(make: Any, device: SimulatedInstrument) -> None:
    sock = make("127.0.0.1", device.port)
    assert asyncio.run(Driver(Blocking(sock)).read()) == EXPECTED


def test_both_may_talk_to_one_instrument_at_once(device: SimulatedInstrument) -> None:
    async def main() -> None:
        theirs, ours = sockio.aio.TCP("127.0.0.1", device.port), aio.TCP("127.0.0.1", device.port)
        for _ in range(20):
            replies = await asyncio.gather(theirs.write_readline(b"VOLT?\n"), ours.write_readline(b"VOLT?\n"))
            assert replies == [b"1.5\n", b"1.5\n"]
        await theirs.close()
        await ours.close()

    asyncio.run(main())
    assert device.connections == 2
