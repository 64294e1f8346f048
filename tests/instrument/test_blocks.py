"""Section 16 of the statements: binary blocks."""

from __future__ import annotations

import array
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from junto.instrument.errors import BlockFormatError, ConnectionTimeoutError, IncompleteReadError
from junto.sansio.blocks import format_block, format_header, parse_block, parse_header

from .conftest import Run
from .peer import WHO
from .test_reading import fed
from .worlds import FLOWS, STREAMING

TEN = b"\n#\x00a\nb#1\r\n"
VECTORS = [
    (b"#15hello", b"hello"),
    (b"#3005hello", b"hello"),
    (b"#10", b""),
    (b"#210" + TEN, TEN),
    (b"#A0000000005hello", b"hello"),
    (b"#F000000000000005hello", b"hello"),
    (b"#(5)hello", b"hello"),
    (b"#(010)" + TEN, TEN),
]


@pytest.mark.parametrize(("block", "payload"), VECTORS)
def test_in_1602_in_1604_in_1610_blocks_as_pure_functions(block: bytes, payload: bytes) -> None:
    for cut in range(len(block)):
        parsed = parse_block(block[:cut])
        assert parsed.payload is None
        assert 0 < parsed.missing <= len(block) - cut
    assert parse_block(block + b"more") == (payload, len(block), 0)
    assert parse_block(memoryview(block)).payload == payload


@pytest.mark.parametrize(
    "bad", [b"x", b"#x", b"#G", b"#3ab", b"#3a", b"#()", b"#(5", b"#(x)", b"#-1", b"#a", b"# 1"]
)
def test_in_1608_a_malformed_header(bad: bytes) -> None:
    if bad == b"#(5":
        assert parse_block(bad).missing > 0
        bad = b"#(5a"
    with pytest.raises(BlockFormatError) as caught:
        parse_block(bad)
    assert isinstance(caught.value, ValueError)


def test_in_1604_extended_lengths_can_be_turned_off() -> None:
    for block in (b"#A0000000005hello", b"#(5)hello"):
        with pytest.raises(BlockFormatError):
            parse_header(block, extended=False)
    with pytest.raises(BlockFormatError):
        parse_block(b"#0hello")


def test_in_1610_long_lengths_need_another_form() -> None:
    assert format_header(0) == b"#10"
    assert format_header(999_999_999) == b"#9999999999"
    with pytest.raises(ValueError):
        format_header(10**9)
    assert format_header(10**9, extended="hex") == b"#A1000000000"
    assert format_header(10**9, extended="paren") == b"#(1000000000)"
    with pytest.raises(ValueError):
        format_header(10**15, extended="hex")
    assert format_block(array.array("H", [1, 2])) == b"#14" + struct.pack("=HH", 1, 2)


@given(st.binary(max_size=2000), st.binary(max_size=10))
def test_in_1610_parsing_undoes_formatting(payload: bytes, behind: bytes) -> None:
    block = format_block(payload)
    assert parse_block(block + behind) == (payload, len(block), 0)


@given(st.binary(max_size=30))
def test_any_bytes_give_a_block_or_a_format_error(data: bytes) -> None:
    try:
        parse_block(b"#" + data)
    except BlockFormatError:
        pass


@pytest.mark.parametrize("after", [(), (b"\n",), (0.02, b"\n")], ids=["nothing", "at once", "late"])
@pytest.mark.worlds(*FLOWS, "blocking")
def test_in_1602_in_1605_ac_20_every_vector_in_every_cut(run: Run, after: tuple[Any, ...]) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await w.pair()
        await client.open()
        late = bool(after) and after[0] == 0.02
        for block, payload in VECTORS if w.rt.__class__.__name__ == "MemoryRuntime" else VECTORS[:4]:
            cuts = range(1, len(block)) if not late or not w.sockets else (1, len(block) - 1)
            for cut in cuts:
                begin = w.time()
                peer.replies[b"block?"] = [block[:cut], 0.0005, block[cut:], *after]
                assert await client.write_read_block(b"block?\n") == payload
                assert w.time() - begin < 0.02 + w.late
                assert await client.write_readline(b"who?\n") == WHO
        assert client.connection_counter == 1

    run(scenario)


