"""What a driver sees of a protocol: the statements about connections, one test or more for each."""

from __future__ import annotations

import contextvars
import inspect
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from junto.errors import IncompleteRead, JuntoError, NoResult, ProtocolFinished
from junto.sansio.coroutines import (
    Connection,
    EventSteps,
    Steps,
    Wants,
    at_eof,
    emit,
    expect,
    flush,
    peek,
    peek_exactly,
    protocol,
    put,
    read,
    read_some,
    read_struct,
    read_to_eof,
    read_until,
    readline,
    skip,
    wait,
    write,
)

SOURCES = Path(__file__).parents[2] / "src"


@protocol
def echo() -> Steps[NoReturn]:
    while True:
        yield from write((yield from readline()))


@protocol
def read_two(first: int, second: int = 2) -> Steps[tuple[bytes, bytes]]:
    """Read two pieces."""
    return (yield from read(first)), (yield from read(second))


@protocol
def count_waits() -> EventSteps[int, NoReturn]:
    number = 0
    while True:
        yield from wait()
        number += 1
        yield from emit(number)


def waits(connection: Connection[Any, int]) -> int:
    return len(list(connection.events()))


# 1. The decorator


def test_so101_calling_the_factory_gives_independent_connections() -> None:
    a, b = read_two(1), read_two(3, second=1)
    a.send(b"abc")
    b.send(b"defg")
    assert a.get_result() == (b"a", b"bc")
    assert b.get_result() == (b"def", b"g")


def test_so101_name_docstring_and_signature_are_kept() -> None:
    assert read_two.__name__ == "read_two"
    assert read_two.__doc__ == "Read two pieces."
    assert list(inspect.signature(read_two).parameters) == ["first", "second"]


def test_so102_methods_are_protocols_too() -> None:
    class Session:
        def __init__(self, name: bytes) -> None:
            self.name = name

        @protocol
        def greet(self, mark: bytes) -> Steps[bytes]:
            yield from put(self.name + mark)
            return self.name

        @protocol(strict=True)
        def refuse(self) -> Steps[bytes]:
            yield from put(self.name)
            return self.name

    connection = Session(b"x").greet(b"!")
    assert connection.read() == b"x!"
    assert connection.get_result() == b"x"
    assert Session(b"y").refuse().read() == b"y"


async def coroutine() -> None: ...


@pytest.mark.parametrize("wrong", [3, "text", len, lambda: 3, coroutine, int])
def test_so103_only_generator_functions_are_protocols(wrong: Any) -> None:
    with pytest.raises(ValueError, match="generator function"):
        protocol(wrong)
    with pytest.raises(ValueError, match="generator function"):
        protocol(max_input=3)(wrong)


def test_so104_the_body_runs_up_to_its_first_wait_at_creation() -> None:
    steps = []

    @protocol
    def body() -> Steps[None]:
        steps.append(1)
        yield from read(1)
        steps.append(2)

    body()
    assert steps == [1]


def test_so104_an_error_in_that_part_is_raised_at_creation() -> None:
    @protocol
    def body() -> Steps[None]:
        raise KeyError("early")
        yield from wait()

    with pytest.raises(KeyError, match="early"):
        body()


def test_so105_a_protocol_without_primitives_has_its_result_at_once() -> None:
    @protocol
    def body(number: int) -> Steps[int]:
        return number
        yield from wait()

    connection = body(3)
    assert connection.finished
    assert connection.has_result
    assert connection.get_result() == 3


# 2. The interface


def test_so202_read_takes_at_most_so_many_bytes_and_never_blocks() -> None:
    @protocol
    def body() -> Steps[None]:
        yield from put(b"abc")
        yield from put(b"defg")
        yield from wait()

    connection = body()
    assert connection.read(2) == b"ab"
    assert connection.read(3) == b"cde"
    assert connection.read(100) == b"fg"
    assert connection.read(100) == connection.read() == b""


def test_so203_what_is_written_after_output_was_taken_comes_with_it() -> None:
    connection = echo()
    connection.send(b"one\ntwo\nthree\n")
    assert connection.read(6) == b"one\ntw"
    assert connection.read() == b"o\nthree\n"


