"""The virtual network, in simulated time: S-014, S-039, S-041, S-052, S-053 and S-120 to S-132."""

from __future__ import annotations

import errno
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import simpy as plain
from simpy.core import EmptySchedule

from junto import expose, simpy
from junto.simpy import virtual
from junto.simpy.environments import Environment
from junto.simpy.messages import Message
from junto.simpy.packets import PacketUTF8

from .worlds import LOCAL, Process, read_all, write_all

TIMINGS = pytest.mark.parametrize("old_timing", [False, True], ids=["new", "old"])


def pair(env: Any, **sizes: int) -> tuple[Any, Any]:
    """Connect two sockets; return the one that connected, and the one that was accepted."""
    server = virtual.TCPSocket.server(env, LOCAL, **sizes)
    client = virtual.TCPSocket.connection(env, server.address, **sizes)
    accepted = env.run(until=server.accept())
    server.close()
    return client, accepted


def number_of(env: Any, event: Any) -> str:
    with pytest.raises(OSError) as caught:
        env.run(until=event)
    return errno.errorcode[caught.value.errno or 0]


# --- time ----------------------------------------------------------------------------------------


def test_s014_time_starts_at_0_or_where_it_is_told_and_moves_only_with_events() -> None:
    env = Environment("virtual")
    assert (env.now, Environment("virtual", initial_time=7.5).now) == (0, 7.5)
    start = time.monotonic()
    env.run(until=1e9)
    time.sleep(0.002)
    assert env.now == 1e9
    assert time.monotonic() - start < 5


def test_s014_times_are_as_exact_as_those_of_simpy() -> None:
    def clock(env: Any, delay: float) -> Process:
        for _ in range(50):
            yield env.timeout(delay)
            times.append(env.now)

    for delay in (0.1, 1e-10, 1 / 3, 1e-9, 12345.678):
        seen = []
        for env in (plain.Environment(), Environment("virtual")):
            times: list[float] = []
            env.process(clock(env, delay))
            env.process(clock(env, delay * 0.7))
            env.run()
            seen.append(times)
        assert seen[0] == seen[1]


def test_s014_a_run_ends_and_goes_on_as_simpys_does() -> None:
    env = Environment("virtual")
    seen: list[float] = []

    def tick() -> Process:
        while True:
            yield env.timeout(1)
            seen.append(env.now)

    ticking = env.process(tick())
    assert env.peek() == 0
    env.run(until=3)
    assert (env.now, seen) == (3, [1, 2])
    env.run(until=4.5)
    assert (env.now, seen) == (4.5, [1, 2, 3, 4])
    with pytest.raises(ValueError, match="until"):
        env.run(until=4.5)
    assert env.run(until=env.timeout(0.1, "value")) == "value"
    env.step()
    assert (env.now, seen[-1]) == (5, 5)
    ticking.interrupt()
    with pytest.raises(plain.Interrupt):
        env.run()
    assert env.run() is None
    with pytest.raises(EmptySchedule):
        env.step()
    with pytest.raises(RuntimeError, match="until"):
        env.run(until=env.event())


def test_s014_what_was_cancelled_lets_no_time_go_by() -> None:
    env = Environment("virtual")
    for timer in [env.call_later(60, pytest.fail, "cancelled") for _ in range(200)]:
        timer.cancel()
    env.timeout(3)
    env.run()
    assert env.now == 3


# --- sockets -------------------------------------------------------------------------------------


def test_s039_several_accepts_are_served_in_their_order() -> None:
    env = Environment("virtual")
    server = virtual.TCPSocket.server(env, LOCAL)
    accepts = [server.accept() for _ in range(3)]
    clients = [virtual.TCPSocket.connection(env, server.address) for _ in range(3)]
    for accept, client in zip(accepts, clients, strict=True):
        assert env.run(until=accept).peer_address == client.address
    left = [server.accept() for _ in range(3)]
    server.close()
    assert [number_of(env, accept) for accept in left] == ["EBADF"] * 3


def test_s041_connections_beyond_the_backlog_are_accepted_later_in_their_order() -> None:
    env = Environment("virtual")
    server = virtual.TCPSocket.server(env, LOCAL, 1)
    clients = [virtual.TCPSocket.connection(env, server.address) for _ in range(5)]
    clients[4].write(b"data")
    env.run()
    accepted = [env.run(until=server.accept()) for _ in range(5)]
    assert [sock.peer_address for sock in accepted] == [client.address for client in clients]
    assert env.run(until=accepted[4].read(10)) == b"data"


