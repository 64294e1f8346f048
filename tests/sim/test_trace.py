"""The trace: its file, its digest, what is read out of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from junto.sim.decoding import decode, decode_datagram
from junto.sim.diffing import describe_difference, find_causes, find_difference
from junto.sim.flights import find_flights
from junto.sim.telling import Story, last_lines, select, trace_lines
from junto.sim.trace import EXCERPT, KINDS, Trace, TraceError, escape, make_trace, read_trace, unescape

from .traces import Maker, a_long_run, an_election, packet


def written(trace: Trace, tmp_path: Path) -> Path:
    path = tmp_path / "run.jsonl"
    trace.write(path)
    return path


def test_what_was_written_is_read(tmp_path: Path) -> None:
    trace = an_election()
    again = read_trace(written(trace, tmp_path))
    assert again.events == trace.events
    assert (again.seed, again.level, again.hosts) == (trace.seed, trace.level, trace.hosts)
    assert again.digest() == trace.digest()


def test_an_event_is_a_line_with_its_keys_in_order(tmp_path: Path) -> None:
    trace = Trace()
    trace.events.append((1_250_000_000, "a", "send", 4, "b", 12, b"hello \xff\\\n", None))
    trace.events.append((1_250_000_000, "a", "turn", 0, None, 3, None, "d"))
    _, line, turn = written(trace, tmp_path).read_text(encoding="utf-8").splitlines()
    assert (
        line == '{"n":0,"t":1250000000,"h":"a","k":"send","c":4,"p":"b","len":12,'
        r'"x":"hello \\xff\\\\\\x0a"}'
    )
    assert turn == '{"n":1,"t":1250000000,"h":"a","k":"turn","by":0,"len":3,"d":"d"}'


def test_the_first_line_has_no_floats_and_no_addresses_of_objects(tmp_path: Path) -> None:
    trace = Trace(seed=7, options={"latency": (0.001, 0.05), "law": min, "tls": None, "who": object()})
    header = json.loads(written(trace, tmp_path).read_text().splitlines()[0], parse_float=pytest.fail)
    assert header["format"] == "junto-trace/1"
    assert header["options"] == {"latency": ["0.001", "0.05"], "law": "min", "tls": None, "who": "object"}


def test_the_digest_depends_on_each_part_of_each_event_and_on_nothing_else() -> None:
    digest = an_election().digest()
    other_header = an_election()
    other_header.seed = 1
    assert other_header.digest() == digest
    for place, value in enumerate((1, "x", "log", 9, "x", 9, b"x", "x")):
        changed = an_election()
        event: list[object] = list(changed.events[10])
        event[place] = value
        changed.events[10] = tuple(event)  # type: ignore[assignment]  # of the same types
        assert changed.digest() != digest


def test_only_the_first_bytes_of_a_message_are_written() -> None:
    trace = Trace()
    trace.events.append((0, "a", "send", 1, "b", 100, b"x" * 100, None))
    assert f'"x":"{"x" * EXCERPT}"}}' in next(trace.lines())


def test_texts_that_are_no_unicode_are_written_all_the_same(tmp_path: Path) -> None:
    trace = Trace()
    trace.events.append((0, "ü", "note", None, None, None, None, "half \ud800, \u202e, \x00"))
    (event,) = read_trace(written(trace, tmp_path)).events
    assert event[7] == "half \\ud800, \u202e, \x00"


def test_at_the_level_off_there_is_no_trace() -> None:
    assert make_trace("off") is None
    trace = make_trace("turns")
    assert trace is not None
    assert (trace.turns, trace.tasks) == (True, False)
    with pytest.raises(ValueError, match="records 'net'"):
        Trace("off")


@given(st.binary(max_size=80))
def test_bytes_come_back_from_their_escapes(data: bytes) -> None:
    text = escape(data)
    assert text.isascii()
    assert text.isprintable()
    assert unescape(text) == data


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no trace"),
        ("hello\n", "no trace"),
        ('{"format":"junto-trace/2","seed":1,"level":"net","options":{},"hosts":{}}\n', "junto-trace/2"),
        ('HEAD\n{"n":1,"t":0,"h":"a","k":"start"}\n', "event 1, not 0: lines are missing"),
        ('HEAD\n{"n":0,"t":0.5,"h":"a","k":"start"}\n', "line 2 is no event"),
        ('HEAD\n{"n":0,"t":0,"h":"a","k":"send","x":"\\\\q"}\n', "line 2 is no event"),
        ('HEAD\n{"n":0,"t":0,"h"', "line 2 is no event"),
    ],
)
def test_what_is_no_trace_is_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text(text.replace("HEAD", Trace().header()))
    with pytest.raises(TraceError, match=message):
        read_trace(path)


# Where messages went


def fates(make: Maker) -> list[tuple[int, list[int], str]]:
    return [(flight.start, flight.ends, flight.fate) for flight in find_flights(make.events)]


def test_one_read_may_take_several_writes_and_a_part_of_one() -> None:
    make = Maker()
    first, second = make.send(1, "a", "b", b"xx"), make.send(1, "a", "b", b"yyyy")
    one = make.receive(1, "b", "a", b"xxyy")
    rest = make.receive(1, "b", "a", b"yy")
    assert fates(make) == [(first, [one], "arrived"), (second, [one, rest], "arrived")]


def test_a_reset_overtakes_what_was_not_read() -> None:
    make = Maker()
    sent = make.send(1, "a", "b", b"xx")
    reset = make.add("a", "reset", 1, "b")
    end = make.add("b", "recv", 1, "a", 0, detail="reset")
    assert fates(make) == [(sent, [], "unread"), (reset, [end], "arrived")]


def test_the_two_directions_of_a_connection_are_apart() -> None:
    make = Maker()
    there, back = make.send(1, "a", "b", b"xx"), make.send(1, "b", "a", b"yy")
    here, away = make.receive(1, "a", "b", b"yy"), make.receive(1, "b", "a", b"xx")
    assert fates(make) == [(there, [away], "arrived"), (back, [here], "arrived")]


def test_datagrams_overtake_each_other_get_lost_and_come_twice() -> None:
    make = Maker()
    sent = [make.add("a", "dgram", 7, "b", 1, bytes([byte])) for byte in (1, 2, 3)]
    make.add("a", "dup", 7, "b", 1, b"\2")
    lost = make.add("a", "drop", 7, "b", 1, b"\3")
    ends = [make.add("b", "recv", 9, "a", 1, bytes([byte])) for byte in (2, 1, 2)]
    assert fates(make) == [
        (sent[0], [ends[1]], "arrived"),
        (sent[1], [ends[0], ends[2]], "arrived"),
        (sent[2], [lost], "lost"),
    ]


def test_what_was_held_and_sent_again_is_one_thing() -> None:
    make = Maker()
    free, cut_off = make.send(1, "a", "b", b"xx"), make.send(1, "a", "b", b"yy")
    cut = make.hold(1, "a", "b", b"yy")
    late = make.hold(1, "a", "b", b"zzz")
    again = [make.send(1, "a", "b", data) for data in (b"yy", b"zzz")]
    make.receive(1, "b", "a", b"xxyyzzz")
    found = [(flight.start, flight.holds, flight.again, flight.fate) for flight in find_flights(make.events)]
    assert found == [
        (free, [], [], "arrived"),
        (cut_off, [cut], again[:1], "arrived"),
        (late, [], again[1:], "arrived"),
    ]


def test_what_comes_to_a_closed_connection_is_lost() -> None:
    make = Maker()
    sent = make.send(1, "a", "b", b"xx")
    dropped = make.add("b", "drop", 1, "a", 2, b"xx")
    assert fates(make) == [(sent, [dropped], "lost")]


def test_a_first_packet_that_is_lost_delays_the_connection() -> None:
    make = Maker()
    tried = make.add("a", "connect", 1, "b")
    lost = make.add("a", "drop", 1, "b", detail="SYN lost")
    accepted = make.add("b", "accept", 1, "a")
    (flight,) = find_flights(make.events)
    assert (flight.start, flight.holds, flight.ends, flight.fate) == (tried, [lost], [accepted], "arrived")


def test_connecting_is_answered_or_refused() -> None:
    make = Maker()
    make.connect("a", "b")
    tried = make.add("a", "connect", 2, "c")
    refused = make.add("a", "refuse", 2, "c")
    assert fates(make) == [(0, [1], "arrived"), (tried, [refused], "refused")]


# What was said


def said(*writes: tuple[bytes, int]) -> list[tuple[str, ...]]:
    make = Maker()
    for data, length in writes:
        make.add("a", "send", 1, "b", length, data)
    return [content.messages for content in decode(make.events, find_flights(make.events)).values()]


def whole(data: bytes) -> tuple[bytes, int]:
    return data, len(data)


def truncated(data: bytes) -> tuple[bytes, int]:
    return data[:EXCERPT], len(data)


def test_calls_and_their_results_are_read() -> None:
    call = packet(0, 7, ["store.put", ["k", 1], {"force": True}])
    assert said(whole(call + packet(3, None, ["log", ["x"], {}])), whole(packet(1, 7, {"ok": 1}))) == [
        ("request 7: store.put('k', 1, force=True)", "notice: log('x')"),
        ("result 7: {'ok': 1}",),
    ]


def test_messagepack_is_read_too() -> None:
    msgspec = pytest.importorskip("msgspec")
    payload = msgspec.msgpack.encode([0, 3, ["add", [3, 4], {}]])
    assert said(whole(len(payload).to_bytes(4, "big") + payload)) == [("request 3: add(3, 4)",)]


def test_a_message_in_several_writes_is_read_at_its_end() -> None:
    call = packet(0, 7, ["add", [1, 2], {}])
    assert said(whole(call[:9]), whole(call[9:])) == [
        ("9 bytes of a message",),
        ("request 7: add(1, 2)",),
    ]


def test_a_cut_message_is_said_to_be_cut_and_what_follows_is_read() -> None:
    large = packet(0, 7, ["put", ["x" * 300], {}])
    (first,), (second,) = said(truncated(large), whole(packet(1, 7, None)))
    assert first.startswith("request 7: put(")
    assert first.endswith(f"… (cut, {len(large)} bytes)")
    assert second == "result 7: None"


def test_the_end_of_a_large_message_is_passed_by() -> None:
    large = packet(0, 7, ["put", ["x" * 300], {}])
    assert said(truncated(large[:200]), whole(large[200:] + packet(1, 7, None)))[1] == ("result 7: None",)


def test_vsoa_is_read() -> None:
    from junto.sansio.vsoa.frames import RPC, SET, encode

    frame = encode(RPC, "/axis", b'{"speed":3}', b"abc", flags=SET, seqno=5)
    assert said(whole(frame)) == [("RPC SET 5 /axis {'speed': 3} + 3 bytes",)]
    assert "/axis" in said(truncated(encode(RPC, "/axis", b"1" * 500)))[0][0]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"*IDN?\n", "*IDN?"),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1↵Host: a"),
        (b"\x00\x01\xfe\xff", "4 bytes: 00 01 fe ff"),
        (b"", "0 bytes: "),
        ("über den Fluss \u202e".encode(), "über den Fluss \\u202e"),
    ],
)
def test_what_is_no_protocol_of_ours_is_text_or_bytes(data: bytes, text: str) -> None:
    assert decode_datagram(data, len(data)).label == text


@given(st.lists(st.tuples(st.binary(max_size=EXCERPT), st.integers(0, 400)), max_size=6), st.booleans())
def test_any_bytes_are_told_somehow(writes: list[tuple[bytes, int]], framed: bool) -> None:
    begin = [whole(packet(0, 0, ["x", [], {}]))] if framed else []
    for messages in said(*begin, *((data, len(data) + more) for data, more in writes)):
        assert messages
        assert all(message.isprintable() for message in messages)


# What is told of it


def test_the_last_lines_tell_who_said_what() -> None:
    lines = last_lines(an_election().events, 3)
    assert lines == [
        "0.4333  n0 -> n1  request 0: raft.vote_request(23, 'n0')",
        "0.4348  n1 -> n0  result 0: True",
        "0.4364  n0        leader of term 23",
    ]


def test_each_kind_can_be_told() -> None:
    events = [(0, "a", kind, None, None, None, None, None) for kind in sorted(KINDS)]
    assert all(line.strip() for line in trace_lines(events, range(len(events))))


def test_events_are_chosen_by_host_and_place() -> None:
    events = an_election().events
    chosen = select(events, hosts=["n2"], around=44, context=2)
    assert chosen == [42, 43, 44, 45, 46]
    assert trace_lines(events, chosen, around=44)[2].startswith(">44  send")
    assert select(events, kinds=["kill"]) == [49]
    with pytest.raises(ValueError, match="no event 99"):
        select(events, around=99)


def test_equal_traces_have_no_difference() -> None:
    assert find_difference(an_election(), an_election()) is None
    assert describe_difference(an_election(), an_election()) == []


def test_the_first_difference_is_told_with_what_led_to_it() -> None:
    left, right = an_election(), an_election()
    right.events[44] = (*right.events[44][:5], 99, *right.events[44][6:])
    right.seed = 4712
    text = "\n".join(describe_difference(left, right))
    assert "seed 4711, B with 4712" in text
    assert "44 events are the same; then" in text
    assert f"length: {left.events[44][5]} in A, 99 in B" in text
    assert "what led to it" in text
    assert "raft.vote_request(23, 'n2')" in text.partition("what led to it")[2]


def test_a_trace_that_ends_before_the_other_differs_there() -> None:
    left, right = an_election(), an_election()
    del right.events[40:]
    difference = find_difference(left, right)
    assert difference is not None
    assert (difference.number, difference.right) == (40, None)
    assert "B ends" in "\n".join(line.strip() for line in describe_difference(left, right))


def test_a_turn_names_its_cause_and_a_message_comes_from_its_sender() -> None:
    make = Maker()
    start = make.add("a", "start")
    turn = make.add("a", "turn", start)
    sent = make.send(1, "a", "b", b"x")
    got = make.receive(1, "b", "a", b"x")
    woken = make.add("b", "turn", got)
    answered = make.send(1, "b", "a", b"y")
    assert find_causes(Story(make.events), answered) == [start, turn, sent, got, woken]


def test_a_long_run_is_read_and_told() -> None:
    story = Story(a_long_run(3000).events)
    assert {"arrived"} <= {flight.fate for flight in story.flights}
    assert all(story.label(number) for number in range(len(story.events)))
