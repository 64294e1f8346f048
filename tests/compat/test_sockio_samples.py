"""Programs of the kind that the predecessor's README shows, with their import lines changed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from junto.compat.sockio import aio, sio
from junto.instrument.script import CLOSE
from junto.instrument.simulated import SimulatedInstrument

IDENTITY = "ACME,Box,1,0"


@pytest.fixture
def device() -> Iterator[SimulatedInstrument]:
    with SimulatedInstrument({"*IDN?": IDENTITY, "GO": ["one", "two", CLOSE]}) as device:
        yield device


def run(program: str, device: SimulatedInstrument) -> str:
    program = program.replace("'acme.example.com', 5000", f"'127.0.0.1', {device.port}")
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def in_asyncio(body: str) -> str:
    lines = "\n".join(f"    {line}" for line in body.strip().splitlines())
    return f"import asyncio\nfrom junto.compat.sockio.aio import *\nasync def main():\n{lines}\nasyncio.run(main())"


REPLY = f"{(IDENTITY + chr(10)).encode()!r}\n"

ASYNC = {
    "a request": r"""
sock = TCP('acme.example.com', 5000)
reply = await sock.write_readline(b'*IDN?\n')
print(reply)
""",
    "time limits": r"""
sock = TCP('acme.example.com', 5000, connection_timeout=0.5, timeout=5)
reply = await sock.write_readline(b'*IDN?\n', timeout=5)
print(reply)
""",
    "type of service and delay": r"""
sock = TCP('acme.example.com', 5000, no_delay=False, tos=IPTOS_NORMAL)
print(await sock.write_readline(b'*IDN?\n'))
""",
    "another terminator": r"""
sock = TCP('acme.example.com', 5000, eol=b'\r')
print(await sock.write_readline(b'*IDN?\n', eol=b'\n'))
""",
    "a terminator by position": r"""
sock = TCP('acme.example.com', 5000, b'\n')
print(await sock.write_readline(b'*IDN?\n'))
""",
    "a callback": r"""
async def connected():
    await sock.write(b'DISPLAY OFF\n')
sock = TCP('acme.example.com', 5000, on_connection_made=connected)
print(await sock.write_readline(b'*IDN?\n'))
""",
}


@pytest.mark.parametrize("name", ASYNC)
def test_asyncio_samples_run(name: str, device: SimulatedInstrument) -> None:
    assert run(in_asyncio(ASYNC[name]), device) == REPLY


def test_a_stream_sample_runs(device: SimulatedInstrument) -> None:
    body = """
sock = TCP('acme.example.com', 5000, eol=b'\\n')
await sock.write(b'GO\\n')
async for line in sock:
    print(line)
"""
    assert run(in_asyncio(body), device) == "b'one\\n'\nb'two\\n'\n"


def test_blocking_and_futures_samples_run(device: SimulatedInstrument) -> None:
    program = r"""
from junto.compat.sockio.sio import TCP
sock = TCP('acme.example.com', 5000)
reply = sock.write_readline(b'*IDN?\n')
print(reply)
"""
    assert run(program, device) == REPLY
    program = program.replace("5000)", "5000, resolve_futures=False)").replace(r"n')", r"n').result()")
    assert run(program, device) == REPLY


def test_a_connection_that_was_broken_is_made_again(device: SimulatedInstrument) -> None:
    with sio.TCP("127.0.0.1", device.port, b"\n") as sock:
        assert sock.write_readline(b"*IDN?\n").decode() == f"{IDENTITY}\n"
        device.disconnect()
        assert sock.write_readline(b"*IDN?\n").decode() == f"{IDENTITY}\n"


def test_urls() -> None:
    assert isinstance(aio.socket_for_url("tcp://h:1"), aio.TCP.__mro__[1])
    assert isinstance(sio.socket_for_url("tcp://h:1", concurrency="syncio"), sio.TCP.__mro__[1])
    with pytest.raises(ValueError):
        aio.socket_for_url("udp://h:1")