def test_s052_a_refused_connection_is_told_by_each_read_and_write() -> None:
    env = Environment("virtual")
    client = virtual.TCPSocket.connection(env, ("127.0.0.1", 7))
    for _ in range(2):
        assert number_of(env, client.read(1)) == "ECONNREFUSED"
        assert number_of(env, client.write(b"x")) == "ECONNREFUSED"


@pytest.mark.parametrize("host", ["10.11.12.13", "192.0.2.1", "elsewhere", "example.org"])
def test_s053_what_is_on_no_interface_is_unknown(host: str) -> None:
    sock = virtual.TCPSocket(Environment("virtual"))
    with pytest.raises(socket.gaierror) as caught:
        sock.connect((host, 80))
    assert caught.value.errno == socket.EAI_NONAME


def test_sockets_of_the_flavour_behave_as_in_real_time() -> None:
    env = Environment("virtual")
    sock = simpy.TCPSocket(env)
    with pytest.raises(ConnectionRefusedError):
        sock.connect(("127.0.0.1", 7))
    server = simpy.TCPSocket.server(env, LOCAL)
    sock.connect(server.address)
    sock.write(b"data")
    accepted = env.run(until=server.accept())
    assert env.run(until=accepted.read(10)) == b"data"
    assert env.now == 1


def test_s120_the_latency_is_asked_for_once_for_each_frame() -> None:
    asked = []

    def latency() -> float:
        asked.append(env.now)
        return 0.5

    env = Environment("virtual", loopback_latency=latency)
    client, accepted = pair(env)
    assert asked == []
    client.write(b"one")
    assert env.run(until=accepted.read(10)) == b"one"
    assert env.now == 0.5
    accepted.write(b"two")
    env.run()
    client.close()
    env.run()
    assert asked == [0, 0.5, 1.5]
    assert env.now == 2


def test_s120_ports_are_private_to_an_environment() -> None:
    first, second = Environment("virtual"), Environment("virtual")
    server = virtual.TCPSocket.server(first, ("127.0.0.1", 80))
    other = virtual.TCPSocket.connection(second, ("127.0.0.1", 80))
    assert number_of(second, other.read(1)) == "ECONNREFUSED"
    virtual.TCPSocket.server(second, ("127.0.0.1", 80))
    assert server.address == ("127.0.0.1", 80)


def test_s121_ports_are_given_from_1_upwards_and_each_end_has_its_own() -> None:
    env = Environment("virtual")
    taken = virtual.TCPSocket.server(env, ("127.0.0.1", 2))
    server = virtual.TCPSocket.server(env, LOCAL)
    assert server.address == ("127.0.0.1", 1)
    client = virtual.TCPSocket.connection(env, server.address)
    accepted = env.run(until=server.accept())
    assert (client.address, client.peer_address) == (("127.0.0.1", 3), server.address)
    assert (accepted.address, accepted.peer_address) == (("127.0.0.1", 4), client.address)
    assert taken.address[1] == 2


def test_s122_connecting_takes_no_time() -> None:
    env = Environment("virtual")
    server = virtual.TCPSocket.server(env, LOCAL)
    accept = server.accept()

    def connect() -> Process:
        yield env.timeout(3)
        virtual.TCPSocket.connection(env, server.address)

    env.process(connect())
    env.run(until=accept)
    assert env.now == 3


def test_s123_s124_a_write_takes_what_the_buffer_has_room_for_and_then_waits() -> None:
    env = Environment("virtual")
    client, accepted = pair(env)
    assert env.run(until=client.write(bytes(10_000))) == 4096  # on its way
    assert env.run(until=client.write(bytes(10_000))) == 4096  # in the buffer
    waiting = client.write(bytes(10_000))
    env.run(until=1.5)
    assert not waiting.triggered
    env.process(read_all(accepted, 12_288))
    assert env.run(until=waiting) == 4096
    assert env.now == 2

    client, accepted = pair(env, max_buffer_size=100)
    assert env.run(until=client.write(bytes(1000))) == 100
    small, accepted = pair(env, max_buffer_size=100, max_segment_size=10)
    assert env.run(until=small.write(bytes(1000))) == 100
    assert len(env.run(until=accepted.read(1000))) == 10


def test_s125_one_frame_is_on_its_way_at_a_time() -> None:
    env = Environment("virtual")
    client, accepted = pair(env, max_segment_size=10)
    arrivals = []

    def read() -> Process:
        while env.now < 7:
            data = yield accepted.read(100)
            arrivals.append((env.now, len(data)))

    env.run(until=client.write(bytes(35)))
    env.run(until=env.process(read()))
    assert arrivals == [(1, 10), (3, 10), (5, 10), (7, 5)]


