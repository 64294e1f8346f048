"""Section 19 of the statements: simulated instruments, and the world in memory."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import Any

import pytest

from junto import aio, sync
from junto.address import Address
from junto.instrument.device import Device, replay
from junto.instrument.errors import ConnectionEOFError, ConnectionTimeoutError
from junto.instrument.script import CLOSE, NO_ANSWER, RESET, Pause, Script, Sequel, load_script
from junto.instrument.simulated import SimulatedInstrument
from junto.instrument.tracing import Recorder, read_recording

from .conftest import Run

ANSWERS = {
    "*IDN?": "ACME,Box,1,0",
    "raw?": b"no terminator",
    "slow?": [Pause(0.05), "late"],
    "number?": [0.01, "paused"],
    "silent?": NO_ANSWER,
    "nothing?": None,
    "close": CLOSE,
    "reset": [b"part", RESET],
    "pieces?": [b"a", b"b", b"\n"],
    "turn?": Sequel(["one", "two"]),
    "echo *": lambda rest: rest,
    "called?": lambda: "called",
    "broken?": lambda: 1 / 0,
}


def test_in_1901_each_kind_of_answer() -> None:
    with SimulatedInstrument(ANSWERS) as device, sync.TCP("127.0.0.1", device.port, timeout=5) as client:
        assert device.url == f"tcp://127.0.0.1:{device.port}"
        assert client.idn().model == "Box"
        assert client.write_readexactly(b"raw?\n", 13) == b"no terminator"
        assert client.query("slow?") == "late"
        assert client.query("number?") == "paused"
        assert client.query("pieces?") == "ab"
        assert [client.query("turn?") for _ in range(3)] == ["one", "two", "two"]
        assert client.query("echo hello there") == "hello there"
        assert client.query("called?") == "called"
        client.write(b"broken?\n")
        assert client.query("called?") == "called"
        assert isinstance(device.faults[0], ZeroDivisionError)
        for silent in ("silent?", "nothing?", "unknown?"):
            with pytest.raises(ConnectionTimeoutError):
                client.query(silent, timeout=0.02)
        with pytest.raises(ConnectionEOFError):
            client.query("close")
        with pytest.raises(ConnectionError):
            client.query("reset")
        assert device.connections >= 5
        assert device.requests[:2] == ["*IDN?", "raw?"]
        device.disconnect(reset=True)
        assert client.query("called?") == "called"


def test_in_1901_a_function_a_class_and_what_it_sends_unasked() -> None:
    class Scale:
        def __init__(self) -> None:
            self.grams = 5

        def answer(self, request: str) -> Any:
            if request == "W?":
                return f"{self.grams} g"
            self.grams = 0
            return None

    for answers in (Scale, Scale(), Scale().answer):
        with SimulatedInstrument(answers) as device, sync.TCP("127.0.0.1", device.port, timeout=5) as client:
            assert client.query("W?") == "5 g"
            client.command("TARE")
            assert client.query("W?") == "0 g"
            device.send(b"moved\n")
            assert client.readline() == b"moved\n"


def test_in_1901_latency_fragments_disconnects_and_a_greeting() -> None:
    script = {"a?": "answer"}
    with SimulatedInstrument(
        script, latency=0.01, fragment=2, disconnect_after=2, greeting=b"hi\r\n", eol=b"\r\n"
    ) as device:
        client = sync.TCP("127.0.0.1", device.port, eol=b"\r\n", timeout=5)
        assert client.readline() == b"hi\r\n"
        assert client.query("a?") == "answer"
        assert client.query("a?") == "answer"
        with pytest.raises(ConnectionEOFError):
            client.readline()  # or the next request could still leave, just before the device closes
        assert client.write_readlines(b"a?\r\n", 2) == [b"hi\r\n", b"answer\r\n"]
        assert client.connection_counter == 2
        client.close()
    for wrong in ({"latency": -1}, {"fragment": -1}, {"eol": b""}):
        with pytest.raises(ValueError):
            SimulatedInstrument(script, **wrong)


def test_in_1901_it_can_be_used_in_asyncio_and_stops_with_its_context() -> None:
    async def main() -> None:
        async with SimulatedInstrument({"a?": "b"}) as device:
            client = aio.TCP("127.0.0.1", device.port)
            assert await client.query("a?") == "b"
        with pytest.raises(ConnectionError):
            await client.query("a?", timeout=5)
        with pytest.raises(RuntimeError):
            device.send(b"x")
        device.stop()
        async with device:
            assert await client.query("a?") == "b"
        await client.close()

    asyncio.run(main())


TOML = """
[device]
latency = 0.001
greeting = ""

