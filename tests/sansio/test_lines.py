from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from junto.sansio.lines import LineBuffer, LineTooLong, Terminator

LIMIT = 10**6


def buffer_of(*pieces: bytes) -> LineBuffer:
    buffer = LineBuffer()
    for piece in pieces:
        buffer.append(piece)
    return buffer


def lines_of(buffer: LineBuffer, terminator: Terminator) -> list[bytes]:
    lines = []
    while (line := buffer.take_line(terminator, LIMIT)) is not None:
        lines.append(line)
    return lines


@given(
    st.lists(st.sampled_from([b"a", b"b", b"\r", b"\n", b"\r\n", b"ab"]), max_size=40).map(b"".join),
    st.data(),
    st.sampled_from([b"\n", b"\r\n", b"ab"]),
)
def test_any_cut_gives_the_same_lines(data: bytes, draw: st.DataObject, eol: bytes) -> None:
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(data)), max_size=6)))
    pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    terminator = Terminator(eol)
    buffer = LineBuffer()
    lines: list[bytes] = []
    received = 0
    for piece in pieces:
        way = draw.draw(st.sampled_from(["lines", "one", "split", "batch", "peek", "part", "none"]))
        if way == "one":
            line = buffer.append_and_take_line(piece, terminator, LIMIT)
            lines += [] if line is None else [line]
            received += len(piece)
            continue
        buffer.append(piece)
        if way == "lines":
            lines += lines_of(buffer, terminator)
        elif way == "split":
            ready = buffer.split_lines(terminator, LIMIT)
            if ready:
                lines.append(ready.popleft())
        elif way == "batch":
            lines += buffer.take_lines(terminator, LIMIT)
        elif way == "peek":
            assert buffer.peek(3) == buffer.peek(5)[:3]
        elif way == "part":
            buffer.put_back(buffer.take(2))
        received += len(piece)
        assert len(buffer) == received - sum(map(len, lines))
    lines += lines_of(buffer, terminator)
    expected, at = [], 0
    while (end := data.find(eol, at)) >= 0:
        expected.append(data[at : end + len(eol)])
        at = end + len(eol)
    assert lines == expected
    assert buffer.take_all() == data[at:]
    assert len(buffer) == 0


@pytest.mark.parametrize(
    ("eol", "data", "found"),
    [
        ((b"\r\n", b"\n", b"\r"), b"a\r\nb", (1, 3)),
        ((b"\r", b"\r\n"), b"a\r\nb", (1, 3)),
        ((b"\n", b"\r"), b"a\rb\n", (1, 2)),
        ((b"abcd", b"b"), b"xabcd", (2, 3)),
        ((b"abcd", b"bc"), b"xabce", (2, 4)),
        (b"END", b"xEND", (1, 4)),
        (b"END", b"xEN", None),
    ],
)
def test_of_several_terminators_the_first_to_end_wins_and_then_the_longest(
    eol: bytes | tuple[bytes, ...], data: bytes, found: tuple[int, int] | None
) -> None:
    assert Terminator(eol).find(data) == found


@pytest.mark.parametrize("wrong", ["\n", 1, None, (b"\n", "x"), [1]])
def test_a_terminator_is_bytes(wrong: object) -> None:
    with pytest.raises(TypeError):
        Terminator(wrong)  # type: ignore[arg-type]  # that is the mistake


@pytest.mark.parametrize("empty", [b"", (), (b"\n", b"")])
def test_a_terminator_is_not_empty(empty: bytes | tuple[bytes, ...]) -> None:
    with pytest.raises(ValueError):
        Terminator(empty)


def test_a_line_that_is_too_long_is_told_wherever_it_is_cut() -> None:
    terminator = Terminator(b"\r\n")
    for pieces in ([b"x" * 11 + b"\r\n"], [b"x" * 6, b"x" * 5, b"\r\n"], [b"x" * 12]):
        with pytest.raises(LineTooLong):
            buffer = LineBuffer()
            for piece in pieces:
                buffer.append(piece)
                buffer.take_line(terminator, 10)
    for pieces in ([b"x" * 10 + b"\r\n"], [b"x" * 10, b"\r", b"\n"], [b"x" * 10 + b"\r", b"\n"]):
        buffer = LineBuffer()
        taken = None
        for piece in pieces:
            buffer.append(piece)
            taken = buffer.take_line(terminator, 10)
        assert taken == b"x" * 10 + b"\r\n"


def test_what_is_unwanted_is_dropped_only_if_it_is_next() -> None:
    for pieces, rest in (
        ([b"\n", b"a"], b"a"),
        ([b"\na"], b"a"),
        ([b"a\n"], b"a\n"),
        ([b"\r", b"\n", b"a"], b"a"),
        ([b"\r", b"a"], b"\ra"),
        ([b"\r"], b"\r"),
    ):
        for before in range(len(pieces) + 1):
            if before and pieces[0] == b"\r":
                continue
            buffer = buffer_of(*pieces[:before])
            buffer.ignore_next((b"\n", b"\r\n"))
            for piece in pieces[before:]:
                buffer.append(piece)
            buffer.end()
            assert buffer.take_all() == rest


def test_lines_cut_in_advance_are_still_there_for_all_other_reads() -> None:
    terminator, other = Terminator(b"\n"), Terminator(b";")
    data = b"a\nb;\nc\nd"
    for read, taken in (
        (lambda b: b.take(3), b"a\nb"),
        (lambda b: b.take_all(), data),
        (lambda b: b.peek(5), data[:5]),
        (lambda b: b.take_line(other, LIMIT), b"a\nb;"),
    ):
        buffer = buffer_of(data)
        assert list(buffer.split_lines(terminator, LIMIT)) == [b"a\n", b"b;\n", b"c\n"]
        assert len(buffer) == len(data)
        assert read(buffer) == taken
    buffer = buffer_of(data)
    buffer.split_lines(terminator, LIMIT)
    buffer.clear()
    assert (len(buffer), buffer.take_all()) == (0, b"")


def test_what_was_read_is_not_kept() -> None:
    terminator = Terminator(b"\n")
    for read in (
        lambda b: [b.take_line(terminator, LIMIT) for _ in range(3)],
        lambda b: b.take_lines(terminator, LIMIT),
        lambda b: b.split_lines(terminator, LIMIT).clear(),
        lambda b: b.take(6),
        lambda b: [b.take(2), b.take(4)],
    ):
        buffer = buffer_of(b"a\nb\nc\n")
        read(buffer)
        assert not buffer
        assert (buffer._chunk, len(buffer._gathered)) == (b"", 0)
