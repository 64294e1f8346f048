"""Section 14 of the statements: the blocking client and its futures."""

from __future__ import annotations

import asyncio
import concurrent.futures
import inspect
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from junto import aio, sync
from junto.instrument.connection import Connection
from junto.instrument.errors import ConnectionClosedError, ConnectionTimeoutError
from junto.instrument.script import NO_ANSWER, Pause
from junto.instrument.simulated import SimulatedInstrument
from junto.runtimes.hosting import HostedRuntime
from junto.runtimes.threads import ThreadsRuntime

ANSWERS = {"who?": "ACME", "mute": NO_ANSWER, "slow?": [Pause(0.2), "late"], "echo *": lambda rest: rest}


@pytest.fixture
def device() -> Iterator[SimulatedInstrument]:
    with SimulatedInstrument(ANSWERS) as device:
        yield device


@pytest.fixture
def client(device: SimulatedInstrument) -> Iterator[sync.TCP]:
    client = sync.TCP("127.0.0.1", device.port, timeout=10)
    yield client
    client.close()


OPERATIONS = [
    name
    for name, member in inspect.getmembers(aio.TCP, inspect.iscoroutinefunction)
    if not name.startswith("_")
]


def test_in_1401_in_1402_in_1411_the_same_operations_in_each_form() -> None:
    assert len(OPERATIONS) > 25
    for name in [*OPERATIONS, "close"]:
        for kind in (sync.TCP, sync.FuturesTCP):
            method = getattr(kind, name)
            assert method.__doc__
            if name != "close":
                ours, theirs = inspect.signature(method), inspect.signature(getattr(aio.TCP, name))
                assert list(ours.parameters) == list(theirs.parameters)
                assert not inspect.iscoroutinefunction(method)
    for name in ("transaction", "iter_block", "__iter__", "__enter__", "__exit__"):
        assert hasattr(sync.TCP, name)


def test_in_1402_futures_and_plain_answers(device: SimulatedInstrument) -> None:
    client: Any = sync.TCP("127.0.0.1", device.port, resolve_futures=False)
    assert isinstance(client, sync.FuturesTCP)
    asking = client.query("who?")
    assert isinstance(asking, concurrent.futures.Future)
    assert asking.result(10) == "ACME"
    assert client.open().exception(10).args == (f"already open: 127.0.0.1:{device.port}",)
    assert (client.connected(), client.in_waiting(), client.at_eof(), client.is_open) == (
        True,
        0,
        False,
        True,
    )
    assert client.reset_input_buffer() is None
    assert client.eol == b"\n"
    many = [client.query(f"echo {n}") for n in range(50)]
    assert [future.result(10) for future in many] == [str(n) for n in range(50)]
    with pytest.raises(TypeError):
        client.write("text").result(10)
    client.close().result(10)


def test_in_1403_threads_share_a_client(client: sync.TCP) -> None:
    wrong: list[Any] = []

    def ask(number: int) -> None:
        for n in range(20):
            text = f"{number}-{n}"
            reply = client.query(f"echo {text}")
            if reply != text:
                wrong.append((text, reply))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert wrong == []
    assert client.connection_counter == 1


def test_in_1404_cancelling_a_future_cancels_the_call(device: SimulatedInstrument) -> None:
    client = sync.FuturesTCP("127.0.0.1", device.port)
    pending = client.write_readline(b"mute\n")
    queued = client.write_readline(b"echo 1\n")
    while not device.requests:
        time.sleep(0.001)
    assert queued.cancel()
    assert pending.cancel()
    assert pending.cancelled()
    assert client.query("who?").result(10) == "ACME"
    assert client.connection_counter == 2
    assert "echo 1" not in device.requests
    client.close().result(10)


def test_in_1405_a_client_is_of_a_real_class(device: SimulatedInstrument) -> None:
    class Scale(sync.TCP):
        def weight(self) -> float:
            return float(self.query("echo 2.5"))

    with Scale("127.0.0.1", device.port) as scale:
        assert isinstance(scale, sync.TCP)
        assert scale.weight() == 2.5
    with pytest.raises(TypeError):
        pickle.dumps(sync.TCP("127.0.0.1", 1))
    assert "timeout" in inspect.signature(sync.TCP.write_readline).parameters