def test_s125_a_full_receiver_accepts_nothing_until_it_is_read() -> None:
    env = Environment("virtual")
    client, accepted = pair(env, max_buffer_size=100)
    written = []

    def write() -> Process:
        while True:
            size = yield client.write(bytes(100))
            written.append((env.now, size))

    env.process(write())
    env.run(until=50)
    assert sum(size for _, size in written) == 300  # read, arrived, and to be sent
    assert len(env.run(until=accepted.read(30))) == 30
    assert len(env.run(until=accepted.read(1000))) == 100
    env.run(until=100)
    assert written[3][0] == 51


@TIMINGS
def test_s126_a_read_that_is_started_after_the_arrival_succeeds_at_once(old_timing: bool) -> None:
    env = Environment("virtual", old_timing=old_timing)
    client, accepted = pair(env)
    client.write(b"data")
    env.run(until=1.25)
    assert env.run(until=accepted.read(10)) == b"data"
    assert env.now == 1.25


@TIMINGS
def test_s126_a_pending_read_succeeds_with_the_arrival_or_of_old_with_its_acknowledgement(
    old_timing: bool,
) -> None:
    env = Environment("virtual", old_timing=old_timing)
    client, accepted = pair(env)
    client.write(b"data")
    assert env.run(until=accepted.read(10)) == b"data"
    assert env.now == (2 if old_timing else 1)


@pytest.mark.parametrize(
    ("old_timing", "expected"), [(True, (4, 10, 16)), (False, (2, 8, 14))], ids=["old", "new"]
)
def test_s127_round_trips_of_messages_take_as_long_as_they_did(
    old_timing: bool, expected: tuple[float, ...]
) -> None:
    def serve(server: Any) -> Process:
        message = Message(server.env, PacketUTF8((yield server.accept())))
        while True:
            request = yield message.recv()
            request.succeed(request.content)

    def ask(env: Any, address: Any, sizes: list[int]) -> Process:
        message = Message(env, PacketUTF8(virtual.TCPSocket.connection(env, address)))
        yield env.all_of([message.send("x" * size) for size in sizes])
        return env.now

    times = []
    for sizes in ([10], [3000] * 4, [16_000]):
        env = Environment("virtual", old_timing=old_timing)
        server = virtual.TCPSocket.server(env, LOCAL)
        env.process(serve(server))
        times.append(env.run(until=env.process(ask(env, server.address, sizes))))
    assert tuple(times) == expected


def test_s128_closing_sends_what_is_buffered_and_then_an_end_frame() -> None:
    env = Environment("virtual")
    client, accepted = pair(env, max_segment_size=10)
    env.run(until=client.write(bytes(15)))
    client.close()
    env.run(until=4)
    ended = accepted.read(100)
    assert env.run(until=ended) == bytes(15)  # 10 at 1, 5 at 3
    assert number_of(env, accepted.read(1)) == "ECONNRESET"
    assert env.now == 5  # the end frame left when the second one was acknowledged, at 4


def test_s128_what_arrived_before_the_end_stays_readable() -> None:
    env = Environment("virtual")
    client, accepted = pair(env)
    client.write(b"last words")
    client.close()
    env.run(until=100)
    assert env.run(until=accepted.read(4)) == b"last"
    assert env.run(until=accepted.read(100)) == b" words"
    assert number_of(env, accepted.read(1)) == "ECONNRESET"
    assert env.now == 100


def test_s129_the_first_write_after_the_peers_end_may_succeed_and_a_later_one_fails() -> None:
    env = Environment("virtual")
    client, accepted = pair(env)
    accepted.close()
    env.run(until=1.5)
    assert env.run(until=client.write(b"x")) == 1
    env.run(until=4)
    assert number_of(env, client.write(b"x")) == "EPIPE"


def test_s130_closing_fails_what_is_pending_in_the_same_instant() -> None:
    env = Environment("virtual")
    client, accepted = pair(env)
    for _ in range(3):  # one on its way, one arrived, and one in the buffer
        env.run(until=client.write(bytes(4096)))
    pending = client.write(b"x")
    env.run(until=5)
    reading = client.read(1)
    client.close()
    assert [number_of(env, event) for event in (reading, pending)] == ["EBADF", "EBADF"]
    assert env.now == 5
    accepted.close()


