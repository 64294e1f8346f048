"""The SimPy flavour: what it adds to the layers, which the conformance scenarios test."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import AsyncIterator, Generator, Iterator
from typing import Any

import pytest
import simpy as simpys_own
from simpy import Interrupt

from junto import MOSAIK, ServiceDict, expose, simpy, sync
from junto.errors import ConnectionFailed, ConnectionLost, RemoteError, RequestTimeout

from .conftest import BACKENDS, Process

HERE = "tcp://127.0.0.1:0"


class Math:
    def __init__(self, env: Any) -> None:
        self.env = env
        self.closed = 0
        self.interrupts: list[Any] = []

    @expose
    def add(self, a: int, b: int) -> int:
        return a + b

    @expose
    def slow(self, seconds: float) -> Generator[Any, Any, str]:
        try:
            yield self.env.timeout(seconds)
        except Interrupt as interrupt:
            self.interrupts.append(interrupt.cause)
        return "done"

    @expose
    async def slow_flow(self, seconds: float) -> str:
        return await simpy.wait(self.env.timeout(seconds, "flowed"))  # type: ignore[no-any-return]  # a text

    @expose
    def event(self, seconds: float) -> Any:
        return self.env.timeout(seconds, "happened")

    @expose
    def fail(self) -> Generator[Any, Any, None]:
        yield self.env.timeout(0)
        raise ValueError("of the process")

    @expose
    def count(self, to: int) -> Iterator[int]:
        try:
            yield from range(to)
        finally:
            self.closed += 1

    @expose
    def count_slowly(self, to: int) -> Generator[Any, Any, None]:
        try:
            for number in range(to):
                yield self.env.timeout(0)
                yield number
        finally:
            self.closed += 1

    @expose
    async def count_in_a_flow(self, to: int) -> AsyncIterator[int]:
        try:
            for number in range(to):
                await simpy.wait(self.env.timeout(0))
                yield number
        finally:
            self.closed += 1


def collect(stream: Any) -> Process:
    items = []
    while True:
        try:
            items.append((yield stream.get()))
        except simpy.EndOfStream:
            return items


def echo(content: Any) -> Any:
    return content


# Opening and closing.


def test_the_first_example_of_the_readme(env: Any, run: Any) -> None:
    def process() -> Process:
        with (yield simpy.serve(env, Math(env), HERE)) as server:
            peer = yield simpy.connect(env, server.addresses[0])
            assert (yield peer.remote.add(3, 4)) == 7
            result = yield peer.remote.add(1, 2) | env.timeout(3)
            assert list(result.values()) == [3]
            yield peer.close()

    run(process())


def test_operations_are_begun_outside_of_run_and_in_callbacks_too(env: Any, run: Any) -> None:
    server = env.run(until=simpy.serve(env, Math(env), HERE))
    peer = env.run(until=simpy.connect(env, server.addresses[0]))
    assert env.run(until=peer.remote.add(1, 2)) == 3
    sums: list[Any] = []
    timer = env.timeout(0.001)
    timer.callbacks.append(
        lambda _event: peer.remote.add(3, 4).callbacks.append(lambda e: sums.append(e.value))
    )
    env.run(until=env.timeout(0.1))
    assert sums == [7]
    closing = peer.close() & server.close()

    def process() -> Process:
        yield closing

    run(process())


def test_a_block_closes_in_order_what_it_entered(env: Any, run: Any) -> None:
    def process() -> Process:
        math = Math(env)
        with (yield simpy.serve(env, math, HERE)) as server:
            with (yield simpy.connect(env, server.addresses[0])) as peer:
                assert (yield peer.remote.add(3, 4)) == 7
                slow = peer.remote.slow(0.01)
            assert peer.is_closing()
            with pytest.raises(ConnectionLost):
                yield slow
            yield peer.wait_closed()
            with pytest.raises(KeyError):
                with (yield simpy.connect(env, server.addresses[0])) as peer:
                    raise KeyError
            yield peer.wait_closed()
        yield server.wait_closed()

    run(process())


def test_a_block_that_the_end_of_the_program_leaves_ends_the_connection_at_once(env: Any, run: Any) -> None:
    def process() -> Process:
        with (yield simpy.serve(env, Math(env), HERE)) as server:
            with pytest.raises(KeyboardInterrupt):
                with (yield simpy.connect(env, server.addresses[0])) as peer:
                    raise KeyboardInterrupt
            assert peer.is_closing()

    run(process())


def test_closing_twice_is_fine_and_using_after_closing_raises(env: Any, run: Any) -> None:
    def process() -> Process:
        server = yield simpy.serve_channels(env, echo, HERE)
        channel = yield simpy.open_channel(env, server.addresses[0])
        yield channel.close()
        yield channel.close()
        with pytest.raises(ConnectionLost):
            channel.request(1)
        yield server.close()
        yield server.close()
        with pytest.raises(ConnectionFailed):
            yield simpy.open_channel(env, server.addresses[0])

    run(process())


def test_an_opening_that_fails_raises_where_it_is_waited_for(env: Any, run: Any) -> None:
    def process() -> Process:
        with pytest.raises(ConnectionFailed):
            yield simpy.connect(env, "unix:///nowhere/at/all")
        with pytest.raises(ValueError, match="nonsense"):
            yield simpy.connect(env, "nonsense")
        with pytest.raises(ValueError, match="max_pending"):
            simpy.connect(env, HERE, max_pending=0)
        with pytest.raises(TypeError):
            simpy.connect(env, HERE, no_such_option=1)  # type: ignore[call-arg]
        with pytest.raises(TypeError, match=r"junto\.simpy\.Environment"):
            simpy.connect(simpys_own.Environment(), HERE)  # type: ignore[arg-type]

    run(process())


def test_an_opening_that_nobody_waits_for_ends_run_if_it_fails(env: Any) -> None:
    simpy.connect(env, "unix:///nowhere/at/all")
    with pytest.raises(ConnectionFailed):
        env.run()


@pytest.mark.parametrize("steps", range(12))
def test_an_opening_that_is_given_up_leaves_nothing(env: Any, run: Any, steps: int) -> None:
    def opener(address: Any) -> Process:
        try:
            yield simpy.connect(env, address)
        except Interrupt:
            return "interrupted"
        # Nothing more is said of a peer that was opened.
        return "opened"

    def process() -> Process:
        server = yield simpy.serve(env, Math(env), HERE)
        opening = env.process(opener(server.addresses[0]))
        for _ in range(steps):
            yield env.timeout(0)
        if opening.is_alive:
            opening.interrupt()
            assert (yield opening) == "interrupted"
            while server.connections:
                yield env.timeout(0.001)
        yield server.close()

    run(process())


def test_an_opening_can_be_cancelled(env: Any, run: Any) -> None:
    def process() -> Process:
        opening = simpy.connect(env, "tcp://127.0.0.1:1", timeout=None)
        assert opening not in (yield opening | env.timeout(0.02))
        assert opening.cancel()
        with pytest.raises(simpy.Cancelled):
            yield opening

    run(process())


# Calls.


def test_every_kind_of_handler_answers(env: Any, run: Any) -> None:
    def process() -> Process:
        math = Math(env)
        with (
            (yield simpy.serve(env, math, HERE)) as server,
            (yield simpy.connect(env, server.addresses[0])) as peer,
        ):
            remote = peer.remote
            assert (yield remote.slow(0.001)) == "done"
            assert (yield remote.slow_flow(0.001)) == "flowed"
            assert (yield remote.event(0.001)) == "happened"
            with pytest.raises(RemoteError, match="of the process") as caught:
                yield remote.fail()
            assert caught.value.type_name == "ValueError"
            with pytest.raises(RemoteError, match="nothing is offered"):
                yield remote.nothing()
            calls = [remote.add(number, 1) for number in range(50)]
            assert list((yield env.all_of(calls)).values()) == list(range(1, 51))

    run(process())


def test_processes_of_several_calls_run_beside_each_other(env: Any, run: Any) -> None:
    def process() -> Process:
        with (
            (yield simpy.serve(env, Math(env), HERE)) as server,
            (yield simpy.connect(env, server.addresses[0])) as peer,
        ):
            start = env.now
            yield env.all_of([peer.remote.slow(0.1) for _ in range(20)])
            assert env.now - start < 1.0

    run(process())


def test_with_workers_plain_functions_and_generators_run_in_threads(env: Any, run: Any) -> None:
    def process() -> Process:
        with (
            (yield simpy.serve(env, Math(env), HERE, workers=2)) as server,
            (yield simpy.connect(env, server.addresses[0])) as peer,
        ):
            assert (yield peer.remote.add(1, 2)) == 3
            assert (yield from collect((yield peer.remote.count(50)))) == list(range(50))
            # In a thread no event can be waited for; a flow can do that.
            assert (yield peer.remote.slow_flow(0.001)) == "flowed"
            stream = yield peer.remote.slow(0.001)
            with pytest.raises(RemoteError, match="Timeout"):
                yield stream.get()

    run(process())


def test_the_long_form_of_a_call_and_what_else_a_peer_can_do(env: Any, run: Any) -> None:
    def process() -> Process:
        with (
            (yield simpy.serve(env, Math(env), HERE)) as server,
            (yield simpy.connect(env, server.addresses[0])) as peer,
        ):
            assert (yield peer.call("add", 1, 2, returns=int)) == 3
            assert (yield peer.call("add", kwargs={"a": 1, "b": 2})) == 3
            assert (yield peer.ping()) >= 0
            assert "add" in [function["path"] for function in (yield peer.describe())]
            assert "127.0.0.1" in repr(peer)
            peer.notify("add", 1, 2)
            assert (yield peer.channel.request(["add", [1, 2], {}])) == 3
            with pytest.raises(RequestTimeout):
                yield peer.remote.slow(0.2, timeout=0.001)

    run(process())


def test_a_dictionary_is_a_service_too(env: Any, run: Any) -> None:
    @expose
    def hello(name: str) -> str:
        return f"hello {name}"

    def process() -> Process:
        for service in ({"hello": hello}, ServiceDict(hello=hello)):
            with (
                (yield simpy.serve(env, service, HERE)) as server,
                (yield simpy.connect(env, server.addresses[0])) as peer,
            ):
                assert (yield peer.remote.hello("you")) == "hello you"

    run(process())


def test_both_sides_call_each_other(env: Any, run: Any) -> None:
    class Client:
        @expose
        def double(self, number: int) -> Generator[Any, Any, int]:
            yield env.timeout(0)
            return number * 2

    class Server:
        @expose
        def through(self, client: Any, number: int) -> Generator[Any, Any, Any]:
            return (yield client.double(number))

    def process() -> Process:
        client = Client()
        with (
            (yield simpy.serve(env, Server(), HERE)) as server,
            (yield simpy.connect(env, server.addresses[0], service=client)) as peer,
        ):
            assert (yield peer.remote.through(client, 21)) == 42
            (other,) = server.connections
            assert (yield other.remote.double(4)) == 8
            assert other == server.connections[0]
            assert other != peer
            assert len({other, server.connections[0]}) == 1

    run(process())


def test_connected_may_be_a_function_a_process_or_a_flow(env: Any, run: Any) -> None:
    seen: list[Any] = []

    def function(peer: simpy.Peer) -> None:
        seen.append(type(peer))

    def generator(peer: simpy.Peer) -> Process:
        seen.append((yield peer.remote.double(1)))

    async def flow(peer: simpy.Peer) -> None:
        seen.append(await peer.remote.double(2))

    def process() -> Process:
        for connected in (function, generator, flow):
            with (yield simpy.serve(env, Math(env), HERE, connected=connected)) as server:
                client = {"double": expose(lambda number: number * 2)}
                with (yield simpy.connect(env, server.addresses[0], service=client)) as peer:
                    yield peer.ping()
                    yield peer.ping()

    run(process())
    assert seen == [simpy.Peer, 2, 4]


def test_a_process_that_was_given_as_connected_and_fails_is_logged(env: Any, run: Any, caplog: Any) -> None:
    def connected(peer: simpy.Peer) -> Process:
        yield env.timeout(0)
        raise ValueError("in connected")

    def process() -> Process:
        with (yield simpy.serve(env, Math(env), HERE, connected=connected)) as server:
            with (yield simpy.connect(env, server.addresses[0])) as peer:
                yield peer.ping()
                yield env.timeout(0.001)
                yield peer.ping()

    run(process())
    assert caplog.text.count("connected= failed") == 1


def test_a_channel_whose_requests_are_received(env: Any, run: Any) -> None:
    def serving(channel: simpy.Channel) -> Process:
        try:
            while True:
                request = yield channel.recv()
                if request.content == "fail":
                    request.fail(ValueError("no"))
                else:
                    request.reply(request.content)
        except ConnectionLost:
            pass

    def process() -> Process:
        with (
            (yield simpy.serve_channels(env, None, HERE, connected=serving)) as server,
            (yield simpy.open_channel(env, server.addresses[0])) as channel,
        ):
            assert (yield channel.request("x")) == "x"
            with pytest.raises(RemoteError):
                yield channel.request("fail")
            assert channel.extended
            assert channel.peername[1] == server.addresses[0].port
            channel.notify("unheard")
            channel.half_close()
            assert channel.late_replies == 0
            with pytest.raises(RuntimeError, match="handler"):
                yield (yield simpy.open_channel(env, server.addresses[0], handler=echo)).recv()
            for each in server.connections:
                each.abort()

    run(process())


# Giving up.


def test_a_late_reply_to_an_interrupted_process_is_dropped(env: Any, run: Any) -> None:
    def caller(peer: simpy.Peer) -> Process:
        try:
            yield peer.remote.slow(0.1)
        except Interrupt:
            return "interrupted"

    def caller_in_a_condition(peer: simpy.Peer) -> Process:
        try:
            yield peer.remote.slow(0.1) | env.timeout(5)
        except Interrupt:
            return "interrupted"

    def process() -> Process:
        with (
            (yield simpy.serve(env, Math(env), HERE)) as server,
            (yield simpy.connect(env, server.addresses[0])) as peer,
        ):
            for late, make in enumerate((caller, caller_in_a_condition), 1):
                calling = env.process(make(peer))
                yield peer.ping()
                calling.interrupt()
                assert (yield calling) == "interrupted"
                while peer.channel.late_replies < late:
                    yield env.timeout(0.005)
                assert (yield peer.remote.add(1, 2)) == 3
            assert peer.channel.late_replies == 2

    run(process())


def test_a_call_that_a_time_out_was_faster_than_may_be_waited_for_again(env: Any, run: Any) -> None:
    def process() -> Process:
        with (
            (yield simpy.serve(env, Math(env), HERE)) as server,
            (yield simpy.connect(env, server.addresses[0])) as peer,
        ):
            call = peer.remote.slow(0.02)
            assert call not in (yield call | env.timeout(0.001))
            assert (yield call) == "done"
            call = peer.remote.slow(0.02)
            yield call | env.timeout(0.001)
            call.cancel()
            yield env.timeout(0.04)
            assert (yield peer.remote.add(1, 2)) == 3
            assert peer.channel.late_replies == 1

    run(process())


def test_a_call_that_fails_after_it_was_given_up_ends_nothing(env: Any, run: Any) -> None:
    def process() -> Process:
        with (
            (yield simpy.serve(env, Math(env), HERE)) as server,
            (yield simpy.connect(env, server.addresses[0])) as peer,
        ):
            yield peer.remote.fail() | env.timeout(0)
            yield env.timeout(0.02)
            assert (yield peer.remote.add(1, 2)) == 3

    run(process())


def test_a_call_that_fails_and_was_never_waited_for_ends_run(env: Any, run: Any) -> None:
    server = env.run(until=simpy.serve(env, Math(env), HERE))
    peer = env.run(until=simpy.connect(env, server.addresses[0]))
    peer.remote.fail()
    with pytest.raises(RemoteError, match="of the process"):
        env.run(until=env.timeout(1))

    def process() -> Process:
        yield peer.close() & server.close()

    run(process())


def test_a_lost_connection_fails_who_waits_and_nothing_else(env: Any, run: Any) -> None:
    def process() -> Process:
        with (
            (yield simpy.serve(env, Math(env), HERE)) as server,
            (yield simpy.connect(env, server.addresses[0])) as peer,
        ):
            yield peer.ping()
            calls = [peer.remote.slow(5) for _ in range(10)]
            server.connections[0].abort()
            with pytest.raises(ConnectionLost):
                yield calls[3]
            yield env.timeout(0.001)
            assert all(call.triggered and not call.ok for call in calls)

    run(process())


def test_a_receiver_that_gives_up_takes_no_request_away(env: Any, run: Any) -> None:
    ends: list[simpy.Channel] = []

    def receiver(channel: simpy.Channel) -> Process:
        try:
            yield channel.recv()
        except Interrupt:
            # At once anew, as a loop does it.
            return (yield channel.recv())

    def process() -> Process:
        with (
            (yield simpy.serve_channels(env, None, HERE, connected=ends.append)) as server,
            (yield simpy.open_channel(env, server.addresses[0])) as channel,
        ):
            while not ends:
                yield env.timeout(0.001)
            (end,) = ends
            receiving = env.process(receiver(end))
            yield env.timeout(0.001)
            receiving.interrupt()
            reply = channel.request("first")
            request = yield receiving
            assert request.content == "first"
            request.reply(1)
            assert (yield reply) == 1

            for _ in range(3):
                assert list((yield end.recv() | env.timeout(0.001, "nothing")).values()) == ["nothing"]
            reply = channel.request("second")
            yield env.timeout(0.01)
            request = yield end.recv()
            assert request.content == "second"
            request.reply(2)
            assert (yield reply) == 2

    run(process())


def test_handlers_are_interrupted_when_their_connection_is_aborted(env: Any, run: Any) -> None:
    math = Math(env)

    def process() -> Process:
        with (
            (yield simpy.serve(env, math, HERE)) as server,
            (yield simpy.connect(env, server.addresses[0])) as peer,
        ):
            call = peer.remote.slow(5)
            yield peer.ping()
            server.connections[0].abort()
            with pytest.raises(ConnectionLost):
                yield call
            yield env.timeout(0.001)

    run(process())
    assert math.interrupts == ["the handler was cancelled"]


def test_closing_a_server_waits_for_its_handlers_and_interrupts_slow_ones(env: Any, run: Any) -> None:
    math = Math(env)

    def process() -> Process:
        server = yield simpy.serve(env, math, HERE)
        peer = yield simpy.connect(env, server.addresses[0])
        quick, slow = peer.remote.slow(0.02), peer.remote.slow(5)
        yield peer.ping()
        closing = server.close(0.1)
        assert (yield quick) == "done"
        with pytest.raises((RemoteError, ConnectionLost)):
            yield slow
        yield closing
        yield peer.close()

    run(process())
    assert math.interrupts == ["the handler was cancelled"]


# Streams.


@pytest.mark.parametrize("kind", ["count", "count_slowly", "count_in_a_flow"])
def test_the_items_of_a_stream_are_got_one_by_one(env: Any, run: Any, kind: str) -> None:
    math = Math(env)

    def process() -> Process:
        with (
            (yield simpy.serve(env, math, HERE)) as server,
            (yield simpy.connect(env, server.addresses[0])) as peer,
        ):
            stream = yield peer.remote[kind](100)
            assert isinstance(stream, simpy.Stream)
            assert (yield from collect(stream)) == list(range(100))
            assert (yield stream.get("end")) == "end"
            stream = yield peer.remote[kind](3)
            items = []
            while (item := (yield stream.get(None))) is not None:
                items.append(item)
            assert items == [0, 1, 2]
            assert math.closed == 2

            stream = yield peer.remote[kind](10**9)
            assert (yield stream.get()) == 0
            stream.close()
            stream.close()
            with pytest.raises(simpy.EndOfStream):
                yield stream.get()
            while math.closed < 3:
                yield env.timeout(0.001)

            stream = yield peer.remote[kind](10**9)
            assert (yield stream.get()) == 0
            del stream
            while math.closed < 4:
                yield env.timeout(0.001)
                gc.collect()
            assert (yield peer.remote.add(1, 2)) == 3

    run(process())


def test_an_empty_stream_ends_at_once(env: Any, run: Any) -> None:
    def process() -> Process:
        with (
            (yield simpy.serve(env, Math(env), HERE)) as server,
            (yield simpy.connect(env, server.addresses[0])) as peer,
        ):
            assert (yield from collect((yield peer.remote.count(0)))) == []

    run(process())


def test_a_reader_that_gives_up_takes_no_item_away(env: Any, run: Any) -> None:
    def reader(stream: simpy.Stream) -> Process:
        try:
            while True:
                yield stream.get()
        except Interrupt:
            return "interrupted"

    class Slow:
        @expose
        def items(self) -> Generator[Any, Any, None]:
            yield "first"
            yield gate
            yield "second"

    gate = env.event()

    def process() -> Process:
        with (
            (yield simpy.serve(env, Slow(), HERE)) as server,
            (yield simpy.connect(env, server.addresses[0])) as peer,
        ):
            stream = yield peer.remote.items()
            reading = env.process(reader(stream))
            yield env.timeout(0.01)
            reading.interrupt()
            assert (yield reading) == "interrupted"
            yield stream.get() | env.timeout(0.001)
            gate.succeed()
            yield env.timeout(0.01)
            assert (yield stream.get()) == "second"
            with pytest.raises(simpy.EndOfStream):
                yield stream.get()

    run(process())


def test_the_end_of_a_connection_ends_its_streams(env: Any, run: Any) -> None:
    math = Math(env)

    def process() -> Process:
        with (
            (yield simpy.serve(env, math, HERE)) as server,
            (yield simpy.connect(env, server.addresses[0])) as peer,
        ):
            stream = yield peer.remote.count_slowly(10**9)
            assert (yield stream.get()) == 0
            server.connections[0].abort()
            with pytest.raises(ConnectionLost):
                yield from collect(stream)
            while not math.closed:
                yield env.timeout(0.001)

    run(process())


def test_a_handler_that_is_a_flow_iterates_streams_of_its_caller(env: Any, run: Any) -> None:
    class Summing:
        @expose
        async def total(self, source: Any) -> int:
            return sum([item async for item in await source.count(100)])

    def process() -> Process:
        math = Math(env)
        with (
            (yield simpy.serve(env, Summing(), HERE)) as server,
            (yield simpy.connect(env, server.addresses[0], service=math)) as peer,
        ):
            assert (yield peer.remote.total(math)) == 4950

    run(process())


def test_to_an_old_peer_a_process_gives_its_result_and_a_stream_is_a_failure(env: Any, run: Any) -> None:
    class Lamp:
        @expose
        def switch(self, on: bool) -> Generator[Any, Any, str | None]:
            if not on:
                return None
            yield env.timeout(0)
            return "bright"

    def process() -> Process:
        with (
            (yield simpy.serve(env, {"math": Math(env), "lamp": Lamp()}, HERE, **MOSAIK)) as server,
            (yield simpy.connect(env, server.addresses[0], **MOSAIK)) as peer,
        ):
            assert (yield peer.remote.lamp.switch(True)) == "bright"
            assert (yield peer.remote.lamp.switch(False)) is None
            assert (yield peer.remote.math.count(0)) is None
            with pytest.raises(RemoteError, match="junto"):
                yield peer.remote.math.count(3)

    run(process())


# Connections that come back, and peers of other flavours.


def test_a_connection_that_is_to_be_kept_is_opened_anew(env: Any, run: Any) -> None:
    connections: list[simpy.Peer] = []

    def process() -> Process:
        server = yield simpy.serve(env, Math(env), HERE)
        peer = yield simpy.connect(env, server.addresses[0], reconnect=True, connected=connections.append)
        assert (yield peer.remote.add(1, 2)) == 3
        in_flight = peer.remote.slow(5)
        yield peer.ping()
        for each in server.connections:
            each.abort()
        with pytest.raises(ConnectionLost):
            yield in_flight
        assert (yield peer.remote.add(3, 4)) == 7
        assert connections == [peer, peer]
        for each in server.connections:
            each.abort()
        while not (yield env.timeout(0.001)) and peer.channel.peername is not None:
            pass
        waiting = peer.remote.add(5, 6)
        assert waiting not in (yield waiting | env.timeout(0))
        assert (yield waiting) == 11
        yield peer.close()
        yield server.close()

    run(process())


@pytest.mark.parametrize("env", BACKENDS, indirect=True)
def test_a_client_that_blocks_is_served(env: Any, run: Any) -> None:
    import threading

    results: list[Any] = []

    def client(address: Any) -> None:
        with sync.connect(address) as peer:
            results.append(peer.remote.slow(0.001))
            results.append(list(peer.remote.count(100)))

    def process() -> Process:
        with (yield simpy.serve(env, Math(env), HERE)) as server:
            thread = threading.Thread(target=client, args=(server.addresses[0],))
            thread.start()
            while thread.is_alive():
                yield env.timeout(0.001)
            thread.join()

    run(process())
    assert results == ["done", list(range(100))]


def test_two_environments_do_not_meet(env: Any, run: Any) -> None:
    other = simpy.Environment()

    def process() -> Process:
        with (yield simpy.serve(env, Math(env), HERE)) as server:
            with (yield simpy.connect(env, server.addresses[0])) as peer:
                with pytest.raises(ValueError, match="environment"):
                    peer.remote.add(1, 2) | other.timeout(0.001)
                yield env.timeout(0.001)

    run(process())
    other.run()
    other.close()


def test_importing_the_flavour_starts_nothing() -> None:
    program = "import threading, junto.simpy; print(threading.active_count())"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout == "1\n"


def test_without_simpy_the_error_names_the_extra() -> None:
    program = "import sys; sys.modules['simpy'] = None; import junto.simpy"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30)
    assert "simpy" in done.stderr.splitlines()[-1]