def test_in_1601_in_1603_a_payload_is_opaque(run: Run) -> None:
    async def scenario(w: Any) -> None:
        payload = bytes(range(256)) * 2000
        client, peer = await w.pair(buffer_size=100)
        peer.replies[b"curve?"] = format_block(payload) + b"\n"
        peer.replies[b"empty?"] = b"#10\n"
        assert await client.write_read_block(b"curve?\n") == payload
        assert await client.write_read_block(b"empty?\n") == b""
        await client.write(b"curve?\n")
        assert await client.read_block() == payload
        target = bytearray(len(payload) + 5)
        await client.write(b"curve?\n")
        assert await client.readblock_into(target) == len(payload)
        assert target[: len(payload)] == payload
        assert await client.write_readline(b"who?\n") == WHO
        await client.write(b"curve?\n")
        with pytest.raises(BlockFormatError, match="does not fit"):
            await client.readblock_into(bytearray(5))
        assert not client.connected()

    run(scenario)


@pytest.mark.worlds(*STREAMING)
def test_in_1601_a_block_in_pieces(run: Run) -> None:
    async def scenario(w: Any) -> None:
        payload = bytes(range(256)) * 1000
        client, peer = await w.pair()
        peer.replies[b"curve?"] = format_block(payload) + b"\n"
        await client.write(b"curve?\n")
        pieces = [piece async for piece in client.iter_block(100_000)]
        assert [len(piece) for piece in pieces] == [100_000, 100_000, 56_000]
        assert b"".join(pieces) == payload
        assert await client.write_readline(b"who?\n") == WHO
        await client.write(b"curve?\n")
        begun = client.iter_block(1000)
        await anext(begun)
        await begun.aclose()
        assert not client.connected()
        assert await client.write_readline(b"who?\n") == WHO

    run(scenario)


