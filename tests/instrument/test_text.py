"""Sections 13, 17 and 18 of the statements: errors, texts, tracing."""

from __future__ import annotations

import asyncio
import copy
import io
import logging
import math
import pickle
from typing import Any

import pytest

from junto import JuntoError, aio, sync
from junto.instrument import errors
from junto.instrument.tracing import Recorded, Recorder, read_recording
from junto.runtimes.asyncio_errors import AsyncioIncompleteReadError, AsyncioLimitOverrunError

from .conftest import Run
from .peer import WHO
from .test_reading import fed


def test_in_100_every_flavour_has_the_same_names() -> None:
    for flavour in (aio, sync):
        for name in (
            "TCP",
            "LineStream",
            "BlockStream",
            "socket_for_url",
            "ConnectionEOFError",
            "ConnectionTimeoutError",
            "IPTOS_NORMAL",
            "IPTOS_LOWDELAY",
            "IPTOS_THROUGHPUT",
            "IPTOS_RELIABILITY",
            "IPTOS_LOWCOST",
        ):
            assert name in flavour.__all__
            assert hasattr(flavour, name)


def test_in_1301_to_in_1304_errors_are_caught_by_the_names_that_people_know() -> None:
    assert issubclass(errors.ConnectionEOFError, (ConnectionError, EOFError))
    assert issubclass(errors.ConnectionEOFError, EOFError)
    assert issubclass(errors.ConnectionTimeoutError, ConnectionError)
    assert issubclass(errors.ConnectionTimeoutError, TimeoutError)
    assert issubclass(errors.ConnectionTimeoutError, asyncio.TimeoutError)
    for known in (
        asyncio.IncompleteReadError,
        EOFError,
        errors.ConnectionEOFError,
        errors.IncompleteReadError,
    ):
        assert issubclass(AsyncioIncompleteReadError, known)
    for known in (asyncio.LimitOverrunError, ValueError, errors.LimitOverrunError):
        assert issubclass(AsyncioLimitOverrunError, known)
    assert issubclass(errors.ConnectionClosedError, ConnectionError)
    assert issubclass(errors.BlockFormatError, ValueError)
    for name in errors.__all__:
        found = getattr(errors, name)
        if isinstance(found, type):
            assert issubclass(found, JuntoError)