CTRL_C = """
import os, signal, sys, threading, time
from junto import sync
client = sync.TCP("127.0.0.1", int(sys.argv[1]))
client.open()
def interrupt():
    time.sleep(0.2)
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=interrupt, daemon=True).start()
begin = time.monotonic()
try:
    client.query("mute")
except KeyboardInterrupt:
    assert time.monotonic() - begin < 2, "it took long"
    assert not client.connected()
    print(client.query("who?"), client.connection_counter)
client.close()
"""


def run_program(program: str, *args: str, code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, *args],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stderr) == (code, ""), done.stderr
    return done.stdout


def test_in_1406_ctrl_c_ends_a_call_and_the_next_one_works(device: SimulatedInstrument) -> None:
    assert run_program(CTRL_C, str(device.port)) == "ACME 2\n"


def test_in_1406_another_threads_call_goes_on_after_ctrl_c(device: SimulatedInstrument) -> None:
    program = """
import os, signal, sys, threading, time
from junto import sync
client = sync.TCP("127.0.0.1", int(sys.argv[1]))
other = sync.TCP("127.0.0.1", int(sys.argv[1]))
results = []
thread = threading.Thread(target=lambda: results.append(other.query("slow?")))
thread.start()
threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    client.query("mute")
except KeyboardInterrupt:
    pass
thread.join(5)
print(results)
client.close(); other.close()
"""
    assert run_program(program, str(device.port)) == "['late']\n"


def test_in_1407_a_callback_of_a_blocking_client_never_deadlocks(device: SimulatedInstrument) -> None:
    seen: list[Any] = []

    def lost(_error: Any) -> None:
        try:
            seen.append(client.query("who?"))
        except RuntimeError as error:
            seen.append(type(error))

    client = sync.TCP("127.0.0.1", device.port, on_connection_lost=lost, timeout=10)
    assert client.query("who?") == "ACME"
    client.close()
    assert seen == [RuntimeError]


def test_in_1407_a_callback_of_futures_never_deadlocks(device: SimulatedInstrument) -> None:
    seen: list[Any] = []

    def made() -> None:
        seen.append(client.query("who?").result(10))

    def lost(_error: Any) -> None:
        asking = client.query("who?")
        try:
            asking.result(10)
        except RuntimeError as error:
            seen.append(type(error))
        seen.append(asking)

    client = sync.FuturesTCP("127.0.0.1", device.port, on_connection_made=made, on_connection_lost=lost)
    assert client.query("who?").result(10) == "ACME"
    client.close().result(10)
    assert seen[:2] == ["ACME", RuntimeError]
    assert seen[2].result(10) == "ACME"
    client.on_connection_lost = None
    client.close().result(10)


def test_in_1407_one_clients_callback_freezes_no_other(device: SimulatedInstrument) -> None:
    go_on = threading.Event()
    slow = sync.TCP("127.0.0.1", device.port, on_connection_made=lambda: go_on.wait(10))
    quick = sync.TCP("127.0.0.1", device.port, timeout=5)
    thread = threading.Thread(target=slow.open)
    thread.start()
    assert quick.query("who?") == "ACME"
    go_on.set()
    thread.join(10)
    slow.close()
    quick.close()


def test_in_1408_state_can_be_asked_for_from_any_thread(client: sync.TCP) -> None:
    stop = threading.Event()
    errors: list[BaseException] = []

    def look() -> None:
        try:
            while not stop.is_set():
                client.connected()
                client.in_waiting()
                client.at_eof()
                repr(client)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for n in range(200):
        assert client.query(f"echo {n}") == str(n)
    stop.set()
    for thread in threads:
        thread.join(10)
    assert errors == []


def test_in_1409_an_interpreter_with_an_open_client_ends(device: SimulatedInstrument) -> None:
    for form in (
        "client.query('who?')",
        "client.query('who?').result()",
        "(client.query('who?').result(), client.close().result())[0]",
    ):
        kind = "sync.FuturesTCP" if "result" in form else "sync.TCP"
        program = f"""
import sys, warnings
warnings.simplefilter("ignore", ResourceWarning)
from junto import sync
client = {kind}("127.0.0.1", int(sys.argv[1]))
print({form})
"""
        done = subprocess.run(
            [sys.executable, "-c", program, str(device.port)],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "ACME\n", "")