def test_so204_the_result_can_be_asked_for_again_and_again() -> None:
    connection = read_two(1)
    for _ in range(2):
        with pytest.raises(NoResult) as caught:
            connection.get_result()
    assert isinstance(caught.value, RuntimeError)
    assert isinstance(caught.value, JuntoError)
    connection.send(b"abc")
    assert connection.get_result() == connection.get_result() == (b"a", b"bc")


def test_so205_has_result_needs_no_further_call() -> None:
    @protocol
    def body() -> Steps[None]:
        yield from write(b"abc")

    connection = body()
    connection.read(2)
    assert not connection.has_result
    connection.read(1)
    assert connection.has_result
    connection = body()
    connection.read()
    assert connection.has_result


def test_so205_looking_at_properties_is_no_event() -> None:
    connection = count_waits()
    assert not connection.has_result
    assert not connection.finished
    assert not connection.failed
    assert connection.is_consumed()
    assert (connection.pending_input, connection.pending_output) == (0, 0)
    assert (connection.wants, connection.unused_data, connection.bytes_consumed) == (Wants.INPUT, b"", 0)
    assert waits(connection) == 0


@pytest.mark.parametrize("returns", [True, False])
def test_so206_a_protocol_without_a_value_has_the_result_none(returns: bool) -> None:
    @protocol
    def body() -> Steps[None]:
        yield from read(1)
        if returns:
            return

    connection = body()
    connection.send(b"x")
    assert connection.has_result
    assert connection.get_result() is None


def test_so207_input_is_consumed_when_the_protocol_has_taken_it() -> None:
    connection = read_two(2, 2)
    assert connection.is_consumed()
    connection.send(b"a")
    assert not connection.is_consumed()
    connection.send(b"b")
    assert connection.is_consumed()


def test_so208_sizes_mean_what_they_say() -> None:
    connection = echo()
    connection.send(b"abc\n")
    assert connection.read(0) == b""
    with pytest.raises(ValueError, match="negative"):
        connection.read(-1)
    assert connection.read(None) == b"abc\n"


def test_so209_a_receive_buffer_may_be_used_again() -> None:
    connection = read_two(2, 4)
    received = bytearray(b"abc")
    connection.send(received)
    received[:] = b"xyz"
    connection.send(memoryview(received)[1:])
    received[:] = b"!!!"
    connection.send(memoryview(b"1-2-")[::2])
    assert connection.get_result() == (b"ab", b"cyz1")
    assert connection.unused_data == b"2"


def test_so209_text_is_refused_at_once() -> None:
    connection = read_two(1, 1)
    connection.send(b"a")
    for wrong in ("text", 3, None, [1, 2]):
        with pytest.raises(TypeError):
            connection.send(wrong)  # type: ignore[arg-type]
    assert not connection.failed
    connection.send(b"b")
    assert connection.get_result() == (b"a", b"b")


def test_so209_empty_input_wakes_a_wait_and_is_nothing_else() -> None:
    connection = count_waits()
    connection.send(b"")
    assert waits(connection) == 1
    for factory in (lambda: read_two(1), echo):
        other: Connection[Any, Any] = factory()
        other.send(b"")
        assert not other.finished
        assert other.is_consumed()


DRIVES: list[Callable[[Connection[Any, Any]], object]] = [
    lambda connection: connection.send(b"x"),
    lambda connection: connection.read(),
    lambda connection: connection.read(3),
    lambda connection: connection.read_chunks(),
    lambda connection: connection.read_into(bytearray(3)),
    lambda connection: connection.exchange(b"x"),
    lambda connection: connection.get_result(),
    lambda connection: connection.send_eof(),
    lambda connection: connection.throw(KeyError()),
    lambda connection: connection.close(),
]


@pytest.mark.parametrize("drive", DRIVES)
def test_so210_a_protocol_cannot_drive_itself(drive: Callable[[Connection[Any, Any]], object]) -> None:
    @protocol
    def body() -> Steps[str]:
        yield from read(1)
        with pytest.raises(RuntimeError, match="cannot drive"):
            drive(connections[0])
        yield from read(1)
        return "well"

    connections = [body()]
    connections[0].send(b"a")
    connections[0].send(b"b")
    assert connections[0].get_result() == "well"