def test_in_1603_a_block_may_be_limited(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, _peer = await fed(w, b"#9999999999", max_block=1000)
        with pytest.raises(BlockFormatError, match="max_block"):
            await client.read_block()
        assert not client.connected()
        client, _peer = await fed(w, b"#15hello", max_block=5)
        assert await client.read_block() == b"hello"

    run(scenario)


def test_in_1605_a_terminator_that_comes_late_is_dropped(run: Run) -> None:
    async def scenario(w: Any) -> None:
        for eol in (b"\n", b"\r\n", (b"\r\n", b"\n")):
            ending = eol if isinstance(eol, bytes) else eol[0]
            client, peer = await fed(w, b"#15hello", eol=eol)
            assert await client.read_block(timeout=1) == b"hello"
            for at in range(len(ending)):
                await w.at_peer(peer, "send", ending[at : at + 1])
                await w.sleep(0.003)
            assert client.in_waiting() == 0
            await w.at_peer(peer, "send", b"next" + ending)
            assert await client.readline() == b"next" + ending
        client, peer = await fed(w, b"#12hi", eol=b"\r\n")
        assert await client.read_block() == b"hi"
        await w.at_peer(peer, "send", b"\r", 0.003, b"x\r\n")
        assert await client.readline() == b"\rx\r\n"

    run(scenario)


def test_in_1605_a_terminator_may_be_required_or_left(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await fed(w, b"#12hi", eol=b"\r\n")
        reading = w.begin(client.read_block(terminator="require"))
        await w.sleep(0.005)
        await w.at_peer(peer, "send", b"\r", 0.003, b"\nrest\r\n")
        assert await reading == b"hi"
        assert await client.readline() == b"rest\r\n"
        client, _peer = await fed(w, b"#12hi,rest\n")
        with pytest.raises(BlockFormatError, match="no terminator"):
            await client.read_block(terminator="require")
        assert not client.connected()
        client, _peer = await fed(w, b"#12hi\n")
        assert await client.read_block(terminator="none") == b"hi"
        assert await client.readline() == b"\n"
        with pytest.raises(ValueError):
            await client.read_block(terminator="maybe")

    run(scenario)


def test_in_1606_what_comes_before_a_block(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, _peer = await fed(w, b"CURVE #15hello\n", b" #11x\n")
        assert await client.read_block(skip=10) == b"hello"
        assert client.last_block_prefix == b"CURVE "
        assert await client.read_block(skip=1) == b"x"
        client, _peer = await fed(w, b"CURVE #15hello\n")
        with pytest.raises(BlockFormatError, match="CURVE"):
            await client.read_block(skip=5)
        assert not client.connected()
        client, _peer = await fed(w, b"1.25\n")
        with pytest.raises(BlockFormatError):
            await client.read_block()

    run(scenario)


def test_in_1607_blocks_of_indefinite_length(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, _peer = await fed(w, b"#0text\n")
        with pytest.raises(BlockFormatError, match="indefinite"):
            await client.read_block()
        client, _peer = await fed(w, b"#0a\nb\n", end=True)
        assert await client.read_block(indefinite="eof") == b"a\nb\n"
        client, peer = await fed(w, b"#0a\nb")
        reading = w.begin(client.read_block(indefinite="idle", idle_timeout=0.1))
        await w.sleep(0.05)
        await w.at_peer(peer, "send", b"c\nd\n")
        assert await reading == b"a\nbc\nd"
        assert await client.write_readline(b"who?\n") == WHO
        client, _peer = await fed(w, b"#0text\nnext\n")
        assert await client.read_block(indefinite="eol") == b"text"
        assert await client.readline() == b"next\n"

    run(scenario)


def test_in_1608_the_end_inside_a_block(run: Run) -> None:
    async def scenario(w: Any) -> None:
        for sent, partial, expected in (
            (b"#15hel", b"hel", 5),
            (b"#6500000hel", b"hel", 500_000),
            (b"#2", b"#2", 3),
        ):
            client, _peer = await fed(w, sent, end=True)
            with pytest.raises(IncompleteReadError) as caught:
                await client.read_block()
            assert caught.value.partial == partial
            assert caught.value.expected in (expected, 4)
            assert not client.connected()

    run(scenario)


def test_in_1609_several_blocks(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, _peer = await fed(w, b"#12ab,#13c,d,#10\nnext\n")
        assert await client.read_blocks(3) == [b"ab", b"c,d", b""]
        assert await client.readline() == b"next\n"
        client, _peer = await fed(w, b"#12ab;#11c\n")
        with pytest.raises(BlockFormatError, match="separator"):
            await client.read_blocks(2)

    run(scenario)


def test_in_1610_blocks_are_written_as_one(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await w.pair()
        await client.write_block(b"DATA ", b"hello")
        await client.write_block(b"DATA ", b"hello", eol=b"")
        payload = bytes(3_000_000)
        await client.write_block(b"BIG ", payload, eol=b"\r\n")
        await client.drain()
        expected = b"DATA #15hello\nDATA #15helloBIG #73000000" + payload + b"\r\n"
        await w.until(lambda: peer.received and len(peer.received[0]) == len(expected))
        assert bytes(peer.received[0]) == expected

    run(scenario)


def test_in_1611_numbers(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await w.pair()
        for dtype, values in (("h", [1, -2, 300]), ("d", [1.5, -2.0]), ("B", [1, 2]), ("Q", [2**60])):
            for order, sign in (("big", ">"), ("little", "<")):
                packed = struct.pack(f"{sign}{len(values)}{dtype}", *values)
                peer.replies[b"data?"] = format_block(packed) + b"\n"
                assert list(await client.query_binary("data?", dtype, order)) == values
                assert list(await client.query_binary(b"data?\n", dtype, order)) == values
        peer.replies[b"odd?"] = b"#13abc\n"
        with pytest.raises(BlockFormatError, match="whole number"):
            await client.query_binary("odd?", "h")
        with pytest.raises(ValueError):
            await client.query_binary("odd?", "x")
        assert await client.write_readline(b"who?\n") == WHO

    run(scenario)


def test_in_1612_progress_and_idle_time(run: Run) -> None:
    async def scenario(w: Any) -> None:
        payload = bytes(400_000)
        client, peer = await w.pair(timeout=0.06)
        pieces: list[Any] = [b"#6400000"]
        for at in range(0, len(payload), 80_000):
            pieces += [0.02, payload[at : at + 80_000]]
        peer.replies[b"slow?"] = pieces
        told: list[tuple[int, int]] = []
        got = await client.write_read_block(
            b"slow?\n", idle_timeout=0.08, progress=lambda *so_far: told.append(so_far)
        )
        assert got == payload
        assert told[-1] == (400_000, 400_000)
        assert len(told) <= 8
        with pytest.raises(ConnectionTimeoutError):
            await client.write_read_block(b"slow?\n")
        peer.replies[b"stuck?"] = pieces[:5]
        begin = w.time()
        with pytest.raises(ConnectionTimeoutError):
            await client.write_read_block(b"stuck?\n", idle_timeout=0.08)
        assert w.time() - begin < 0.2 + w.late
        peer.replies[b"silent?"] = b""
        with pytest.raises(ConnectionTimeoutError):
            await client.write_read_block(b"silent?\n", idle_timeout=0.02)

    run(scenario)