@pytest.mark.parametrize(
    "error",
    [
        errors.ConnectionEOFError("the end"),
        errors.ConnectionTimeoutError("too long"),
        AsyncioIncompleteReadError(b"ab", 5),
        AsyncioIncompleteReadError([b"a"], None),
        AsyncioLimitOverrunError("too long", 7),
        errors.InstrumentError([(-113, "Undefined header")]),
        errors.BlockFormatError("no block"),
        ConnectionResetError(104, "reset"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_in_1305_errors_survive_copy_and_pickle(error: Exception) -> None:
    errors.annotated(error, address="h:1", operation="read", generation=3, sent=True)
    for other in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert type(other) is type(error)
        assert str(other) == str(error)
        assert other.__dict__ == error.__dict__
        assert (other.address, other.operation, other.generation, other.sent) == ("h:1", "read", 3, True)


def test_in_1305_each_error_tells_what_it_was_about(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await w.pair()
        with pytest.raises(errors.ConnectionEOFError) as caught:
            await client.write_readline(b"bye\n")
        error: Any = caught.value
        assert error.address == f"127.0.0.1:{peer.port}"
        assert (error.operation, error.generation, error.sent) == ("write_readline", 1, True)
        with pytest.raises(errors.IncompleteReadError) as incomplete:
            await client.write_readuntil(b"tail\n", b";")
        assert isinstance(incomplete.value, asyncio.IncompleteReadError)
        error = incomplete.value
        assert (error.operation, error.generation, error.sent) == ("write_readuntil", 2, True)
        with pytest.raises(errors.ConnectionTimeoutError) as late:
            await client.readline(timeout=0.2)
        error = late.value
        assert (error.operation, error.generation, error.sent) == ("readline", 3, False)

    run(scenario)


@pytest.mark.worlds("blocking", "threads")
def test_in_1306_ends_of_the_program_are_not_swallowed(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, _peer = await w.pair()

        def progress(_received: int, _total: int) -> None:
            raise SystemExit(3)

        with pytest.raises(SystemExit):
            await client.write_readexactly(b"who?\n", len(WHO))
            await client.write(b"echo %b\n" % (b"x" * 200_000))
            await client.readexactly_into(bytearray(200_000), progress=progress)

    if run.__name__ == "run_blocking":
        run(scenario)


def test_in_1701_in_1704_texts(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await w.pair()
        peer.replies[b"empty?"] = b"\n"
        peer.replies[b"crlf?"] = b"value\r\n"
        assert await client.query("who?") == WHO.decode().rstrip("\n")
        assert await client.query("empty?") == ""
        assert await client.query("crlf?") == "value\r"
        assert await client.command("mute") is None
        with pytest.raises(errors.IncompleteReadError) as caught:
            await client.query("tail")
        assert caught.value.partial == b"abc"
        with pytest.raises(UnicodeEncodeError):
            await client.query("µ?")
        peer.replies[b"latin?"] = b"\xb5\n"
        with pytest.raises(UnicodeDecodeError):
            await client.query("latin?")
        client = w.tcp(peer.port, eol=(b"\r\n", b"\n"), write_eol=b"\n", encoding="latin-1")
        assert await client.query("crlf?") == "value"
        assert await client.query("latin?") == "µ"

    run(scenario)


def test_in_106_alternatives_of_terminators(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await fed(w, b"a\r\nb\nc\rd\r", eol=(b"\r\n", b"\n", b"\r"))
        assert await client.readlines(4) == [b"a\r\n", b"b\n", b"c\r", b"d\r"]
        await w.at_peer(peer, "send", b"\ne\n")
        assert await client.readline() == b"e\n"
        client, peer = await w.pair(eol=(b"\r\n", b"\n"))
        peer.replies[b"who?\r"] = WHO
        await client.command("who?")
        assert await client.readline() == WHO
        await w.until(lambda: bytes(peer.received[-1]) == b"who?\r\n")

    run(scenario)


def test_in_1702_several_queries(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await w.pair()
        for pipeline in (False, True):
            assert await client.query_many(["echo a", "echo b", "echo c"], pipeline=pipeline) == [
                "a",
                "b",
                "c",
            ]
            assert await client.query_many([], pipeline=pipeline) == []
        assert len(peer.requests) == 6

    run(scenario)


def test_in_1703_scpi(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await w.pair()
        peer.replies[b"*IDN?"] = b"ACME, Box ,0042,1.0,beta\n"
        identity = await client.idn()
        assert identity == ("ACME", "Box", "0042", "1.0,beta")
        assert identity.model == "Box"
        peer.replies[b"*IDN?"] = b"ACME\n"
        with pytest.raises(ValueError, match="four fields"):
            await client.idn()
        peer.replies[b"*OPC?"] = [0.02, b"1\n"]
        await client.wait_complete(1)
        with pytest.raises(errors.ConnectionTimeoutError):
            await client.wait_complete(0.005)
        peer.replies[b"*OPC?"] = b"0\n"
        with pytest.raises(ValueError):
            await client.wait_complete()

        queue = [b'-113,"Undefined header"\n', b'-222,"Out of range, it is"\n', b'0,"No error"\n']

        class Errors(dict[bytes, Any]):
            def __getitem__(self, key: bytes) -> Any:
                if key == b"SYST:ERR?":
                    return queue.pop(0) if len(queue) > 1 else queue[0]
                return super().__getitem__(key)

        peer.replies = Errors({b"SYST:ERR?": b"", b"VOLT 3": b""})
        found = [(-113, "Undefined header"), (-222, "Out of range, it is")]
        assert await client.errors() == found
        assert await client.errors() == []
        queue[:0] = [b'-113,"Undefined header"\n'] * 5
        assert len(await client.errors(limit=3)) == 3
        client = w.tcp(peer.port, check_errors=True)
        with pytest.raises(errors.InstrumentError, match="-113, Undefined header") as caught:
            await client.command("VOLT 3")
        assert len(caught.value.errors) == 2
        await client.command("VOLT 3")

    run(scenario)


def test_in_1611_texts_of_numbers(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await w.pair()
        peer.replies[b"list?"] = b"1.5, 2,9.9E37,-9.9E37,9.91E37\n"
        peer.replies[b"none?"] = b"\n"
        peer.replies[b"ints?"] = b"1;2\n"
        assert (await client.query_ascii("list?"))[:3] == [1.5, 2.0, 9.9e37]
        special = await client.query_ascii("list?", special=True)
        assert special[:4] == [1.5, 2.0, math.inf, -math.inf]
        assert math.isnan(special[4])
        assert await client.query_ascii("none?") == []
        assert await client.query_ascii("ints?", int, ";") == [1, 2]
        with pytest.raises(ValueError):
            await client.query_ascii("who?")
        assert client.connection_counter == 1

    run(scenario)


def test_in_1801_the_log(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await w.pair()
        with caplog.at_level(logging.DEBUG, "junto"):
            peer.replies[b"long"] = b"x" * 300 + b"\n"
            await client.write_readline(b"long\n")
            await client.close()
        records = [record for record in caplog.records if record.name == f"junto.TCP(127.0.0.1:{peer.port})"]
        texts = {logging.INFO: "", logging.DEBUG: ""}
        for record in records:
            texts[record.levelno] += record.getMessage() + "\n"
        assert "opened (generation 1)" in texts[logging.INFO]
        assert "lost (generation 1): in order" in texts[logging.INFO]
        assert "> 1 'long\\n'\n" in texts[logging.DEBUG]
        assert "and 45 more" in texts[logging.DEBUG]

    run(scenario)


def test_in_1802_a_trace_is_recorded_and_read(run: Run) -> None:
    async def scenario(w: Any) -> None:
        file = io.StringIO()
        client, _peer = await w.pair(trace=Recorder(file))
        await client.write_readline(b"who?\n")
        file.seek(0)
        recording = list(read_recording(file))
        assert [piece[1:] for piece in recording] == [(">", 1, b"who?\n"), ("<", 1, WHO)]
        assert isinstance(recording[0], Recorded)
        with pytest.raises(ValueError, match="line 1 "):
            list(read_recording(["{}"]))

        def fail(*_args: Any) -> None:
            raise ValueError("no")

        client = w.tcp(client.port, trace=fail)
        assert await client.write_readline(b"who?\n") == WHO

    run(scenario)