def test_so211_a_driver_sees_what_would_help() -> None:
    @protocol
    def body() -> Steps[None]:
        yield from read(3)
        yield from write(b"abcd")

    connection = body()
    assert connection.wants == Wants.INPUT
    connection.send(b"12")
    assert connection.pending_input == 2
    connection.send(b"34")
    assert connection.wants == Wants.OUTPUT_DRAINED
    assert (connection.pending_input, connection.pending_output) == (1, 4)
    connection.read(3)
    assert connection.pending_output == 1
    connection.read()
    assert connection.wants == Wants(0)
    assert connection.finished
    assert not connection.failed


def test_so212_close_runs_finally_and_may_be_done_twice() -> None:
    ended = []

    @protocol
    def body() -> Steps[None]:
        try:
            yield from read(1)
        finally:
            yield from put(b"bye")
            ended.append(1)

    with body() as connection:
        pass
    connection.close()
    assert ended == [1]
    assert connection.finished
    assert not connection.failed
    assert connection.read() == b"bye"
    with pytest.raises(NoResult, match="closed"):
        connection.get_result()
    with pytest.raises(ProtocolFinished):
        connection.send(b"x")


def test_so212_what_fails_at_close_is_raised_there() -> None:
    @protocol
    def body() -> Steps[None]:
        try:
            yield from read(1)
        finally:
            raise KeyError("late")

    connection = body()
    with pytest.raises(KeyError, match="late"):
        connection.close()
    assert connection.failed
    connection.close()


def test_so212_a_protocol_that_waits_at_close_is_told() -> None:
    @protocol
    def body() -> Steps[None]:
        try:
            yield from read(1)
        finally:
            yield from read(1)

    with pytest.raises(RuntimeError):
        body().close()


def test_so212_throw_raises_where_the_protocol_waits() -> None:
    @protocol
    def body() -> Steps[str]:
        try:
            yield from read(1)
        except KeyError as error:
            return str(error)
        return ""

    connection = body()
    connection.throw(KeyError("k"))
    assert connection.get_result() == "'k'"
    with pytest.raises(ProtocolFinished):
        connection.throw(KeyError("again"))
    connection = body()
    with pytest.raises(IndexError):
        connection.throw(IndexError())
    assert connection.failed


def test_so212_after_a_throw_that_was_caught_the_protocol_goes_on() -> None:
    @protocol
    def body() -> Steps[bytes]:
        try:
            yield from write(b"long")
        except KeyError:
            pass
        return (yield from read(2))

    connection = body()
    connection.throw(KeyError())
    assert connection.wants == Wants.INPUT
    connection.send(b"ab")
    assert connection.get_result() == b"ab"
    assert connection.read() == b"long"


def test_so213_output_is_taken_in_other_ways() -> None:
    connection = echo()
    assert connection.exchange(b"a\nb\n") == b"a\nb\n"
    connection.send(b"one\ntwo\n")
    assert connection.read_chunks() == [b"one\n", b"two\n"]
    connection.send(b"three\n")
    buffer = bytearray(4)
    assert connection.read_into(buffer) == 4
    assert connection.read_into(buffer) == 2
    assert buffer == b"e\nre"
    connection.send(b"abc\nd\n")
    assert connection.read(2) == b"ab"
    assert connection.read_chunks() == [b"c\n", b"d\n"]


# 5. Events


def test_so501_and_so502_one_result_and_any_number_of_events() -> None:
    @protocol
    def body() -> EventSteps[str, int]:
        yield from emit("one")
        yield from emit("two")
        yield from read(1)
        yield from emit("three")
        return 3

    connection = body()
    assert connection.next_event() == "one"
    connection.send(b"x")
    assert list(connection.events()) == ["two", "three"]
    assert connection.get_result() == 3
    with pytest.raises(NoResult):
        connection.next_event()
    assert list(connection.events()) == []


def test_so503_an_event_may_wait_for_the_output_before_it() -> None:
    @protocol
    def body() -> EventSteps[str, None]:
        yield from put(b"abc")
        yield from emit("now")
        yield from emit("sent", after_flush=True)

    connection = body()
    assert list(connection.events()) == ["now"]
    connection.read(2)
    assert list(connection.events()) == []
    connection.read(1)
    assert list(connection.events()) == ["sent"]


