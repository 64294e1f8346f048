"""VSOA in trio: what the flavour adds to the layer, which the conformance scenarios test."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import trio

from junto import expose
from junto.errors import ConnectionLost, RequestTimeout
from junto.vsoa import PasswordRefused, Position, Query, Response, StatusError, WorkQueue
from junto.vsoa import trio as vsoa

from .test_trio import run, until

HERE = "vsoa://127.0.0.1:0"


class Math:
    @expose
    def add(self, a: int, b: int) -> int:
        return a + b

    @expose
    async def slowly(self, a: int) -> int:
        await trio.sleep(0.001)
        return a


def echo(request: vsoa.Request) -> Any:
    return request if request.data else request.param


def test_a_client_asks_and_calls_what_a_server_offers() -> None:
    async def main() -> None:
        async with vsoa.serve(HERE, service=Math(), info="car", password="x") as server:
            server.command("/echo")(echo)
            async with vsoa.connect(server.addresses[0], password="x") as client:
                assert client.info == "car"
                assert (await client.fetch("/echo", 5, b"x")).data == b"x"
                assert await client.remote.add(1, 2) == 3
                assert await client.call("slowly", 4, returns=int) == 4
                assert await client.ping() >= 0
                with pytest.raises(StatusError):
                    await client.fetch("/nothing/there")
            with pytest.raises(PasswordRefused):
                async with vsoa.connect(server.addresses[0]):
                    pass
        with pytest.raises(ConnectionLost):
            client.fetch("/echo")

    run(main)


def test_subscriptions_are_iterated_over_or_call_back() -> None:
    async def main() -> None:
        async with vsoa.serve(HERE) as server, vsoa.connect(server.addresses[0]) as client:
            seen: list[Any] = []
            await client.subscribe("/b", callback=lambda message: seen.append(message.param))
            async with client.subscribe("/a/") as subscription:
                for number in range(3):
                    server.publish("/a/b", number)
                    server.publish("/b", number)
                got = []
                async for message in subscription:
                    got.append(message.param)
                    if len(got) == 3:
                        break
            await until(lambda: len(seen) == 3)
            assert got == seen == [0, 1, 2]
            assert not server.is_subscribed("/a/b")

    run(main)


def test_who_is_cancelled_while_he_waits_leaves_no_trace() -> None:
    async def main() -> None:
        async with vsoa.serve(HERE) as server, vsoa.connect(server.addresses[0]) as client:
            server.command("/echo")(echo)
            server.add_command("/never", lambda request: None)
            subscription = await client.subscribe("/a")
            with trio.move_on_after(0.01) as scope:
                await client.fetch("/never")
            assert scope.cancelled_caught
            with trio.move_on_after(0.01) as scope:
                await anext(subscription)
            assert scope.cancelled_caught
            with pytest.raises(RequestTimeout):
                await client.fetch("/never", timeout=0.01)
            server.publish("/a", 1)
            assert (await anext(subscription)).param == 1
            assert (await client.fetch("/echo", 2)).param == 2

    run(main)


def test_handlers_are_tasks_of_trio_or_run_in_a_work_queue() -> None:
    async def main() -> None:
        queue = WorkQueue()
        ended: list[str] = []
        async with vsoa.serve(HERE) as server:

            @server.command("/slowly")
            async def slowly(request: vsoa.Request) -> Any:
                try:
                    await trio.sleep(request.param)
                finally:
                    ended.append("slowly")
                return "done"

            @server.command("/apart", pool=queue)
            def apart(request: vsoa.Request) -> str:
                return threading.current_thread().name

            async with vsoa.connect(server.addresses[0]) as client:
                assert (await client.fetch("/slowly", 0)).param == "done"
                assert (await client.fetch("/apart")).param == "junto-work"
                client.request_apart("/slowly", 60)
                await client.ping()
        assert ended == ["slowly", "slowly"]  # the second one with its server
        queue.shutdown()

    run(main)


def test_datagrams_go_both_ways_on_both_channels() -> None:
    async def main() -> None:
        heard: list[Any] = []
        back: list[Any] = []

        def hear(session: vsoa.Session, message: Any) -> None:
            heard.append((message.url, message.quick))
            session.datagram("/back", quick=message.quick)

        async with vsoa.serve(HERE) as server:
            server.on_datagram = hear
            here: list[bool] = []
            server.on_client = lambda session, is_here: here.append(is_here)
            async with vsoa.connect(
                server.addresses[0], on_datagram=lambda message: back.append(message.quick)
            ) as client:
                client.datagram("/a")
                client.datagram("/b", quick=True)
                await until(lambda: len(back) == 2)
                assert sorted(heard) == [("/a", False), ("/b", True)]
                assert sorted(back) == [False, True]
                assert [session.id for session in server.clients] == [0]
            await until(lambda: here == [True, False])

    run(main)


def test_streams_carry_bytes_and_end_with_their_client() -> None:
    async def main() -> None:
        async with vsoa.serve(HERE) as server, trio.open_nursery() as nursery:

            async def send(offer: vsoa.StreamOffer) -> None:
                async with await offer.accept() as stream:
                    await stream.send(bytes(1 << 20))

            @server.command("/recording")
            async def recording(request: vsoa.Request) -> Response:
                offer = await server.offer_stream(request.session)
                nursery.start_soon(send, offer)
                return Response(tunnel=offer.port)

            async with vsoa.connect(server.addresses[0]) as client:
                tunnel = (await client.fetch("/recording")).tunnel
                assert tunnel is not None
                stream = await client.open_stream(tunnel)
                size = 0
                async for chunk in stream:
                    size += len(chunk)
                assert size == 1 << 20

                tunnel = (await client.fetch("/recording")).tunnel
                assert tunnel is not None
                stream = await client.open_stream(tunnel)
                with trio.move_on_after(0):
                    await stream.receive()
                await stream.receive(1)
                await stream.close()
                nursery.cancel_scope.cancel()

    run(main)


def test_callbacks_may_be_async_and_a_lost_client_comes_back() -> None:
    async def main() -> None:
        connected: list[Any] = []
        lost: list[BaseException] = []

        async def on_connect(client: vsoa.Client) -> None:
            await client.subscribe("/a")
            connected.append(client.client_id)

        async with (
            vsoa.serve(HERE) as server,
            trio.open_nursery() as nursery,
            vsoa.connect(
                server.addresses[0],
                reconnect=True,
                on_connect=on_connect,
                on_disconnect=lambda client, error: lost.append(error),
                nursery=nursery,
            ),
        ):
            await until(lambda: connected == [0])
            server.clients[0].abort()
            await until(lambda: connected == [0, 1])
            assert server.is_subscribed("/a")
            assert len(lost) == 1

    run(main)


def test_a_body_that_fails_comes_out_as_it_is_and_nothing_is_left() -> None:
    async def main() -> None:
        with pytest.raises(LookupError):
            async with vsoa.serve(HERE) as server, vsoa.connect(server.addresses[0]) as client:
                await server.offer_stream()
                client.subscribe("/a")
                raise LookupError
        assert client.is_closing()
        with trio.move_on_after(0.01) as scope:
            async with vsoa.serve(HERE) as server, vsoa.connect(server.addresses[0]):
                await trio.sleep_forever()
        assert scope.cancelled_caught

    run(main)


def test_positions_are_told_looked_up_and_connected_to() -> None:
    async def main() -> None:
        async def find(query: Query) -> Position | None:
            await trio.lowlevel.checkpoint()
            return Position("127.0.0.1", int(server.addresses[0].rpartition(":")[2]))

        async with vsoa.serve(HERE, info=1) as server, vsoa.serve_positions(find, HERE) as positions:
            servers = [("127.0.0.1", positions.port)]
            assert await vsoa.lookup("car", servers=servers) is not None
            async with vsoa.connect("vsoa://car", positions=servers) as client:
                assert client.info == 1
        assert await vsoa.lookup("car", servers=[]) is None

    run(main)


def test_a_timer_lives_as_long_as_its_block_on_the_clock_of_trio() -> None:
    async def main() -> None:
        calls: list[float] = []
        async with vsoa.open_timer() as timer:
            timer.start(60, lambda: calls.append(trio.current_time()), interval=60)
            start = trio.current_time()
            await trio.sleep(200)
        assert [round(at - start) for at in calls] == [60, 120, 180]
        assert not timer.is_started()

    run(main, jump=True)