def scenario(env: Any) -> list[Any]:
    """Do a bit of everything; return what happened when."""
    seen: list[Any] = []
    server = virtual.TCPSocket.server(env, LOCAL)

    def serve() -> Process:
        for _ in range(4):
            sock = yield server.accept()
            env.process(echo(sock))

    def echo(sock: Any) -> Process:
        try:
            while True:
                data = yield sock.read(1000)
                seen.append((env.now, "echo", len(data)))
                yield from write_all(sock, data)
        except ConnectionError as error:
            seen.append((env.now, str(error)))

    def ask(number: int) -> Process:
        yield env.timeout(number * 0.3)
        sock = virtual.TCPSocket.connection(env, server.address)
        data = bytes(700 * (number + 1))
        env.process(write_all(sock, data))
        yield from read_all(sock, len(data))
        seen.append((env.now, number, sock.address))
        sock.close()

    env.process(serve())
    for number in range(4):
        env.process(ask(number))
    env.run()
    return seen


@TIMINGS
def test_s131_two_runs_are_equal(old_timing: bool) -> None:
    first, second = (scenario(Environment("virtual", old_timing=old_timing)) for _ in range(2))
    assert first == second
    assert len(first) > 15


# --- what lives above it -------------------------------------------------------------------------


class Service:
    def __init__(self, env: Any) -> None:
        self.env = env

    @expose
    def add(self, a: int, b: int) -> int:
        return a + b

    @expose
    def slow(self, delay: float) -> Process:
        yield self.env.timeout(delay)
        return self.env.now

    @expose
    def thread(self) -> str:
        time.sleep(0.002)
        return threading.current_thread().name


def call(env: Any, *path_and_args: Any, **options: Any) -> Any:
    """Call a method of a service in the same environment; return what it returned, and the time."""

    def run() -> Process:
        server = yield simpy.serve(env, Service(env), "tcp://127.0.0.1:0", **options)
        peer = yield simpy.connect(env, server.addresses[0])
        name, *args = path_and_args
        start = env.now
        result = yield getattr(peer.remote, name)(*args)
        elapsed = env.now - start
        yield peer.close()
        yield server.close()
        return result, elapsed

    return env.run(until=env.process(run()))


def test_calls_of_procedures_take_simulated_time() -> None:
    assert call(Environment("virtual"), "add", 1, 2) == (3, 2)
    assert call(Environment("virtual", old_timing=True), "add", 1, 2) == (3, 4)
    _, elapsed = call(Environment("virtual"), "slow", 3600)
    assert elapsed == 3602


def test_what_runs_in_a_worker_thread_takes_no_simulated_time() -> None:
    name, elapsed = call(Environment("virtual"), "thread", workers=1)
    assert elapsed == 2
    assert name != threading.current_thread().name


def test_an_environment_waits_for_other_threads_that_it_is_held_for() -> None:
    env = Environment("virtual")
    done = []
    env.hold()

    def finish() -> None:
        done.append(threading.current_thread())
        env.release()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: (time.sleep(0.1), env.call_soon_threadsafe(finish)))
        env.run()
    assert done == [threading.current_thread()]


def test_what_another_thread_has_brought_is_done_before_time_stands_still_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    env = Environment("virtual")
    waits: list[bool] = []
    wait = env._wait_for_errand

    def step(left: int) -> None:
        if left:
            env.call_soon(step, left - 1)
        else:
            env.release()

    with ThreadPoolExecutor(1) as pool:

        def count(patience: float | None) -> bool:
            if waits:
                waits.append(False)
            else:
                pool.submit(env.call_soon_threadsafe, step, 3)
                waits.append(wait(5.0))
            return waits[-1]

        monkeypatch.setattr(env, "_wait_for_errand", count)
        env.hold()
        env.run()
    assert waits == [True]


def test_closing_the_environment_closes_its_sockets() -> None:
    env = Environment("virtual")
    client, accepted = pair(env)
    pending = client.read(1)
    env.close()
    env.close()
    assert number_of(env, pending) == "EBADF"
    with pytest.raises(OSError, match="Bad file"):
        _ = accepted.address
    with pytest.raises(RuntimeError, match="closed"):
        virtual.TCPSocket.server(env, LOCAL).accept()


def test_options_are_those_of_the_virtual_network() -> None:
    with pytest.raises(TypeError, match="loopback_latency"):
        Environment("select", loopback_latency=lambda: 1.0)  # type: ignore[call-overload]  # that is it