# 6. The end of the input


def test_so601_the_end_is_the_end() -> None:
    @protocol
    def body() -> Steps[None]:
        yield from write(b"x")
        yield from read_to_eof()

    connection = body()
    connection.send_eof()
    connection.send_eof()
    with pytest.raises(RuntimeError):
        connection.send(b"x")
    assert not connection.failed
    connection.read()
    assert connection.finished


def test_so602_what_can_be_satisfied_still_is() -> None:
    @protocol
    def body() -> Steps[list[Any]]:
        yield from write(b"go")
        found: list[Any] = [(yield from read(2)), (yield from readline())]
        try:
            yield from read(3)
        except IncompleteRead as error:
            found += [error.partial, error.expected]
        try:
            yield from readline()
        except IncompleteRead as error:
            found += [error.partial, error.expected]
        return [*found, (yield from read())]

    connection = body()
    connection.send(b"abc\nde")
    connection.send_eof()
    connection.read()
    assert connection.get_result() == [b"ab", b"c\n", b"de", 3, b"de", None, b"de"]


def test_so602_it_is_an_eof_error_in_the_waiting_primitive() -> None:
    connection = read_two(2)
    connection.send(b"a")
    with pytest.raises(EOFError) as caught:
        connection.send_eof()
    assert isinstance(caught.value, IncompleteRead)
    assert (caught.value.partial, caught.value.expected) == (b"a", 2)
    assert connection.unused_data == b"a"
    assert "1 bytes" in str(caught.value)


@pytest.mark.parametrize("waits_already", [True, False])
def test_so603_a_loop_that_looks_and_waits_ends(waits_already: bool) -> None:
    turns = []

    @protocol
    def body() -> Steps[None]:
        if not waits_already:
            yield from write(b"x")
        while not (yield from peek()).endswith(b"\n"):
            yield from wait()
            turns.append(1)

    connection = body()
    with pytest.raises(IncompleteRead):
        connection.send_eof()
        connection.read()
    assert turns == [1]


def test_so604_the_end_can_be_looked_for_and_waited_for() -> None:
    @protocol
    def body() -> Steps[list[Any]]:
        found: list[Any] = [(yield from at_eof())]
        yield from read(1)
        yield from write(b"x")
        found.append((yield from at_eof()))
        found.append((yield from read_to_eof()))
        found.append((yield from at_eof()))
        return found

    connection = body()
    connection.send(b"a")
    connection.send(b"bc")
    connection.send_eof()
    connection.read()
    assert connection.get_result() == [False, False, b"bc", True]


@protocol(eof_ok=True)
def pairs() -> Steps[None]:
    while True:
        yield from read(2)


def test_so605_a_restartable_protocol_may_end_between_its_units() -> None:
    connection = pairs()
    connection.send(b"abcd")
    connection.send_eof()
    assert connection.has_result
    assert connection.get_result() is None
    connection = pairs()
    connection.send(b"abc")
    with pytest.raises(IncompleteRead):
        connection.send_eof()
    with pytest.raises(IncompleteRead):
        read_two(2).send_eof()


def test_so606_without_an_end_all_is_as_ever() -> None:
    connection = pairs()
    connection.send(b"abc")
    assert not connection.finished


# 7. Errors, and the finished state


def test_so701_a_bare_yield_is_told_and_ends_the_protocol() -> None:
    ended = []

    @protocol
    def body(early: bool) -> Any:
        try:
            if not early:
                yield from read(1)
            yield 3
        finally:
            ended.append(1)

    with pytest.raises(RuntimeError, match="yield from"):
        body(True)
    connection = body(False)
    with pytest.raises(RuntimeError, match="yield from"):
        connection.send(b"x")
    assert connection.failed
    assert ended == [1, 1]
    with pytest.raises(RuntimeError, match="yield from"):
        connection.get_result()


def test_so701_a_yield_instead_of_yield_from_is_told_by_name() -> None:
    @protocol
    def body() -> Any:
        yield readline()

    with pytest.raises(RuntimeError, match=r"`yield readline\(...\)`"):
        body()


