"""The connections between containers: one for each pair, shared, and forgotten when they are lost."""

from __future__ import annotations

from typing import Any

import pytest

from junto.address import Address
from junto.agents import local
from junto.agents.addresses import Place
from junto.agents.directory import CHANGES, Directory
from junto.agents.supervision import Failure
from junto.errors import CodecError, ConnectionFailed, ConnectionLost, RequestTimeout

from .agents import Echo, home
from .endpoints import Recorder
from .layers import Raw, serving, until
from .worlds import sleep


def test_many_who_connect_at_once_share_one_connection_and_one_question(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with home(rt) as there, home(rt) as here:
            urls = [Echo(there).url for _ in range(3)] * 4
            tasks = [rt.create_task(here.connect(url)) for url in urls]
            proxies = [await task for task in tasks]
            assert len(set(proxies)) == 3
            assert len(there.doors.peers) == 1
            await here.connect(urls[0])
            assert len(there.doors.peers) == 1

    scene(scenario)


def test_who_gives_up_connecting_takes_nothing_from_the_others(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with home(rt) as there, home(rt) as here:
            url = Echo(there).url
            first, second = rt.create_task(here.connect(url)), rt.create_task(here.connect(url))
            first.cancel()
            assert await (await second).echo(1) == 1

    scene(scenario)


def test_an_attempt_that_failed_is_forgotten(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with home(rt) as there:
            url = there.url
        async with home(rt) as here:
            for _ in range(2):
                with pytest.raises(ConnectionFailed):
                    await here.connect(f"{url}0")
            async with home(rt, url) as there:
                Echo(there)
                assert await (await here.connect(f"{url}0")).echo(1) == 1

    scene(scenario)


def test_connecting_is_tried_again_while_there_is_time(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with home(rt) as there:
            url = there.url
        async with home(rt) as here:
            start = rt.time()
            with pytest.raises(ConnectionFailed):
                await here.connect(f"{url}0", timeout=0.15)
            assert 0.14 < rt.time() - start < 5
            later = rt.create_task(here.connect(f"{url}0", timeout=8.0))
            await sleep(rt, 0.02)
            async with home(rt, url) as there:
                Echo(there)
                assert await (await later).echo(1) == 1

    scene(scenario)


@pytest.mark.parametrize("name", ["tcp://127.0.0.1:0", "local://comes-back"])
def test_a_proxy_connects_anew_when_its_container_is_back(scene: Any, name: str) -> None:
    async def scenario(rt: Any) -> None:
        async with home(rt) as here:
            async with home(rt, name) as there:
                url = there.url
                proxy = await here.connect(Echo(there).url)
                assert await proxy.echo(1) == 1
            await until(rt, lambda: here.connections.peer(proxy._target.place) is None)
            with pytest.raises(ConnectionError):
                await proxy.echo(2)
            async with home(rt, url) as there:
                Echo(there)
                assert await proxy.echo(3) == 3

    scene(scenario)


def test_calls_in_flight_fail_when_the_connection_is_lost(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with home(rt) as there, home(rt) as here:
            echo = Echo(there)
            echo.hold = rt.create_future()
            call = (await here.connect(echo.url)).slowly(1)
            await until(rt, lambda: echo.seen)
            there.doors.peers[0].channel.abort()
            with pytest.raises(ConnectionLost):
                await call

    scene(scenario)


@pytest.mark.parametrize("name", ["tcp://127.0.0.1:0", "local://says-goodbye"])
@pytest.mark.parametrize("way", ["call", "ask", "tell", "connect", "watch"])
def test_a_connection_that_its_peer_has_ended_is_used_no_more(scene: Any, name: str, way: str) -> None:
    async def scenario(rt: Any) -> None:
        async with home(rt, name) as there, home(rt) as here:
            echo, busy = Echo(there), Echo(here)
            busy.hold = rt.create_future()
            proxy = await here.connect(echo.url)
            lost: list[str] = []
            await here.watch(proxy, lambda: lost.append("lost"))
            (peer,) = there.doors.peers
            # What is still to be answered keeps the connection, though its peer has sent the end.
            slow = peer.call_path("agents/0/slowly", 1)
            slow.add_done_callback(lambda answer: answer.exception())  # the connection's end, in the end
            await until(rt, lambda: busy.seen)
            dying = here.connections.peer(proxy._target.place)
            peer.channel.half_close()
            await until(rt, lambda: dying.is_closing())
            assert dying.channel.peername is not None
            if way == "call":
                assert await proxy.echo(2) == 2
            elif way == "ask":
                assert await here.ask(proxy, "echo", 2) == 2
            elif way == "connect":
                assert await here.connect(echo.url) == proxy
            elif way == "watch":
                await here.watch(echo.url, lambda: None)
            else:
                here.tell(proxy, "keep", 2)
                await until(rt, lambda: echo.seen == [2])
            await until(rt, lambda: lost == ["lost"])
            assert here.connections.peer(proxy._target.place) not in (None, dying)
            busy.hold.set_result(None)

    scene(scenario)


def test_a_question_that_could_not_be_sent_keeps_nobody_waiting(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with home(rt, codec="msgpack") as there, home(rt, codec="msgpack") as here:
            for _ in range(2):
                with pytest.raises(CodecError):
                    await here.connect(f"{there.url}\ud800", timeout=5.0)

    scene(scenario)


def test_one_who_fails_to_hear_that_a_container_is_gone_takes_nothing_from_the_others(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        heard: list[str] = []
        failures: list[Failure] = []

        def fail() -> None:
            raise ValueError("deaf")

        async with home(rt, on_failure=failures.append) as here:
            async with home(rt) as there:
                await here.watch(there.url, fail)
                await here.watch(there.url, lambda: heard.append("gone"))
            await until(rt, lambda: heard == ["gone"])
            assert [str(failure.error) for failure in failures] == ["deaf"]

    scene(scenario)


def test_who_watches_a_container_is_told_once_that_it_is_gone(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        lost: list[str] = []
        async with home(rt) as here:
            async with home(rt) as there:
                url = Echo(there).url
                await here.watch(url, lambda: lost.append("url"))
                await here.watch(there.url, lambda: lost.append("base"))
                await here.watch(await here.connect(url), lambda: lost.append("proxy"))
                forget = await here.watch(url, lambda: lost.append("never"))
                forget()
                forget()
                with pytest.raises(ValueError):
                    await there.watch(url, lambda: None)
                assert lost == []
            await until(rt, lambda: len(lost) == 3)
            assert lost == ["url", "base", "proxy"]
            with pytest.raises(ConnectionFailed):
                await here.watch(url, lambda: None)

    scene(scenario)


def test_who_closes_his_own_container_is_not_told_that_others_are_gone(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        lost: list[str] = []
        failures: list[Failure] = []
        async with home(rt) as there, home(rt) as here:
            echo, other = Echo(here), Echo(there, name="bob")
            async with home(rt, on_failure=failures.append) as center:
                directory = Directory(center)
                await there.join(directory.url)
                await here.subscribe_at(
                    echo, center.url, CHANGES, lambda topic, content: lost.append(content)
                )
                await center.watch(other.url, lambda: lost.append("watched"))
                assert await center.proxy(other.url).echo(1) == 1
            for _ in range(3):
                await sleep(rt, 0)
        assert (lost, failures) == ([], [])

    scene(scenario)


def test_a_container_listens_at_several_places(scene: Any, tmp_path: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with home(rt, "tcp://127.0.0.1:0", f"ipc://[{tmp_path}/s]/", "local://several") as there:
            echo = Echo(there)
            assert [url.partition("://")[0] for url in there.urls] == ["tcp", "ipc", "local"]
            assert echo.url == f"{there.urls[0]}0"
            async with home(rt) as here:
                for base in there.urls:
                    assert await (await here.connect(f"{base}0")).echo(base) == base
                    assert await (await there.connect(f"{base}0")).echo(base) == base
                assert len(there.doors.peers) == 3
        with pytest.raises(ConnectionFailed):
            async with home(rt, "local://one", "local://one"):
                pass
        async with home(rt, "local://one"):
            pass

    scene(scenario)


def test_tls_between_containers_shows_both_certificates(scene: Any, contexts: Any) -> None:
    async def scenario(rt: Any) -> None:
        pair = (contexts.server, contexts.client)
        async with home(rt, "tls://127.0.0.1:0", tls=pair) as there, home(rt, tls=pair) as here:
            echo = Echo(there)
            assert echo.url.startswith("tls://127.0.0.1:")
            proxy = await here.connect(echo.url)
            assert await proxy.echo(1) == 1
            async with home(rt) as stranger:
                with pytest.raises(Exception, match="TLS"):
                    await stranger.connect(echo.url)

    scene(scenario)


def test_a_container_that_never_answers_costs_no_more_than_the_time_given(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        listener, silent = await silent_listener(rt)
        async with home(rt) as here:
            proxy = here.proxy(f"tcp://127.0.0.1:{listener.address.port}/0")
            with pytest.raises(RequestTimeout):
                await proxy.echo(1, timeout=0.05)
        listener.close()
        for each in silent:
            each.transport.abort()

    scene(scenario)


async def silent_listener(rt: Any) -> tuple[Any, list[Any]]:
    """Listen, and say nothing to anyone."""
    silent: list[Any] = []

    def accept() -> Recorder:
        silent.append(Raw(rt))
        return silent[-1]

    return await rt.listen(Address("tcp", "127.0.0.1"), accept), silent


def test_a_container_that_falls_silent_is_noticed_by_its_heartbeat(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        failures: list[Failure] = []
        lost: list[str] = []
        listener, silent = await silent_listener(rt)
        url = f"tcp://127.0.0.1:{listener.address.port}/"
        async with home(rt, heartbeat=0.03, on_failure=failures.append) as here:
            await here.watch(url, lambda: lost.append("lost"))
            start = rt.time()
            with pytest.raises(ConnectionLost, match="no sign of life"):
                await here.proxy(f"{url}0").echo(1)
            assert 0.02 < rt.time() - start < 5
            await until(rt, lambda: lost == ["lost"])
            assert "no sign of life" in str(failures[0].error)
            assert here.connections.peer(Place.parse(url)) is None
        listener.close()
        for each in silent:
            each.transport.abort()

    scene(scenario)


def test_one_who_connected_and_fell_silent_is_noticed_as_well(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with home(rt, heartbeat=0.03, on_failure=lambda failure: None) as there:
            raw = Raw(rt)
            await rt.connect(Place.parse(there.url).address, lambda: raw)
            await until(rt, lambda: there.doors.peers)
            await until(rt, lambda: not there.doors.peers)
            raw.transport.abort()

    scene(scenario)


def test_who_answers_is_not_lost_however_long_its_agents_take(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        failures: list[Failure] = []
        async with (
            home(rt, on_failure=failures.append) as there,
            home(rt, heartbeat=0.05, on_failure=failures.append) as here,
        ):
            echo = Echo(there)
            echo.hold = rt.create_future()
            call = (await here.connect(echo.url)).slowly(1)
            await sleep(rt, 0.25)
            echo.hold.set_result(None)
            assert await call == 1
            assert failures == []
        with pytest.raises(ValueError, match="heartbeat"):
            async with home(rt, heartbeat=0):
                pass

    scene(scenario)


def test_a_peer_that_does_not_know_the_question_lives(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        asked: list[Any] = []

        def handle(content: Any) -> Any:
            asked.append(content[0])
            raise LookupError(content[0])

        failures: list[Failure] = []
        async with (
            serving(rt, handle, extensions=False) as server,
            home(rt, heartbeat=0.02, on_failure=failures.append) as here,
        ):
            await here.watch(f"{server.urls[0]}/", lambda: failures.append(None))  # type: ignore[arg-type]
            await until(rt, lambda: len(asked) == 3)
            assert failures == []

    scene(scenario)


def test_local_connections_are_read_in_the_order_in_which_they_were_written(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with home(rt, "local://order") as there:
            echo = Echo(there)
            homes = [home(rt, f"local://from-{number}") for number in range(3)]
            async with homes[0] as first, homes[1] as second, homes[2] as third:
                proxies = [await each.connect(echo.url) for each in (first, second, third)]
                calls = [proxies[number].keep(number) for number in (2, 0, 1, 2, 0, 1)]
                for call in calls:
                    await call
                assert echo.seen == [2, 0, 1, 2, 0, 1]
                large = "x" * 300_000
                assert await proxies[0].echo(large) == large
                assert "LocalQueue('order')" in repr(there.doors.peers[0])

    scene(scenario)


def test_a_local_name_is_free_again(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        with pytest.raises(ConnectionFailed, match="refused"):
            local.connect(rt, "nobody", lambda: Raw(rt))  # type: ignore[arg-type]  # it is not reached
        async with home(rt, "local://name"):
            pass
        async with home(rt, "local://name"), home(rt) as here:
            with pytest.raises(ConnectionFailed):
                await here.connect("local://name/0")

    scene(scenario)
