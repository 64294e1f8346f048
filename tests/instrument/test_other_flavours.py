"""What junto.trio and junto.simpy add to the client, which the scenarios test in their worlds."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Generator, Iterator
from typing import Any

import pytest
import trio

import junto.trio
from junto import simpy
from junto.instrument.errors import ConnectionClosedError, ConnectionTimeoutError
from junto.instrument.simulated import SimulatedInstrument
from junto.protocols import Steps, protocol, read_until

from .test_urls import pseudo_terminal

Process = Generator[Any, Any, Any]

ANSWERS = {"*IDN?": "ACME,Box,1,0", "VOLT?": "1.5", "LINES": ["a", "b"]}


@pytest.fixture
def device() -> Iterator[SimulatedInstrument]:
    with SimulatedInstrument(ANSWERS) as device:
        yield device


def test_in_1305_a_copy_of_a_processs_error_still_tells_what_it_was_about(
    device: SimulatedInstrument,
) -> None:
    def process(env: simpy.WallClockEnvironment) -> Process:
        client = simpy.TCP(env, "127.0.0.1", device.port)
        yield client.write(b"LINES\n")
        with pytest.raises(ConnectionTimeoutError) as caught:
            yield client.readlines(3, timeout=0.05)
        for other in (copy.copy(caught.value), pickle.loads(pickle.dumps(caught.value))):
            assert (type(other), str(other)) == (ConnectionTimeoutError, str(caught.value))
            assert (other.operation, other.generation, other.sent) == ("readlines", 1, False)
            assert other.address == f"127.0.0.1:{device.port}"
        yield client.close()

    env = simpy.Environment()
    env.run(until=env.process(process(env)))


def run_in_trio(main: Any) -> Any:
    async def bounded() -> Any:
        with trio.fail_after(20.0):
            return await main()

    return trio.run(bounded)


def test_a_client_in_trio_is_entered_and_left(device: SimulatedInstrument) -> None:
    async def main() -> None:
        client = junto.trio.TCP("127.0.0.1", device.port)
        for _ in range(2):
            async with client as entered:
                assert entered is client
                assert await client.query("VOLT?") == "1.5"
                assert (await client.idn())[1] == "Box"
            assert not client.connected()
            await client.close()
        assert client.connection_counter == 2

    run_in_trio(main)


def test_a_client_in_trio_that_was_not_entered_says_what_to_do(device: SimulatedInstrument) -> None:
    async def main() -> None:
        client = junto.trio.TCP("127.0.0.1", device.port)
        with pytest.raises(RuntimeError, match="async with"):
            await client.query("VOLT?")
        with pytest.raises(RuntimeError, match="already"):
            async with client, client:
                pass
        assert not client.connected()

    run_in_trio(main)


def test_an_error_of_the_body_comes_out_as_it_is_in_trio(device: SimulatedInstrument) -> None:
    async def main() -> None:
        with pytest.raises(KeyError, match="mine"):
            async with junto.trio.TCP("127.0.0.1", device.port):
                raise KeyError("mine")

    run_in_trio(main)


def test_a_cancelled_query_in_trio_leaves_a_client_that_connects_again(device: SimulatedInstrument) -> None:
    async def main() -> None:
        async with junto.trio.TCP("127.0.0.1", device.port) as client:
            with trio.move_on_after(0.02) as scope:
                await client.query("mute, as it is unknown?")
            assert scope.cancelled_caught
            assert await client.query("VOLT?") == "1.5"

    run_in_trio(main)


def test_a_url_gives_a_client_of_trio(device: SimulatedInstrument) -> None:
    async def main() -> None:
        async with junto.trio.socket_for_url(f"tcp://127.0.0.1:{device.port}?timeout=2") as client:
            assert type(client) is junto.trio.TCP
            assert client.timeout == 2.0
            assert await client.query("VOLT?") == "1.5"
        async with trio.open_nursery() as nursery:
            async with junto.trio.socket_for_url("loop://", nursery=nursery) as echo:
                assert await echo.write_readline(b"a\n") == b"a\n"

    run_in_trio(main)


def test_a_serial_line_and_a_child_in_trio() -> None:
    async def main() -> None:
        with pseudo_terminal(lambda line: b"you said " + line + b"\n") as (path, _unplug):
            async with junto.trio.socket_for_url(f"serial://{path}?baudrate=115200&timeout=10") as line:
                assert await line.query("hello") == "you said hello"
        async with junto.trio.socket_for_url("exec:cat", timeout=10) as child:
            assert await child.query("hello") == "hello"

    run_in_trio(main)


def test_every_flavour_offers_the_same_names_for_instruments() -> None:
    """IN-100."""
    import junto.instrument.aio
    import junto.instrument.trio
    import junto.simpy.instruments

    names = set(junto.instrument.aio.__all__)
    for flavour, binding in ((junto.trio, junto.instrument.trio), (simpy, junto.simpy.instruments)):
        assert names <= set(binding.__all__)
        assert {name for name in names if not hasattr(flavour, name)} == set()


@pytest.fixture(params=["select", "poll", "epoll", "asyncio"])
def env(request: pytest.FixtureRequest) -> Iterator[simpy.WallClockEnvironment]:
    env = simpy.Environment(request.param)
    yield env
    env.close()


def run_in_simpy(env: simpy.WallClockEnvironment, process: Process) -> Any:
    return env.run(until=env.process(process))


def test_operations_in_simpy_are_events(env: Any, device: SimulatedInstrument) -> None:
    def process() -> Process:
        client = simpy.TCP(env, "127.0.0.1", device.port)
        assert (yield client.query("VOLT?")) == "1.5"
        either = client.query("*IDN?") | env.timeout(10.0)
        assert list((yield either).values()) == ["ACME,Box,1,0"]
        assert client.connected()
        yield client.close()
        assert not client.connected()

    run_in_simpy(env, process())


def test_a_url_gives_a_client_of_simpy(env: Any, device: SimulatedInstrument) -> None:
    def process() -> Process:
        client = simpy.socket_for_url(env, f"tcp://127.0.0.1:{device.port}?timeout=2")
        assert client.timeout == 2.0
        assert (yield client.query("VOLT?")) == "1.5"
        yield client.close()
        echo = simpy.socket_for_url(env, "loop://", eol=b"\r")
        assert (yield echo.write_readline(b"a\r")) == b"a\r"
        yield echo.close()

    run_in_simpy(env, process())


def test_a_serial_line_and_a_child_in_simpy(env: Any) -> None:
    def process(path: str) -> Process:
        line = simpy.socket_for_url(env, f"serial://{path}?baudrate=115200&timeout=10")
        assert (yield line.query("hello")) == "you said hello"
        yield line.close()
        child = simpy.socket_for_url(env, "exec:cat", timeout=10)
        assert (yield child.query("hello")) == "hello"
        yield child.close()

    with pseudo_terminal(lambda line: b"you said " + line + b"\n") as (path, _unplug):
        run_in_simpy(env, process(path))


def test_a_callback_in_simpy_sends_before_the_call_that_opened(env: Any, device: SimulatedInstrument) -> None:
    """IN-406."""

    def process() -> Process:
        def prepare() -> simpy.Future[None]:
            return client.command("INIT")

        client = simpy.TCP(env, "127.0.0.1", device.port, on_connection_made=prepare)
        assert (yield client.query("VOLT?")) == "1.5"
        yield client.close()

    run_in_simpy(env, process())
    assert device.requests == ["INIT", "VOLT?"]


def test_a_callback_in_simpy_may_be_a_process(env: Any, device: SimulatedInstrument) -> None:
    """IN-406."""
    ended = []

    def process() -> Process:
        def prepare() -> Process:
            yield client.command("ONE")
            yield env.timeout(0.001)
            yield client.command("TWO")

        def mourn(error: Exception | None) -> Process:
            yield env.timeout(0.001)
            ended.append(error)

        client = simpy.TCP(env, "127.0.0.1", device.port)
        client.on_connection_made = prepare
        client.on_connection_lost = mourn
        assert (yield client.query("VOLT?")) == "1.5"
        yield client.close()
        yield env.timeout(0.02)

    run_in_simpy(env, process())
    assert device.requests == ["ONE", "TWO", "VOLT?"]
    assert ended == [None]


def test_messages_of_a_protocol_in_simpy_are_events(env: Any, device: SimulatedInstrument) -> None:
    """IN-1210."""

    @protocol
    def short() -> Steps[bytes]:
        return (yield from read_until(b"\n", include=False))

    def process() -> Process:
        client = simpy.TCP(env, "127.0.0.1", device.port)
        yield client.write(b"VOLT?\n*IDN?\n")
        messages = client.stream(short)
        assert (yield messages.get()) == b"1.5"
        assert (yield messages.get()) == b"ACME,Box,1,0"
        yield client.close()

    run_in_simpy(env, process())


def test_an_error_in_simpy_tells_what_the_call_was_about(env: Any, device: SimulatedInstrument) -> None:
    """IN-1305: SimPy gives each process an error of its own, which must tell it, too."""

    def process() -> Process:
        client = simpy.TCP(env, "127.0.0.1", device.port, timeout=0.02)
        with pytest.raises(ConnectionTimeoutError) as raised:
            yield client.query("mute, as it is unknown?")
        assert raised.value.operation == "query"
        assert raised.value.sent
        assert raised.value.generation == 1
        assert not hasattr(raised.value, "anything_else")
        yield client.close()

    run_in_simpy(env, process())


def test_a_process_that_is_interrupted_gives_up_its_query(env: Any, device: SimulatedInstrument) -> None:
    client = simpy.TCP(env, "127.0.0.1", device.port)

    def asking() -> Process:
        try:
            yield client.query("mute, as it is unknown?")
        except simpy_interrupt():
            return "interrupted"
        return "answered"

    def process() -> Process:
        yield client.open()
        asked = env.process(asking())
        yield env.timeout(0.01)
        asked.interrupt()
        assert (yield asked) == "interrupted"
        assert (yield client.query("VOLT?")) == "1.5"
        yield client.close()

    run_in_simpy(env, process())


def simpy_interrupt() -> type[Exception]:
    from simpy import Interrupt

    return Interrupt


def test_a_time_limit_in_simpy_is_an_error_of_the_event(env: Any, device: SimulatedInstrument) -> None:
    def process() -> Process:
        client = simpy.TCP(env, "127.0.0.1", device.port)
        with pytest.raises(ConnectionTimeoutError):
            yield client.query("mute, as it is unknown?", timeout=0.02)
        assert (yield client.query("VOLT?")) == "1.5"
        yield client.close()

    run_in_simpy(env, process())


def test_a_transaction_in_simpy_has_the_client_for_itself(env: Any, device: SimulatedInstrument) -> None:
    order: list[str] = []

    def other(client: simpy.TCP) -> Process:
        yield client.query("VOLT?")
        order.append("other")

    def process() -> Process:
        client = simpy.TCP(env, "127.0.0.1", device.port)
        with (yield client.transaction()) as instrument:
            waiting = env.process(other(client))
            yield instrument.query("VOLT?")
            yield env.timeout(0.005)
            yield instrument.query("VOLT?")
            order.append("transaction")
        yield waiting
        yield client.close()

    run_in_simpy(env, process())
    assert order == ["transaction", "other"]


def test_lines_in_simpy_are_events_and_end(env: Any, device: SimulatedInstrument) -> None:
    def wait(lines: simpy.LineStream) -> Process:
        with pytest.raises(ConnectionClosedError):
            yield lines.get()

    def process() -> Process:
        client = simpy.TCP(env, "127.0.0.1", device.port)
        yield client.write(b"VOLT?\n*IDN?\n")
        lines = simpy.LineStream(client)
        assert (yield lines.get()) == b"1.5\n"
        assert (yield lines.get()) == b"ACME,Box,1,0\n"
        waiting = env.process(wait(lines))
        yield env.timeout(0.001)
        yield client.close()
        yield waiting

    run_in_simpy(env, process())