def test_so702_an_error_is_raised_by_the_call_that_ran_the_protocol() -> None:
    @protocol
    def body(by: str) -> Steps[None]:
        if by == "send":
            yield from read(1)
        elif by == "read":
            yield from write(b"x")
        else:
            yield from wait()
        raise KeyError(by)

    with pytest.raises(KeyError):
        body("send").send(b"x")
    with pytest.raises(KeyError):
        body("read").read()
    with pytest.raises(KeyError):
        body("get_result").get_result()


def test_so703_output_before_a_failure_can_be_taken() -> None:
    @protocol
    def body() -> Steps[None]:
        yield from put(b"last ")
        yield from write(b"words")
        raise KeyError("no")

    for take in (
        lambda connection: connection.read(),
        lambda connection: connection.read(100),
        lambda connection: b"".join(connection.read_chunks()),
    ):
        connection: Connection[None, Any] = body()
        with pytest.raises(KeyError):
            take(connection)
        assert connection.failed
        assert take(connection) == b"last words"
        assert take(connection) == b""


@pytest.mark.parametrize(
    "use",
    [
        len,
        bool,
        bytes,
        int,
        lambda step: step[0],
        lambda step: step + b"x",
        lambda step: b"x" + step,
        lambda step: b"x" in step,
        lambda step: step == b"x",
        lambda step: step.decode(),
        lambda step: step.startswith(b"x"),
        lambda step: int.from_bytes(step, "big"),
        lambda step: b"".join([step]),
        lambda step: memoryview(step),
    ],
)
@pytest.mark.parametrize(("make", "name"), [(lambda: read(3), "read"), (readline, "readline")])
def test_so704_a_forgotten_yield_from_is_told_by_name(
    use: Callable[[Any], object], make: Callable[[], object], name: str
) -> None:
    with pytest.raises(TypeError, match=name):
        use(make())


@pytest.mark.parametrize(
    "step",
    [
        lambda: read(4),
        lambda: readline(),
        lambda: readline(include=False),
        lambda: read_until(b"--"),
        lambda: read_struct(">I"),
        lambda: skip(4),
        lambda: peek_exactly(4),
        lambda: expect(b"xyz"),
        lambda: read_to_eof(),
    ],
)
def test_so704_a_loop_over_a_step_that_has_to_wait_is_told_and_not_endless(step: Callable[[], Any]) -> None:
    @protocol
    def looping() -> Steps[int]:
        yield from wait()
        return len(list(step()))

    connection = looping()
    with pytest.raises(RuntimeError, match="yield from"):
        connection.send(b"x")
    assert connection.failed


def test_so704_an_unused_primitive_is_told_in_the_development_mode() -> None:
    program = """
        from junto.sansio.coroutines import protocol, put, read, read_some, readline, write

        @protocol
        def body():
            read(1); readline(); read_some(); put(b"x"); write(b"x")
            yield from read(1)
            yield from readline()
            yield from put(b"x")

        body().send(b"a\\n")
    """
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=30,
        env={"PYTHONPATH": str(SOURCES)},
    )
    told = [line.partition("ResourceWarning: ")[2] for line in done.stderr.splitlines()]
    assert done.returncode == 0
    assert [text.partition("(")[0] for text in told if "never done" in text] == [
        "read",
        "readline",
        "read_some",
        "put",
        "write",
    ]


def test_so705_what_is_not_used_can_be_handed_over() -> None:
    connection = read_two(1, 1)
    connection.send(b"ab")
    connection.send(b"cd")
    connection.send(b"ef")
    assert connection.unused_data == b"cdef"
    assert connection.take_unused() == b"cdef"
    assert connection.unused_data == b""
    with pytest.raises(RuntimeError):
        read_two(1).take_unused()


def test_so705_a_strict_connection_refuses_what_comes_after_its_end() -> None:
    @protocol(strict=True)
    def body() -> Steps[None]:
        yield from read(1)

    connection = body()
    connection.send(b"ab")
    with pytest.raises(ProtocolFinished):
        connection.send(b"c")
    assert connection.unused_data == b"b"