[replies]
"*IDN?" = "ACME,Box,1,0"
"CURV?" = { hex = "23313568656c6c6f0a", delay = 0.001 }
"SEQ?" = ["1", { reply = "2" }]
"FAIL" = { fault = "close" }
"GO" = { fragments = ["a", "b\\n"] }
"*" = "what?"

[variables]
VOLT = 1.0
"""


def test_in_1901_a_device_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "device.toml"
    path.write_text(TOML)
    with SimulatedInstrument(path) as device, sync.TCP("127.0.0.1", device.port, timeout=5) as client:
        assert client.idn().serial == "1"
        assert client.write_read_block(b"CURV?\n") == b"hello"
        assert client.query_many(["SEQ?", "SEQ?", "GO", "nonsense"]) == ["1", "2", "ab", "what?"]
        assert client.query("VOLT?") == "1.0"
        client.command("VOLT 2.5")
        assert client.query("VOLT?") == "2.5"
        with pytest.raises(ConnectionEOFError):
            client.query("FAIL")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("x", "is not TOML"),
        ("[other]", "nobody knows other"),
        ("[device]\ncolor = 1", "device.color"),
        ("device = 1", "device is a table"),
        ('[device]\nlatency = "slow"', "latency is a number"),
        ("[device]\nlatency = -1", "must not be negative"),
        ('[replies]\n"A?" = 1', "'A\\?'"),
        ('[replies]\n"A?" = []', "at least one"),
        ('[replies]\n"A?" = { fault = "fire" }', "'fire'"),
        ('[replies]\n"A?" = { hex = "x" }', "'A\\?'"),
        ('[replies]\n"A?" = { colour = "x" }', "nobody knows colour"),
    ],
)
def test_a_wrong_file_is_refused_with_a_reason(text: str, fault: str, tmp_path: Path) -> None:
    path = tmp_path / "device.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=fault):
        load_script(path)


@pytest.mark.worlds("memory", "asyncio")
def test_in_1902_the_same_script_in_memory(run: Run) -> None:
    async def scenario(w: Any) -> None:
        device = Device(
            Script({"slow?": [Pause(30), "at last"], "a?": "b"})
            if not w.sockets
            else Script({"slow?": [Pause(0.03), "at last"], "a?": "b"})
        )
        address = await device.start(w.rt, Address("tcp", "127.0.0.1"))
        client = w.tcp(address.port)
        assert await client.query("a?") == "b"
        assert await client.query("slow?") == "at last"
        with pytest.raises(ConnectionTimeoutError):
            await client.query("slow?", timeout=20 if not w.sockets else 0.01)
        device.stop()

    run(scenario)


def test_in_1903_the_exact_dialogue() -> None:
    with SimulatedInstrument({"a?": "1", "b?": b"2\n"}) as device:
        with sync.TCP("127.0.0.1", device.port, timeout=5) as client:
            client.query("a?")
            client.query("b?")
            client.command("c")
            client.query("a?")
        device.expect([("a?", "1"), ("b?", "2"), ("c", ""), ("a?", "1")])
        for wrong, why in (
            ([("a?", "1"), ("b?", "2"), ("c", "")], "as well"),
            ([("a?", "1"), ("b?", "2"), ("c", ""), ("a?", "1"), ("d", "")], "missing"),
            ([("b?", "2"), ("a?", "1"), ("c", ""), ("a?", "1")], "exchange 1"),
            ([("a?", "1"), ("b?", "3"), ("c", ""), ("a?", "1")], "exchange 2"),
        ):
            with pytest.raises(AssertionError, match=why):
                device.expect(wrong)


def test_in_1802_a_recording_can_be_played_as_an_instrument() -> None:
    file = io.StringIO()
    with SimulatedInstrument({"a?": Sequel(["1", "2"]), "b?": "x"}) as device:
        with sync.TCP("127.0.0.1", device.port, timeout=5, trace=Recorder(file)) as client:
            recorded = client.query_many(["a?", "b?", "a?"])
    file.seek(0)
    with SimulatedInstrument(replay(read_recording(file))) as device:
        with sync.TCP("127.0.0.1", device.port, timeout=5) as client:
            assert client.query_many(["a?", "b?", "a?"]) == recorded == ["1", "x", "2"]