@pytest.mark.parametrize("kind", ["TCP", "FuturesTCP"])
def test_in_1409_after_fork_the_child_connects_anew(device: SimulatedInstrument, kind: str) -> None:
    program = f"""
import os, sys
from junto import sync
client = sync.{kind}("127.0.0.1", int(sys.argv[1]))
def ask():
    reply = client.query("who?", timeout=5)
    return reply if isinstance(reply, str) else reply.result(10)
ask()
child = os.fork()
if not child:
    code = 0 if ask() == "ACME" and client.connection_counter == 2 else 1
    os._exit(code)
_, status = os.waitpid(child, 0)
assert status == 0, status
assert ask() == "ACME" and client.connection_counter == 1
done = client.close()
if done is not None:
    done.result()
print("fine")
"""
    assert run_program(program, str(device.port)) == "fine\n"
    assert device.connections == 2


def test_in_1409_a_runtime_of_ones_own_can_end_and_be_replaced(device: SimulatedInstrument) -> None:
    runtime = ThreadsRuntime()
    runtime.start_thread("pump")
    client = sync.FuturesTCP("127.0.0.1", device.port, runtime=runtime)
    assert client.query("who?").result(10) == "ACME"
    pending = client.write_readline(b"mute\n")
    runtime.close()
    with pytest.raises(BaseException):  # noqa: B017  # it was cancelled with its runtime, or failed
        pending.result(10)
    with pytest.raises(ConnectionError):
        client.query("who?")


@contextmanager
def running_loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def test_in_1412_somebody_elses_event_loop_can_be_the_host(device: SimulatedInstrument) -> None:
    made: list[str] = []
    with running_loop() as loop:
        host = HostedRuntime(loop)
        client = sync.TCP(
            "127.0.0.1",
            device.port,
            runtime=host,
            on_connection_made=lambda: made.append(client.query("who?")),
        )
        assert client.query("echo 1") == "1"
        assert made == ["ACME"]
        with pytest.raises(ConnectionTimeoutError):
            client.query("mute", timeout=0.02)
        assert client.query("echo 2") == "2"

        async def inside() -> None:
            with pytest.raises(RuntimeError, match="cannot block"):
                client.query("who?")

        asyncio.run_coroutine_threadsafe(inside(), loop).result(10)
        futures = sync.FuturesTCP("127.0.0.1", device.port, runtime=host)
        assert futures.query("who?").result(10) == "ACME"
        futures.close().result(10)
        client.close()
    with pytest.raises(ConnectionError):
        client.query("who?")


def test_in_1410_reading_lines_costs_no_system_call_per_byte(
    client: sync.TCP, monkeypatch: pytest.MonkeyPatch
) -> None:
    received: list[int] = []
    inner = Connection.buffer_updated

    def counting(connection: Connection, size: int) -> None:
        received.append(size)
        inner(connection, size)

    monkeypatch.setattr(Connection, "buffer_updated", counting)
    assert client.query("echo " + "x" * 1000) == "x" * 1000
    assert 1 <= len(received) <= 2


def test_in_1411_iteration_transactions_and_contexts(device: SimulatedInstrument) -> None:
    with sync.TCP("127.0.0.1", device.port, timeout=5) as client:
        with client.transaction() as t:
            assert t.query("who?") == "ACME"
            with t.transaction() as again:
                assert again.query("echo a") == "a"
        client.write(b"echo 1\necho 2\n")
        for line in client:
            if line == b"2\n":
                break
        stream = sync.LineStream(client)
        client.write(b"echo 3\necho 4\n")
        got: list[bytes] = []
        for batch in stream.batch():
            got += batch
            if len(got) == 2:
                break
        assert got == [b"3\n", b"4\n"]
    assert not client.connected()


def test_calls_that_wait_in_threads_end_when_another_closes(
    client: sync.TCP, device: SimulatedInstrument
) -> None:
    errors: list[
        type
    ] = []  # no exceptions: their frames have this list, and would keep the client in a circle

    def wait() -> None:
        try:
            client.query("mute", timeout=None)
        except ConnectionError as error:
            errors.append(type(error))

    threads = [threading.Thread(target=wait) for _ in range(3)]
    for thread in threads:
        thread.start()
    while not device.requests:
        time.sleep(0.001)
    time.sleep(0.02)
    client.close()
    for thread in threads:
        thread.join(10)
    assert errors == [ConnectionClosedError] * 3
