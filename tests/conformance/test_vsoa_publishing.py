"""Publishing and subscribing: who gets what, in which order, as callbacks and as iterators."""

from __future__ import annotations

from typing import Any

import pytest

from junto.errors import ConnectionLost, Overloaded, RequestTimeout
from junto.sansio.vsoa.frames import PUBLISH, REPLY, SUBSCRIBE, UNSUBSCRIBE
from junto.vsoa import Message, StatusError

from .layers import until
from .vsoa import both, connected, raw_client, raw_pair, serving
from .worlds import sleep, within


def test_what_is_published_can_be_iterated_over(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with both(rt) as (client, server):
            subscription = await client.subscribe("/a/")
            assert repr(subscription) == "<Subscription to /a/>"
            assert server.is_subscribed("/a/b")
            assert not server.is_subscribed("/b")
            assert server.publish("/a/b", {"speed": 3}, b"xy")
            server.publish("/b", 1)
            server.publish("/a", 2)
            seen: list[Message] = []
            async for message in subscription:
                seen.append(message)
                if len(seen) == 2:
                    break
            assert [(one.url, one.param, one.data, one.quick) for one in seen] == [
                ("/a/b", {"speed": 3}, b"xy", False),
                ("/a", 2, b"", False),
            ]
            assert repr(seen[1]) == "<Message /a: 2, b''>"

    scene(scenario)


def test_a_loop_may_begin_without_waiting_for_the_server(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with both(rt) as (client, server):

            async def read() -> Any:
                async for message in client.subscribe("/a/"):
                    return message.param
                return None

            reading = rt.create_task(read())
            await until(rt, lambda: server.is_subscribed("/a/b"))
            server.publish("/a/b", 5)
            assert await within(rt, reading) == 5

    scene(scenario)


def test_a_callback_gets_messages_in_their_order(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with both(rt) as (client, server):
            seen: list[Any] = []
            everything: list[Any] = []
            client.on_message = lambda message: everything.append(message.param)
            subscription = await client.subscribe(
                "/a", "/b", callback=lambda message: seen.append(message.param)
            )
            for number in range(300):
                server.publish("/a" if number % 2 else "/b", number)
                if number % 50 == 0:
                    await sleep(rt, 0)
            await until(rt, lambda: len(seen) == 300)
            assert seen == everything == list(range(300))
            with pytest.raises(RuntimeError, match="callback"):
                await subscription.__anext__()

    scene(scenario)


def test_a_message_comes_once_however_many_subscriptions_match(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with serving(rt) as server, raw_client(rt, server) as peer:
            for url in ("/", "/a/", "/a/b"):
                peer.send(SUBSCRIBE, url)
            await peer.until_frames(3)
            server.publish("/a/b", 1)
            server.publish("/c", 2)
            frames = await peer.until_frames(5)
            assert [(frame.type, frame.url, frame.flags, frame.seqno) for frame in frames[3:]] == [
                (PUBLISH, "/a/b", 0, 0),
                (PUBLISH, "/c", 0, 0),
            ]

    scene(scenario)


def test_two_subscriptions_of_one_client_get_a_message_each(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with both(rt) as (client, server):
            first, second = await client.subscribe("/a"), await client.subscribe("/a", "/b")
            server.publish("/a", 1)
            assert (await within(rt, rt.create_task(first.__anext__()))).param == 1
            assert (await within(rt, rt.create_task(second.__anext__()))).param == 1
            await first.close()
            server.publish("/a", 2)
            assert (await within(rt, rt.create_task(second.__anext__()))).param == 2
            with pytest.raises(StopAsyncIteration):
                await first.__anext__()
            await second.close()
            await second.close()
            assert not server.is_subscribed("/a")
            assert not server.is_subscribed("/b")

    scene(scenario)


def test_lists_of_subscriptions_are_told_to_the_server_as_lists(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with serving(rt) as server, raw_client(rt, server) as peer:
            told: list[Any] = []
            (session,) = server.clients
            session.on_subscribe = lambda session, urls: told.append(urls)
            session.on_unsubscribe = lambda session, urls: told.append(urls)
            peer.send(SUBSCRIBE, param=["/x", 5, "nope", "/y"])
            peer.send(SUBSCRIBE, "/z", ["/no"])
            peer.send(UNSUBSCRIBE, "/never")
            peer.send(UNSUBSCRIBE, param=["/x"])
            peer.send(SUBSCRIBE, seqno=4)
            frames = await peer.until_frames(5)
            assert [frame.status for frame in frames] == [0, 0, 0, 0, 2]
            assert told == [["/x", "/y"], "/z", "/never", ["/x"]]
            assert session.subscriptions == ["/y", "/z"]
            assert session.is_subscribed("/z")

    scene(scenario)


def test_clients_get_messages_by_priority_and_only_while_they_may(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with serving(rt) as server:
            async with connected(rt, server) as one, connected(rt, server) as two:
                seen: list[Any] = []
                await one.subscribe("/", callback=lambda message: seen.append(1))
                await two.subscribe("/", callback=lambda message: seen.append(2))
                first, second = server.clients
                assert server._publisher.subscribers("/x") == [first, second]
                second.priority = 2
                assert server._publisher.subscribers("/x") == [second, first]
                first.authed = False
                assert not first.is_subscribed("/x")
                server.publish("/x")
                await until(rt, lambda: seen)
                await one.ping()
                assert seen == [2]
                first.authed = True
                server.publish("/x")
                await until(rt, lambda: sorted(seen) == [1, 2, 2])

    scene(scenario)


def test_publications_and_answers_keep_the_order_in_which_they_were_made(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with serving(rt) as server, raw_client(rt, server) as peer:
            server.command("/x")(
                lambda request: (server.publish("/a"), server.clients[0].datagram("/d"), None)[-1]
            )
            peer.send(SUBSCRIBE, "/a")
            peer.send(1, "/x")
            frames = await peer.until_frames(4)
            assert [frame.type for frame in frames] == [SUBSCRIBE, PUBLISH, 5, 1]

    scene(scenario)


def test_what_was_published_before_a_subscription_is_not_for_it(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with both(rt) as (client, server):
            server.clients[0].on_subscribe = lambda session, urls: server.publish("/a", "after")
            server.publish("/a", "before")
            subscription = await client.subscribe("/a")
            assert (await within(rt, rt.create_task(subscription.__anext__()))).param == "after"

    scene(scenario)


def test_a_refused_subscription_raises_for_who_waits_and_who_iterates(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with raw_pair(rt) as (client, peer):
            first, second = client.subscribe("/a"), client.subscribe("/b")
            for frame in list(await peer.until_frames(2)):
                peer.send(SUBSCRIBE, flags=REPLY, status=3, seqno=frame.seqno)
            with pytest.raises(StatusError):
                await first
            with pytest.raises(StatusError):
                await within(rt, rt.create_task(second.__anext__()))

    scene(scenario)


def test_a_subscription_ends_with_the_client_or_with_the_connection(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with both(rt) as (client, server):
            subscription = await client.subscribe("/a")
            server.publish("/a", 1)
            await client.ping()
            server.clients[0].close()
            await client.wait_closed()
            assert (await subscription.__anext__()).param == 1
            with pytest.raises(ConnectionLost):
                await subscription.__anext__()
            with pytest.raises(ConnectionLost):
                client.subscribe("/a")
        async with both(rt) as (client, server):
            subscription = await client.subscribe("/a")
            waiting = rt.create_task(subscription.__anext__())
            await sleep(rt, 0)
            await client.close()
            with pytest.raises(StopAsyncIteration):
                await _as_error(waiting)

    scene(scenario)


async def _as_error(waiting: Any) -> Any:
    """Await what may raise StopAsyncIteration, which no future can hold in each world."""
    try:
        return await waiting
    except RuntimeError as error:
        raise StopAsyncIteration from error


def test_one_at_a_time_may_wait_for_messages(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with both(rt) as (client, server):
            async with client.subscribe("/a") as subscription:
                waiting = rt.create_task(subscription.__anext__())
                await sleep(rt, 0)
                with pytest.raises(RuntimeError, match="another"):
                    await subscription.__anext__()
                waiting.cancel()
                await sleep(rt, 0)
                server.publish("/a", 1)
                assert (await within(rt, rt.create_task(subscription.__anext__()))).param == 1
            assert not server.is_subscribed("/a")

    scene(scenario)


@pytest.mark.parametrize(
    ("policy", "kept"),
    [
        ("drop-oldest", [("/a", 7), ("/b", 8), ("/a", 9)]),
        ("drop-newest", [("/b", 0), ("/a", 1), ("/b", 2)]),
        ("latest", [("/b", 8), ("/a", 9)]),
    ],
)
def test_a_loop_that_is_too_slow_misses_what_the_policy_says(scene: Any, policy: Any, kept: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with both(rt) as (client, server):
            subscription = await client.subscribe("/", policy=policy, limit=3)
            for number in range(10):
                server.publish("/a" if number % 2 else "/b", number)
            await client.ping()
            assert subscription.dropped == 10 - len(kept)
            got = [await subscription.__anext__() for _ in kept]
            assert [(message.url, message.param) for message in got] == kept

    scene(scenario)


def test_a_loop_that_is_too_slow_may_be_ended(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with both(rt) as (client, server):
            subscription = await client.subscribe("/a", policy="disconnect", limit=3)
            for number in range(10):
                server.publish("/a", number)
            await client.ping()
            assert [(await subscription.__anext__()).param for _ in range(3)] == [0, 1, 2]
            with pytest.raises(Overloaded):
                await subscription.__anext__()
            await until(rt, lambda: not server.is_subscribed("/a"))

    scene(scenario)


def test_a_subscription_needs_a_url_and_a_known_policy(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with both(rt) as (client, server):
            for urls in ((), ("a",), ("/a", "b")):
                with pytest.raises(ValueError):
                    client.subscribe(*urls)
            with pytest.raises(ValueError, match="policy"):
                client.subscribe("/a", policy="drop")  # type: ignore[arg-type]  # the mistake that is meant
            with pytest.raises(ValueError):
                client.subscribe("/a", limit=0)
            with pytest.raises(ValueError, match="slash"):
                server.publish("a")
            assert client.pending == 0

    scene(scenario)


def test_an_unsubscription_that_is_not_answered_ends_in_time(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with raw_pair(rt) as (client, peer):
            subscription = client.subscribe("/a")
            (frame,) = await peer.until_frames(1)
            peer.send(SUBSCRIBE, flags=REPLY, seqno=frame.seqno)
            await subscription
            await subscription.close(0.02)
            with pytest.raises(RequestTimeout):
                await client.ping(timeout=0.02)

    scene(scenario)


def test_every_callback_may_wait_for_something(scene: Any, caplog: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with both(rt) as (client, server):
            seen: list[Any] = []

            async def published(message: Any) -> None:
                await sleep(rt, 0)
                seen.append(message.param)
                if message.param == 1:
                    raise ValueError("a mistake")

            async def changed(session: Any, urls: Any) -> None:
                await sleep(rt, 0)
                seen.append(urls)

            async def came(session: Any, here: Any) -> None:
                await sleep(rt, 0)
                seen.append(("came", here))

            async def told(session: Any, message: Any) -> None:
                await sleep(rt, 0)
                seen.append(message.url)

            server.on_client, server.on_datagram = came, told
            server.clients[0].on_subscribe = server.clients[0].on_unsubscribe = changed
            subscription = await client.subscribe("/a", callback=published)
            server.publish("/a", 1)
            server.publish("/a", 2)
            await until(rt, lambda: seen[:1] == ["/a"] and sorted(seen[1:]) == [1, 2])
            await subscription.close()
            client.datagram("/d")
            await until(rt, lambda: sorted(seen[3:]) == ["/a", "/d"])
            async with connected(rt, server):
                pass
            await until(rt, lambda: sorted(seen[5:]) == [("came", False), ("came", True)])

    scene(scenario)
    assert caplog.text.count("a callback of a subscription failed") == 1
