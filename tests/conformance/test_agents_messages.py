"""Messages: told, asked and published; in order, one after the other, with a limit for those that wait."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from junto.agents.container import open_container
from junto.agents.mailboxes import Policy
from junto.agents.settings import make_settings
from junto.agents.supervision import Failure
from junto.errors import (
    CodecError,
    ConnectionFailed,
    ConnectionLost,
    LocalProtocolError,
    Overloaded,
    RemoteError,
    RequestTimeout,
)

from .agents import Echo, home
from .endpoints import Recorder
from .layers import TCP, serving, until
from .worlds import sleep


class Small(Echo):
    mailbox_limit: ClassVar[int] = 2


class Forgetful(Small):
    mailbox_policy: ClassVar[Policy] = "drop-oldest"


class Stubborn(Small):
    mailbox_policy: ClassVar[Policy] = "drop-newest"


class Patient(Small):
    mailbox_policy: ClassVar[Policy] = "wait"


async def outcome_of(answer: Any) -> Any:
    try:
        return await answer
    except RemoteError as error:
        return str(error.type_name).rpartition(".")[2]


def test_what_is_told_comes_in_order_and_never_inside_the_telling(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with home(rt) as container:
            echo = Echo(container)
            for number, to in enumerate((echo, container.proxy(echo), echo.url, echo)):
                container.tell(to, "keep", number)
            echo.tell(echo, "keep", value=[4])
            assert echo.seen == []
            await until(rt, lambda: len(echo.seen) == 5)
            assert echo.seen == [0, 1, 2, 3, [4]]
            with pytest.raises(TypeError):
                container.tell(7, "keep")
            with pytest.raises(CodecError):
                container.tell(echo, "keep", object())

    scene(scenario)


@pytest.mark.parametrize("url", ["tcp://127.0.0.1:0", "local://messages"])
def test_what_is_told_elsewhere_comes_in_order_even_before_there_is_a_connection(
    scene: Any, url: str
) -> None:
    async def scenario(rt: Any) -> None:
        async with home(rt, url) as there, home(rt) as here:
            echo = Echo(there)
            for number in range(3):
                here.tell(echo.url, "keep", number)
            await until(rt, lambda: len(echo.seen) == 3)
            proxy = await here.connect(echo.url)
            for number in range(3, 400):
                here.tell(proxy, "keep", number)
            here.tell(echo, "keep", 400)
            assert await here.ask(proxy, "echo", "x") == "x"
            assert echo.seen == list(range(401))

    scene(scenario)


@pytest.mark.parametrize("extensions", [True, False])
def test_what_is_asked_keeps_its_place_among_what_is_told_before_there_is_a_connection(
    scene: Any, extensions: bool
) -> None:
    async def scenario(rt: Any) -> None:
        async with home(rt, extensions=extensions) as there, home(rt) as here:
            echo = Echo(there)
            answers = [here.ask(echo.url, "keep", 1)]
            here.tell(echo.url, "keep", 2)
            answers.append(here.ask(echo.url, "keep", 3, timeout=5))
            answers.append(here.ask(echo.url, "keep", 4))
            here.tell(echo.url, "keep", 5)
            for answer in answers:
                await answer
            await until(rt, lambda: len(echo.seen) == 5)
            assert echo.seen == [1, 2, 3, 4, 5]

    scene(scenario)


def test_what_is_said_before_there_is_a_connection_is_as_it_was_then(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with home(rt) as there, home(rt) as here:
            echo = Echo(there)
            value = [1]
            here.tell(echo.url, "keep", value)
            answers = [here.ask(echo.url, "echo", value=value), here.proxy(echo.url).echo(value)]
            value.append(2)
            for answer in answers:
                assert await answer == [1]
            assert echo.seen == [[1]]
        async with home(rt) as here:
            for send in (here.tell, here.ask):
                with pytest.raises(CodecError):
                    send(echo.url, "keep", object())
            with pytest.raises(CodecError):
                here.proxy(echo.url).echo(object())

    scene(scenario)


def test_who_closes_sends_first_what_waits_for_a_connection(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with home(rt) as there:
            echo = Echo(there)
            async with home(rt) as here:
                here.tell(echo.url, "keep", 1)
            await until(rt, lambda: echo.seen == [1])

    scene(scenario)


def test_what_could_not_be_sent_before_the_end_is_reported(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        failures: list[Failure] = []
        listener = await rt.listen(TCP, lambda: Recorder(rt))  # it never answers
        url = f"{listener.address}/0"
        here = await open_container(rt, [], make_settings(on_failure=failures.append))
        here.tell(url, "keep", 1)
        answer = here.ask(url, "keep", 2)
        given_up = here.ask(url, "keep", 3, timeout=0.01)
        with pytest.raises(RequestTimeout, match="connecting"):
            await given_up
        await here.close(0.02)
        with pytest.raises(ConnectionLost):
            await answer
        assert [type(failure.error) for failure in failures] == [ConnectionLost]
        listener.close()

    scene(scenario)


def test_who_is_told_that_a_message_is_lost_may_send_it_anew(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        failures: list[Failure] = []

        def again(failure: Failure) -> None:
            failures.append(failure)
            if len(failures) < 3:
                here.tell(url, "keep", 1)

        async with home(rt) as there:
            url = Echo(there).url
        async with home(rt, on_failure=again) as here:
            here.tell(url, "keep", 1)
            await until(rt, lambda: len(failures) == 3)
            assert [type(failure.error) for failure in failures] == [ConnectionFailed] * 3

    scene(scenario)


def test_an_agent_handles_one_message_after_the_other_but_calls_at_once(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with home(rt) as container:
            echo = Echo(container)
            echo.hold = rt.create_future()
            proxy = container.proxy(echo)
            answers = [container.ask(proxy, "slowly", number) for number in (1, 2)]
            container.tell(proxy, "keep", 3)
            await until(rt, lambda: echo.seen)
            await proxy.keep("called")
            assert echo.seen == ["begin 1", "called"]
            echo.hold.set_result(None)
            echo.hold = rt.create_future()
            assert await answers[0] == 1
            await until(rt, lambda: "begin 2" in echo.seen)
            assert 3 not in echo.seen
            echo.hold.set_result(None)
            assert await answers[1] == 2
            await until(rt, lambda: 3 in echo.seen)
            assert echo.seen == ["begin 1", "called", "end 1", "begin 2", "end 2", 3]

    scene(scenario)


def test_many_that_waited_for_a_slow_one_are_handled_in_order(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with home(rt) as container:
            echo = Echo(container)
            echo.hold = rt.create_future()
            container.tell(echo, "slowly", 0)
            await until(rt, lambda: echo.seen)
            for number in range(1, 500):
                container.tell(echo, "keep", number)
            await sleep(rt, 0)
            container.tell(echo, "keep", 500)
            echo.hold.set_result(None)
            await until(rt, lambda: 500 in echo.seen)
            assert echo.seen == ["begin 0", "end 0", *range(1, 501)]

    scene(scenario)


def test_a_full_mailbox_refuses(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        failures: list[Failure] = []
        async with home(rt, on_failure=failures.append) as there, home(rt) as here:
            small = Small(there)
            there.tell(small, "keep", 1)
            there.tell(small, "keep", 2)
            with pytest.raises(Overloaded):
                there.tell(small, "keep", 3)
            with pytest.raises(Overloaded):
                there.ask(small, "echo", 4)
            await until(rt, lambda: small.seen == [1, 2])
            there.tell(small, "keep", 5)
            await until(rt, lambda: 5 in small.seen)
            small.hold = rt.create_future()
            proxy = await here.connect(small.url)
            here.tell(proxy, "slowly", 0)
            await until(rt, lambda: "begin 0" in small.seen)
            for number in range(4):
                here.tell(proxy, "keep", number)
            with pytest.raises(RemoteError, match="Overloaded"):
                await here.ask(proxy, "echo", 4)
            small.hold.set_result(None)
            await until(rt, lambda: small.seen[-2:] == [0, 1])
            assert [type(failure.error) for failure in failures] == [Overloaded, Overloaded]

    scene(scenario)


def test_a_full_mailbox_drops_what_its_class_says(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with home(rt) as container:
            for kind, kept in ((Forgetful, [3, 4]), (Stubborn, [1, 2])):
                agent = kind(container)
                dropped = container.handling.dropped
                for number in (1, 2, 3, 4):
                    container.tell(agent, "keep", number)
                await until(rt, lambda: len(agent.seen) == 2)  # noqa: B023
                assert agent.seen == kept
                assert container.handling.dropped == dropped + 2
                agent.hold = rt.create_future()
                asked = [rt.create_task(outcome_of(container.ask(agent, "slowly", 0)))]
                await until(rt, lambda: "begin 0" in agent.seen)  # noqa: B023
                answers = [container.ask(agent, "echo", number) for number in (1, 2, 3)]
                asked += [rt.create_task(outcome_of(answer)) for answer in answers]
                await sleep(rt, 0.01)
                agent.hold.set_result(None)
                outcomes = [await task for task in asked]
                assert outcomes in ([0, "Overloaded", 2, 3], [0, 1, 2, "Overloaded"])

    scene(scenario)


def test_who_asks_waits_for_room_and_who_cannot_wait_is_refused(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        failures: list[Failure] = []
        async with home(rt, on_failure=failures.append) as there, home(rt) as here:
            agent = Patient(there)
            agent.hold = rt.create_future()
            there.tell(agent, "slowly", 0)
            await until(rt, lambda: agent.seen)
            proxy = await here.connect(agent.url)
            answers = [container.ask(proxy, "echo", n) for n in range(4) for container in (there, here)]
            await until(rt, lambda: agent._waiting == 8)
            with pytest.raises(Overloaded):
                there.tell(agent, "keep", 8)
            here.tell(proxy, "keep", 9)
            await until(rt, lambda: failures)
            assert isinstance(failures[0].error, Overloaded)
            agent.hold.set_result(None)
            assert [await answer for answer in answers] == [0, 0, 1, 1, 2, 2, 3, 3]
            there.tell(agent, "keep", 10)
            await until(rt, lambda: 10 in agent.seen)
            assert agent.seen == ["begin 0", "end 0", 10]

    scene(scenario)


def test_a_mailbox_that_makes_no_sense_is_refused_with_its_class() -> None:
    with pytest.raises(ValueError, match="drop-all"):
        type("Wrong", (Echo,), {"mailbox_policy": "drop-all"})
    with pytest.raises(ValueError, match="at least 1"):
        type("Wrong", (Echo,), {"mailbox_limit": 0})


def test_what_fails_where_nobody_waits_is_reported(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        failures: list[Failure] = []
        async with (
            home(rt, on_failure=failures.append) as there,
            home(rt, on_failure=failures.append) as here,
        ):
            echo = Echo(there)
            there.tell(echo, "fail", "no")
            there.tell(echo, "nothing")
            there.tell(f"{there.url}7", "keep", 1)
            await until(rt, lambda: len(failures) == 3)
            assert [(each.agent, each.what) for each in failures[1:]] == [(echo, "fail"), (echo, "nothing")]
            assert [type(each.error) for each in failures] == [LookupError, ValueError, LookupError]
            failures.clear()
            here.tell(echo.url, "fail", "no")
            here.tell("local://nobody/0", "keep", 1)
            await until(rt, lambda: len(failures) == 2)
            assert {type(each.error) for each in failures} == {ConnectionFailed, ValueError}
            await there.remove(echo)
            there.tell(echo, "keep", 1)
            assert echo.seen == []

    scene(scenario)


def test_asking_raises_as_a_call_does(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with home(rt) as there, home(rt) as here:
            echo = Echo(there)
            echo.hold = rt.create_future()
            for container in (there, here):
                with pytest.raises(RemoteError, match="ValueError: no"):
                    await container.ask(echo.url, "fail", "no")
                with pytest.raises(RemoteError, match="LookupError"):
                    await container.ask(f"{there.url}7", "echo", 1)
            for container in (there, here):
                with pytest.raises(RequestTimeout):
                    await container.ask(echo.url, "slowly", 1, timeout=0.02)
            waiting = there.ask(echo, "echo", 1)
            await there.remove(echo)
            with pytest.raises(RemoteError, match="LookupError"):
                await waiting
            echo.hold.set_result(None)

    scene(scenario)


def test_who_closes_waits_a_while_for_what_is_handled(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with home(rt) as container:
            echo = Echo(container)
            echo.hold = rt.create_future()
            answer = container.ask(echo, "slowly", 1)
            await until(rt, lambda: echo.seen)
            rt.call_later(0.01, echo.hold.set_result, None)
        assert await answer == 1

    scene(scenario)


def test_who_closes_tells_those_who_wait(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        failures: list[Failure] = []
        async with home(rt, on_failure=failures.append) as container:
            echo = Echo(container)
            echo.hold = rt.create_future()
            answers = [container.ask(echo, "slowly", 1), container.ask(echo, "echo", 2)]
            container.tell(echo, "keep", 3)
            await until(rt, lambda: echo.seen)
            call = container.proxy(echo).echo(3)
            await container.close(0.02)
        for answer in answers:
            with pytest.raises(ConnectionLost):
                await answer
        assert await call == 3
        assert echo.seen == ["begin 1"]
        assert failures == []
        for send in (container.tell, container.ask, container.proxy(echo.url).echo):
            with pytest.raises(ConnectionLost):
                send(echo, "keep")
        with pytest.raises(ConnectionLost):
            container.tell("tcp://127.0.0.1:1/0", "keep", 1)

    scene(scenario)


def test_what_is_published_comes_to_who_subscribed_there(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with home(rt) as there, home(rt) as here:
            near, far = Echo(there), Echo(here)
            near.subscribe("prices", lambda topic, price: near.seen.append((topic, price)))
            await here.subscribe_at(far, there.url, "prices", lambda topic, price: far.seen.append(price))
            content = [1]
            there.publish("prices", content)
            content.append(2)
            there.publish("weather", "fine")
            await here.publish_at(there.url, "prices", 7)
            await until(rt, lambda: len(near.seen) == len(far.seen) == 2)
            assert near.seen == [("prices", [1]), ("prices", 7)]
            assert far.seen == [[1], 7]
            near.unsubscribe("prices")
            near.unsubscribe("prices")
            here.unsubscribe_at(far, there.url, "prices")
            here.unsubscribe_at(far, there.url, "prices")
            await (await here.connect(near.url)).echo(1)
            there.publish("prices", 8)
            await there.subscribe_at(near, there.url, "own", lambda topic, content: near.seen.append(content))
            await there.publish_at(there.url, "own", 9)
            await until(rt, lambda: len(near.seen) == 3)
            assert (near.seen[2], len(far.seen)) == (9, 2)

    scene(scenario)


def test_who_subscribed_elsewhere_does_so_again_on_the_next_connection(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with home(rt) as here:
            echo = Echo(here)
            async with home(rt) as there:
                url = there.url
                await here.subscribe_at(echo, url, "x", lambda topic, content: echo.seen.append(content))
                there.publish("x", 1)
                await until(rt, lambda: echo.seen == [1])
            async with home(rt, url) as there:
                await until(rt, lambda: "x" in there.topics._peers)
                there.publish("x", 2)
                await until(rt, lambda: echo.seen == [1, 2])
            await here.remove(echo)

    scene(scenario)


def test_an_agent_that_has_ended_hears_nothing(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        failures: list[Failure] = []
        async with home(rt, on_failure=failures.append) as there, home(rt) as here:
            echo, other = Echo(there), Echo(there)
            proxy = there.proxy(echo)
            echo.subscribe("x", lambda topic, content: echo.seen.append(content))
            await there.remove(echo)
            for to in (echo, proxy, echo.url):
                there.tell(to, "keep", 1)
            here.tell(echo.url, "keep", 1)
            there.publish("x", 2)
            with pytest.raises(RemoteError, match="LookupError"):
                await there.ask(echo, "keep", 3)
            with pytest.raises(LocalProtocolError, match="has ended"):
                echo.subscribe("x", lambda topic, content: None)
            for url in (there.url, here.url):
                with pytest.raises(LocalProtocolError, match="has ended"):
                    await there.subscribe_at(echo, url, "x", lambda topic, content: None)
            await there.ask(other, "keep", 4)
            await until(rt, lambda: len(failures) == 4)
            assert [type(failure.error) for failure in failures] == [LookupError] * 4
            assert echo.seen == []

    scene(scenario)


def test_all_who_subscribe_in_vain_are_told(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with home(rt) as there:
            url = there.url
        async with home(rt) as here:
            both = [
                rt.create_task(here.subscribe_at(Echo(here), url, "x", lambda topic, content: None))
                for _ in range(2)
            ]
            for each in both:
                with pytest.raises(ConnectionFailed):
                    await each

    scene(scenario)


def test_who_subscribes_at_a_peer_of_old_is_told_what_that_says(scene: Any) -> None:
    async def answer(content: Any) -> Any:
        raise LookupError(f"nothing is at {content[0]}")

    async def scenario(rt: Any) -> None:
        async with serving(rt, answer, extensions=False) as server, home(rt) as here:
            for _ in range(2):
                with pytest.raises(RemoteError, match="nothing is at subscribe"):
                    await here.subscribe_at(
                        Echo(here), f"{server.urls[0]}/", "x", lambda topic, content: None
                    )

    scene(scenario)


def test_an_agent_ends_although_who_publishes_for_it_takes_nothing(scene: Any) -> None:
    class Ending(Echo):
        def stopping(self) -> None:
            self.seen.append("stopping")

    async def scenario(rt: Any) -> None:
        failures: list[Failure] = []
        async with home(rt) as there, home(rt, on_failure=failures.append) as here:
            agent = Ending(here)
            await here.subscribe_at(agent, there.url, "x", lambda topic, content: None)
            (peer,) = there.doors.peers
            peer.channel._transport.pause_reading()  # type: ignore[union-attr]  # it has one
            text = "x" * 2**20
            with pytest.raises(Overloaded):
                for _ in range(200):
                    here.tell(f"{there.url}9", "keep", text)
                    await sleep(rt, 0)
            await here.remove(agent)
            assert agent.seen == ["stopping"]
            assert [type(failure.error) for failure in failures] == [Overloaded]
            here.abort()
            there.abort()

    scene(scenario)


def test_topics_need_a_peer_that_is_junto_too(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with home(rt, extensions=False) as there, home(rt) as here:
            with pytest.raises(LocalProtocolError):
                await here.publish_at(there.url, "x", 1)
            echo = Echo(there)
            here.tell(echo.url, "keep", 1)
            assert await here.ask(echo.url, "echo", 2) == 2
            await until(rt, lambda: echo.seen == [1])
            assert await here.ask(echo.url, "echo", 3) == 3

    scene(scenario)