def test_so706_output_before_the_end_can_be_taken_after_it() -> None:
    @protocol
    def body() -> Steps[None]:
        yield from put(b"bye")

    connection = body()
    assert connection.has_result
    assert connection.pending_output == 3
    assert connection.read() == b"bye"


def test_so707_consumed_bytes_are_counted() -> None:
    connection = read_two(2, 300)
    for _ in range(100):
        connection.send(b"abcd")
    assert connection.bytes_consumed == 302


# 4. Composition


def nested(depth: int) -> Steps[bytes]:
    return (yield from (nested(depth - 1) if depth else readline()))


def test_so401_behaviour_does_not_depend_on_nesting() -> None:
    @protocol
    def body(depth: int) -> Steps[list[bytes]]:
        return [(yield from nested(depth)), (yield from nested(depth))]

    for depth in (0, 1, 5, 50):
        connection = body(depth)
        for piece in (b"on", b"e\ntw", b"o\n"):
            connection.send(piece)
        assert connection.get_result() == [b"one\n", b"two\n"]


def test_so402_primitives_that_need_not_wait_do_not_leave_their_place() -> None:
    """However deep the function is nested; so its depth costs what calling it costs."""
    steps = 0

    @protocol
    def body() -> Steps[None]:
        for _ in range(10):
            yield from nested(5)
            yield from put(b"x")

    def count(frame: Any, event: str, argument: Any) -> Any:
        nonlocal steps
        # A resumed generator is a call as well.
        steps += event == "call" and frame.f_code is body.__wrapped__.__code__  # type: ignore[attr-defined]

    connection = body()
    sys.setprofile(count)
    try:
        connection.send(b"line\n" * 9)
        connection.send(b"line\n")
    finally:
        sys.setprofile(None)
    assert connection.has_result
    assert steps == 2


def test_protocols_of_several_threads_do_not_meet() -> None:
    @protocol
    def body() -> Steps[NoReturn]:
        while True:
            yield from put((yield from read_some()))

    wrong = []

    def drive(mark: bytes) -> None:
        connection = body()
        for _ in range(2000):
            if connection.exchange(mark) != mark:
                wrong.append(mark)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=drive, args=(bytes([n]) * 5,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    finally:
        sys.setswitchinterval(interval)
    assert wrong == []


def test_a_protocol_may_drive_another_one() -> None:
    @protocol
    def outer() -> Steps[bytes]:
        inner = read_two(1, 1)
        yield from put(b"before ")
        inner.send((yield from read(2)))
        yield from put(b"after")
        return b"".join(inner.get_result())

    connection = outer()
    connection.send(b"ab")
    assert connection.read() == b"before after"
    assert connection.get_result() == b"ab"


def test_primitives_outside_of_a_protocol_are_told() -> None:
    connection = echo()
    with pytest.raises(RuntimeError, match="none is running"):
        put(b"x")
    assert connection.pending_output == 0
    for step in (read(1), readline(), flush()):
        with pytest.raises(RuntimeError, match="none is running"):
            contextvars.Context().run(lambda step: next(iter(step)), step)


def test_so905_the_layer_imports_nothing_that_waits() -> None:
    program = """
        import sys, types
        BLOCKED = {"socket", "_socket", "select", "selectors", "threading", "asyncio", "time", "ssl",
                   "concurrent", "subprocess", "signal", "queue"}
        class Block:
            def find_spec(self, name, path=None, target=None):
                if name.partition(".")[0] in BLOCKED:
                    raise ImportError(name)
        for name in BLOCKED & sys.modules.keys():
            del sys.modules[name]
        sys.meta_path.insert(0, Block())
        for name in ("junto", "junto.sansio"):
            package = sys.modules[name] = types.ModuleType(name)
            package.__path__ = [f"{sys.argv[1]}/{name.replace('.', '/')}"]
        from junto.sansio.coroutines import protocol, read
        @protocol
        def body():
            return (yield from read(2))
        connection = body()
        connection.send(b"ab")
        print(connection.get_result())
    """
    done = subprocess.run(
        [sys.executable, "-S", "-c", textwrap.dedent(program), str(SOURCES)],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (done.stdout, done.stderr) == ("b'ab'\n", "")
