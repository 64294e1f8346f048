"""The end of a connection: in order, by half, at once, by the peer."""

from __future__ import annotations

from typing import Any

import pytest

from junto.errors import ConnectionLost, LocalProtocolError, RemoteError

from .layers import channels, marked, raw_client, raw_server, serving, until
from .test_requests import Held
from .worlds import World, in_real_time, sleep


def echo(content: Any) -> Any:
    return content


def test_close_fails_our_requests_and_those_to_come(scene: Any, place: Any) -> None:
    async def scenario(rt: Any) -> None:
        held = Held(rt)
        async with channels(rt, held, place, patience=0.01) as (client, _):
            futures = [client.request(number) for number in range(3)]
            await held.until(0, 1, 2)
            assert not client.is_closing()
            closing = rt.create_task(client.close())
            for future in futures:
                with pytest.raises(ConnectionLost):
                    await future
            await closing
            assert client.is_closing()
            for call in (client.request, client.notify):
                with pytest.raises(ConnectionLost):
                    call("after")
            with pytest.raises(ConnectionLost):
                client.half_close()
            await client.wait_closed()

    scene(scenario)


def test_closing_twice_is_fine(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with channels(rt, echo) as (client, server):
            await client.close()
            await client.close()
            both = [rt.create_task(server.close()), rt.create_task(server.close())]
            for closing in both:
                await closing

    scene(scenario)


def test_close_answers_what_was_accepted(scene: Any, place: Any) -> None:
    async def scenario(rt: Any) -> None:
        held = Held(rt)
        options = {"max_handlers": 2}
        async with channels(rt, held, place, server_options=options) as (client, server):
            futures = [client.request(number) for number in range(4)]
            await held.until(0, 1)  # two wait in the queue
            await until(rt, lambda: server._answering.unanswered == 4)
            closing = rt.create_task(server.close())
            await sleep(rt, 0)
            late = client.request("late")
            with pytest.raises((RemoteError, ConnectionLost)):
                await late
            assert not closing.done()
            for number in (0, 1):
                held.waiting[number].set_result(number)
            await held.until(2, 3)
            for number in (2, 3):
                held.waiting[number].set_result(number)
            assert [await future for future in futures] == [0, 1, 2, 3]
            await closing
            await client.wait_closed()

    scene(scenario)


@in_real_time
def test_close_answers_what_was_accepted_by_a_peer_that_goes_on_sending(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        held = Held(rt)
        for _ in range(5):
            held.waiting.clear()
            async with channels(rt, held) as (client, server):
                futures = [client.request(number) for number in range(50)]
                await held.until(*range(50))
                closing = rt.create_task(server.close())

                async def insist(client: Any = client) -> int:
                    count = 0
                    while True:
                        try:
                            client.request("y" * 1000).add_done_callback(lambda done: done.exception())
                        except ConnectionLost:
                            return count
                        count += 1
                        await sleep(rt, 0)

                insisting = rt.create_task(insist())
                await sleep(rt, 0.005)
                for future in held.waiting.values():
                    future.set_result("x" * 20_000)
                for future in futures:
                    assert len(await future) == 20_000
                await closing
                assert await insisting > 0

    scene(scenario)


def test_close_sends_large_results_to_the_end(scene: Any, place: Any) -> None:
    async def scenario(rt: Any) -> None:
        held = Held(rt)
        async with channels(rt, held, place) as (client, server):
            future = client.request("big")
            await held.until("big")
            closing = rt.create_task(server.close())
            await sleep(rt, 0)
            held.waiting["big"].set_result("x" * 5_000_000)
            assert len(await future) == 5_000_000
            await closing

    scene(scenario)


def test_close_cancels_handlers_that_take_too_long_and_tells_their_callers(scene: Any, run: World) -> None:
    async def scenario(rt: Any) -> None:
        ended: list[str] = []

        async def handler(content: Any) -> Any:
            try:
                await rt.create_future()
            except run.cancelled:
                ended.append(content)
                raise

        async with channels(rt, handler) as (client, server):
            futures = [client.request(name) for name in "ab"]
            await until(rt, lambda: server._answering.unanswered == 2)
            start = rt.time()
            await server.close(0.02)
            assert rt.time() - start < 2.0
            for future in futures:
                with pytest.raises(RemoteError) as caught:
                    await future
                assert "cancelled" in str(caught.value)
            assert sorted(ended) == ["a", "b"]

    scene(scenario)


def test_close_is_bounded_with_a_handler_that_resists(scene: Any, run: World) -> None:
    async def scenario(rt: Any) -> None:
        release = rt.create_future()
        begun = rt.create_future()

        async def handler(content: Any) -> Any:
            begun.set_result(None)
            while not release.done():
                try:
                    await sleep(rt, 0.005)
                except run.cancelled:
                    pass

        async with channels(rt, handler) as (client, server):
            future = client.request("x")
            await begun
            await server.close(0.01)
            with pytest.raises(ConnectionLost):
                await future
            release.set_result(None)

    scene(scenario)


def test_close_is_bounded_with_a_peer_that_does_not_read(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with serving(rt, lambda size: "x" * size) as server, raw_client(rt, server.addresses[0]) as raw:
            raw.transport.pause_reading()
            raw.send([0, 0, 20_000_000])
            await until(rt, lambda: server.connections and server.connections[0]._answering.paused)
            start = rt.time()
            await server.close(0.05)
            assert rt.time() - start < 2.0

    scene(scenario)


def test_a_close_that_is_cancelled_ends_the_connection_all_the_same(scene: Any, run: World) -> None:
    async def scenario(rt: Any) -> None:
        held = Held(rt)
        async with channels(rt, held) as (client, server):
            future = client.request("x")
            await held.until("x")
            closing = rt.create_task(server.close(None))
            await sleep(rt, 0.002)
            closing.cancel()
            with pytest.raises(run.cancelled):
                await closing
            await server.close()
            with pytest.raises((ConnectionLost, RemoteError)):
                await future

    scene(scenario)


def test_a_server_whose_close_is_cancelled_can_be_closed_again(scene: Any, run: World) -> None:
    async def scenario(rt: Any) -> None:
        held = Held(rt)
        async with serving(rt, held) as server, raw_client(rt, server.addresses[0]) as raw:
            raw.send([0, 0, "x"])
            await held.until("x")
            closing = rt.create_task(server.close(None))
            await sleep(rt, 0.002)
            closing.cancel()
            with pytest.raises(run.cancelled):
                await closing
            await server.close(0.01)
            await server.wait_closed()
            assert not server.connections

    scene(scenario)


def test_abort_ends_at_once(scene: Any, place: Any) -> None:
    async def scenario(rt: Any) -> None:
        held = Held(rt)
        async with channels(rt, held, place, patience=0.01) as (client, _server):
            future = client.request("x")
            await held.until("x")
            client.abort()
            with pytest.raises(ConnectionLost):
                await future
            await client.wait_closed()
            await client.close()

    scene(scenario)


def test_the_end_of_the_peer_fails_what_is_pending(scene: Any, place: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with channels(rt, None, place) as (client, server):
            futures = [client.request(number) for number in range(3)]
            requests = [await server.recv() for _ in range(3)]
            await server.close()
            for future in futures:
                with pytest.raises(ConnectionLost):
                    await future
            del requests
            with pytest.raises(ConnectionLost):
                client.request("after")
            await client.wait_closed()

    scene(scenario)


def test_a_peer_that_has_sent_all_its_requests_still_reads_all_replies(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async def later(content: Any) -> Any:
            await sleep(rt, 0.002)
            return content

        for handler in (echo, later):
            async with serving(rt, handler) as server, raw_client(rt, server.addresses[0]) as raw:
                raw.send(*([0, number, number] for number in range(100)))
                raw.transport.write_eof()
                await raw.until_called("eof")
                assert sorted(raw.messages) == [[1, number, number] for number in range(100)]
                await until(rt, lambda server=server: not server.connections)

    scene(scenario)


def test_half_close_sends_no_more_and_still_gets_replies(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        held = Held(rt)
        async with channels(rt, held) as (client, server):
            futures = [client.request(number) for number in range(3)]
            await held.until(0, 1, 2)
            client.half_close()
            client.half_close()  # twice is fine
            for call in (client.request, client.notify):
                with pytest.raises(LocalProtocolError):
                    call("after")
            await until(rt, lambda: server._eof)
            for number in range(3):
                held.waiting[number].set_result(number)
            assert [await future for future in futures] == [0, 1, 2]
            await client.wait_closed()

    scene(scenario)


def test_half_close_of_tls_is_refused(scene: Any, contexts: Any) -> None:
    from junto.address import Address

    from .conftest import Place

    async def scenario(rt: Any) -> None:
        place = Place(Address("tls", "127.0.0.1"), contexts.server, contexts.client)
        async with channels(rt, echo, place) as (client, _):
            with pytest.raises(LocalProtocolError):
                client.half_close()
            assert await client.request("fine") == "fine"

    scene(scenario)


def test_what_the_peer_asks_after_our_half_close_does_no_harm(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with raw_server(rt, handler=echo) as (client, raw):
            future = client.request("x")
            client.half_close()
            await raw.until_called("eof")
            raw.send([0, 0, "a question"], [0, 1, {"__type__": 3}])
            raw.send([1, 0, "the answer"])
            assert await future == "the answer"
            assert [message[:2] for message in raw.messages] == [[0, 0]]

    scene(scenario)


def test_a_stream_is_read_after_our_half_close_as_far_as_its_producer_may_go(scene: Any) -> None:
    def numbers(count: int) -> Any:
        yield from range(count)

    async def scenario(rt: Any) -> None:
        async with channels(rt, numbers) as (client, _):
            short, endless = client.request(20), client.request(10_000)
            streams = await short, await endless
            client.half_close()
            assert [item async for item in streams[0]] == list(range(20))
            # Nobody can ask for more of this one any more, so it ends on both sides.
            with pytest.raises((ConnectionLost, RemoteError)):
                async for _ in streams[1]:
                    pass
            await client.wait_closed()

    scene(scenario)


def test_a_peer_that_half_closes_with_a_stream_open_is_let_go(scene: Any) -> None:
    def numbers(content: Any) -> Any:
        yield from range(1000)

    async def scenario(rt: Any) -> None:
        async with serving(rt, numbers) as server, raw_client(rt, server.addresses[0]) as raw:
            raw.transport.write(marked(b'[0, 0, "hello"]'))
            await raw.until_messages(2)
            raw.transport.write_eof()
            await raw.until_called("eof")
            await until(rt, lambda: not server.connections)

    scene(scenario)


def test_a_connection_that_comes_while_the_server_closes_is_not_kept(scene: Any, contexts: Any) -> None:
    import ssl

    from junto.address import Address

    from .conftest import Place
    from .endpoints import Recorder

    class Handshake(Recorder):
        """Says nothing of TLS until it is told to."""

    async def scenario(rt: Any) -> None:
        place = Place(Address("tls", "127.0.0.1"), contexts.server, contexts.client)
        async with serving(rt, echo, place) as server:
            address = server.addresses[0]
            raw = Handshake(rt)
            transport = await rt.connect(Address("tcp", "127.0.0.1", address.port), lambda: raw)
            await sleep(rt, 0.01)  # the server has accepted, and waits for our first words
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = contexts.client.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
            await server.close()
            used = 0
            for _ in range(200):
                try:
                    tls.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    transport.write(outgoing.read())
                    await sleep(rt, 0.005)
                    incoming.write(bytes(raw.received[used:]))
                    used = len(raw.received)
                if "lost" in raw.calls:
                    break
            else:
                raise AssertionError("neither a handshake nor an end")
            transport.write(outgoing.read())
            await raw.until(lambda: "eof" in raw.calls or "lost" in raw.calls)
            transport.abort()
            assert not server.connections

    scene(scenario)
