"""What a seed makes of what may go wrong, and what it does to hosts and to the network between them."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable, Coroutine
from itertools import pairwise
from typing import Any

import pytest

from junto.sim import Fault, Faults, Host, Outcome, Plan, PlanError, World, run
from junto.sim.choices import Choices

HOSTS = ["n1", "n2", "n3"]
ALL = [f"n{number}" for number in range(5)]


def drawn(seed: int, faults: Faults, hosts: list[str] = HOSTS, duration: float = 60) -> Plan:
    return faults.plan(Choices(seed), hosts, duration)


def kinds(plan: Plan) -> set[str]:
    return {fault.kind for fault in plan}


# Drawing


def test_a_plan_follows_from_the_seed() -> None:
    faults = Faults(crash=True, partition=True)
    assert drawn(1, faults) == drawn(1, faults) != drawn(2, faults)
    assert kinds(drawn(1, faults)) == {"kill", "partition"}


def test_a_kind_that_is_left_out_changes_no_other() -> None:  # R2
    both = drawn(3, Faults(crash=True, pause=True, partition=True))
    one = drawn(3, Faults(crash=True, partition=True))
    assert Plan(fault for fault in both if fault.kind != "pause") == one


def test_only_hosts_that_are_named_are_hit() -> None:
    for seed in range(10):
        plan = drawn(seed, Faults(crash=["n1"], skew=["n2", "elsewhere"]))
        assert {fault.hosts for fault in plan if fault.kind == "kill"} <= {("n1",)}
        assert {fault.hosts for fault in plan if fault.kind == "skew"} <= {("n2",)}


def test_conditions_of_the_network_come_first_and_last_for_the_whole_run() -> None:
    plan = drawn(1, Faults(latency=(0.001, 0.05), chunking=0.3, loss=0.1, bandwidth=1e6))
    assert str(plan) == (
        "0.000s latency * low=0.001 high=0.05\n"
        "0.000s bandwidth * rate=1000000.0\n"
        "0.000s chunking * p=0.3\n"
        "0.000s loss * p=0.1 for 48.000s"
    )


def test_all_faults_are_over_in_the_last_part_of_a_run() -> None:  # F2
    for seed in range(20):
        plan = drawn(seed, Faults.swarming(swarm=False), ALL)
        assert plan.end_ns <= 48 * 10**9
        assert len(kinds(plan)) > 10
    assert drawn(1, Faults(crash=True, until=1.0, every=1)).end_ns > 48 * 10**9


def test_there_are_no_faults_in_quiet_times() -> None:  # F2
    for seed in range(20):
        plan = drawn(seed, Faults(crash=True, partition=True, every=2, quiet=((0, 5), (20, 30))))
        for fault in plan:
            assert fault.end_ns is not None
            for begin, end in ((0, 5), (20, 30)):
                assert fault.end_ns <= begin * 10**9 or fault.at_ns >= end * 10**9
        assert len(plan) > 5


def away(plan: Plan, hosts: list[str]) -> int:
    """Count how many hosts are down or cut off at the worst moment."""
    worst = 0
    for moment in plan:
        lost: set[str] = set()
        for fault in plan:
            if fault.at_ns <= moment.at_ns <= (fault.end_ns or 10**18):
                if fault.kind == "partition":
                    sides = [set(side) & set(hosts) for side in fault.sides]
                    lost |= set().union(*sides) - max(sides, key=len)
                else:
                    lost |= set(fault.hosts)
        worst = max(worst, len(lost & set(hosts)))
    return worst


def test_a_quorum_stays_up_and_together() -> None:  # F2
    faults: dict[str, Any] = {
        **dict.fromkeys(["crash", "power_off", "pause", "restart", "signal", "partition"], True),
        "every": 3,
    }
    without = [away(drawn(seed, Faults(**faults), ALL), ALL) for seed in range(20)]
    assert max(without) > 2
    assert max(away(drawn(seed, Faults(quorum=True, **faults), ALL), ALL) for seed in range(20)) == 2
    assert max(away(drawn(seed, Faults(quorum=4, **faults), ALL), ALL) for seed in range(20)) == 1
    some = ALL[:3]
    assert max(away(drawn(seed, Faults(quorum=some, **faults), ALL), some) for seed in range(20)) == 1


def test_a_swarm_has_other_kinds_for_each_seed() -> None:  # F3
    faults = Faults.swarming()
    found = [frozenset(kinds(drawn(seed, faults, ALL))) for seed in range(30)]
    assert len(set(found)) > 25
    assert 3 < sum(map(len, found)) / len(found) < 14
    assert frozenset().union(*found) >= {"kill", "partition", "pause", "reset", "dns", "gray", "jump", "loss"}


def test_a_plan_that_was_drawn_can_be_read_again() -> None:  # F4
    for seed in range(10):
        plan = drawn(seed, Faults.swarming(), ALL)
        assert Plan.from_text(str(plan)) == plan


@pytest.mark.parametrize(
    "wrong", [{"lasting": (0, 1)}, {"lasting": (2, 1)}, {"until": 0}, {"every": 0}, {"until": 1.5}]
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="="):
        Faults(**wrong)


def test_a_name_is_no_list_of_names() -> None:
    with pytest.raises(TypeError, match="crash"):
        Faults(crash="n1")


# Carrying out: hosts


def carried_out(
    plan: str,
    program: Callable[..., Coroutine[Any, Any, Any]],
    *,
    duration: float = 10,
    look: Callable[[World, Host], Any] = lambda world, host: None,
    at: float = 0,
) -> tuple[Outcome, Any]:
    """Run a program on n1 with a plan; return what came of it, and what was seen of n1 at a time."""

    async def main(world: World) -> Any:
        host = world.host("n1")
        host.run(program)
        await world.sleep(at)
        seen = look(world, host)
        await world.sleep(duration - at)
        return seen

    outcome = run(main, 1, plan=plan, monotonic_start=0)
    assert outcome.error is None, outcome.error
    return outcome, outcome.result


async def idle() -> None:
    await asyncio.sleep(1000)


@pytest.mark.parametrize("kind", ["kill", "power_off", "signal"])
def test_a_host_is_down_for_the_time_of_a_fault(kind: str) -> None:
    outcome, down = carried_out(f"1s {kind} n1 for 2s", idle, at=2, look=lambda _, host: not host.alive)
    assert down
    assert [(injected.hits, injected.ended_ns) for injected in outcome.faults] == [(1, 3 * 10**9)]


def test_a_host_that_is_down_already_is_left_to_who_stopped_it() -> None:
    outcome, alive = carried_out(
        "1s kill n1 for 5s; 2s kill n1 for 1s", idle, at=4, look=lambda _, host: host.alive
    )
    assert not alive
    assert [str(injected) for injected in outcome.faults] == [
        "1.000s kill n1 for 5.000s (hit 1)",
        "2.000s kill n1 for 1.000s (hit nothing)",
    ]


def test_a_host_that_is_started_meanwhile_is_not_started_again() -> None:
    _, boot = carried_out("1s kill n1 for 4s; 2s restart n1", idle, at=9, look=lambda _, host: host.boot)
    assert boot == 2


def test_a_host_restarts_again_and_again() -> None:
    _, boot = carried_out("1s restart_loop n1 every=1 for 3.5s", idle, at=9, look=lambda _, host: host.boot)
    assert boot == 5


def test_pauses_and_slowness_end() -> None:
    _, state = carried_out("1s pause n1 for 1s", idle, at=1.5, look=lambda _, host: host.running)
    assert not state
    _, cost = carried_out(
        "1s slow n1 factor=50 for 1s", idle, at=1.5, look=lambda _, host: host.callback_cost
    )
    assert cost == 50_000
    outcome, state = carried_out(
        "1s pause n1 for 1s; 1s slow n1 factor=50 for 0.9s",
        idle,
        at=5,
        look=lambda _, h: (h.running, h.slowness),
    )
    assert state == (True, 1)
    assert "slow n1 factor=50 for 0.900s (hit nothing)" in str(outcome.faults[1])


def test_clocks_go_wrong_for_a_time() -> None:
    def offset(world: World, host: Host) -> tuple[float, float]:
        return round(host.time_ns() / 1e9 - 1_800_000_000 - world.now, 3), round(
            host.monotonic_ns() / 1e9 - world.now, 3
        )

    assert carried_out("1s skew n1 by=-5 for 2s", idle, at=2, look=offset)[1] == (-5, 0)
    assert carried_out("1s skew n1 by=-5 for 2s", idle, at=4, look=offset)[1] == (0, 0)
    assert carried_out("1s jump n1 by=7", idle, at=9, look=offset)[1] == (7, 0)
    assert carried_out("1s drift n1 rate=1.5 for 2s", idle, at=9, look=offset)[1] == (1, 1)


def test_a_signal_reaches_its_handler() -> None:
    got: list[str] = []

    async def listen() -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, got.append, "interrupted")
        await asyncio.sleep(1000)

    outcome, alive = carried_out(
        "1s signal n1 signal=SIGINT for 1s", listen, at=5, look=lambda _, host: host.alive
    )
    assert got == ["interrupted"]
    assert alive
    assert outcome.faults[0].hits == 1


def test_a_fault_on_nobody_is_marked() -> None:  # F1
    outcome, _ = carried_out("1s kill nobody for 1s; 99s kill n1", idle)
    assert [str(fault) for fault in outcome.faults] == ["1.000s kill nobody for 1.000s (hit nothing)"]
    assert str(outcome.plan) == "1.000s kill nobody for 1.000s"


def test_faults_are_recorded_with_what_they_hit() -> None:  # F1
    async def main(world: World) -> None:
        world.host("n1").run(idle)
        await world.sleep(5)

    trace = run(main, 1, plan="1s kill n1 for 1s", trace="net").trace
    assert trace is not None
    found = [(when, kind, detail) for when, _, kind, *_, detail in trace.events if kind.startswith("fault")]
    assert found == [
        (10**9, "fault", "1.000s kill n1 for 1.000s"),
        (2 * 10**9, "fault_end", "1.000s kill n1 for 1.000s (hit 1)"),
    ]


@pytest.mark.parametrize("text", ["1s slow n1 factor=much", "1s signal n1 signal=SIGNOTHING", "1s loss a|b"])
def test_a_parameter_that_makes_no_sense_ends_the_run(text: str) -> None:
    async def main(world: World) -> None:
        world.hosts("n1", "a", "b")
        await world.sleep(5)

    assert isinstance(run(main, plan=text).error, PlanError)


# Carrying out: the network


async def serve() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(line)
        except ConnectionResetError:
            pass
        writer.close()

    server = await asyncio.start_server(echo, "", 80)
    await server.serve_forever()


async def ask(log: list[tuple[float, float]], clock: Callable[[], float], whom: str = "server") -> None:
    """Ask every 0.1 s, on one connection; write down when, and how long the answer took."""
    reader, writer = await asyncio.open_connection(whom, 80)
    try:
        while True:
            begin = clock()
            writer.write(b"hello\n")
            await reader.readline()
            if reader.at_eof():
                return
            log.append((begin, clock() - begin))
            await asyncio.sleep(0.1)
    finally:
        writer.close()


def asked(plan: str, duration: float = 10, **options: Any) -> tuple[list[tuple[float, float]], Outcome]:
    log: list[tuple[float, float]] = []

    async def main(world: World) -> None:
        server, client, _ = world.hosts("server", "client", "third")
        server.run(serve)
        client.run(ask, log, lambda: world.now)
        world.expect_error(client, ConnectionResetError)
        await world.sleep(duration)

    outcome = run(main, 1, plan=plan, **options)
    assert outcome.error is None, outcome.error
    return log, outcome


def slowest(log: list[tuple[float, float]], begin: float, end: float) -> float:
    return max((took for when, took in log if begin <= when < end), default=0.0)


@pytest.mark.parametrize(
    "fault",
    ["partition server|client", "partition client>server,third", "partition client,third|server,third"],
)
def test_a_partition_holds_what_is_sent_until_it_is_healed(fault: str) -> None:
    log, outcome = asked(f"2s {fault} for 3s")
    assert slowest(log, 0, 1.9) < 0.01
    assert slowest(log, 1.9, 3) > 2.9
    assert slowest(log, 7, 10) < 0.01
    assert outcome.faults[0].hits > 0


def test_who_is_on_both_sides_is_cut_off_from_nobody() -> None:
    log, outcome = asked("2s partition client,server|server,third for 3s")
    assert slowest(log, 0, 10) < 0.01
    assert outcome.faults[0].hits == 0


def test_a_partition_that_flaps_lets_some_pass() -> None:
    log, _ = asked("2s partition server|client flap=0.07 for 3s")
    assert len([1 for when, _ in log if 2 < when < 5]) > 3
    assert slowest(log, 2, 5) > 0.1


def test_partitions_that_overlap_end_with_the_last_one() -> None:
    log, _ = asked("2s partition server|client for 2s; 3s partition client|* for 3s")
    assert 3.9 < slowest(log, 1.9, 3) < 7


def test_latency_of_a_link_is_as_usual_after_a_fault() -> None:
    log, outcome = asked(
        "2s latency server|client low=0.5 high=0.6 for 2s; 3s latency client|* low=1 high=1 for 3s"
    )
    assert slowest(log, 0, 1.5) < 0.01
    assert 1 < slowest(log, 2, 2.9) < 1.7
    assert slowest(log, 3.1, 5) >= 2
    assert slowest(log, 8.1, 10) < 0.01
    assert all(injected.hits > 1 for injected in outcome.faults)


def test_what_concerns_the_whole_network_concerns_links_that_are_made_later_and_ends() -> None:
    log, _ = asked("0s latency * low=0.2 high=0.2 for 4s; 2s latency client|server low=0.3 high=0.3 for 1s")
    assert slowest(log, 0, 1.5) == pytest.approx(0.4, abs=0.01)
    assert slowest(log, 2, 2.9) == pytest.approx(0.6, abs=0.01)
    assert slowest(log, 3.1, 3.9) == pytest.approx(0.4, abs=0.01)
    assert slowest(log, 4.1, 9) < 0.01


def test_loss_takes_time_and_a_gray_host_is_slow_for_some_only() -> None:
    log, _ = asked("2s loss client>server p=0.9 for 3s")
    assert slowest(log, 2, 4) > 0.2
    log, _ = asked("2s gray server|client latency=0.4 loss=0 for 3s")
    assert 0.4 <= slowest(log, 2, 4) <= 0.81
    log, outcome = asked("2s gray server|third latency=0.4 loss=0 for 3s")
    assert slowest(log, 2, 4) < 0.01
    assert outcome.faults[0].hits == 0


def test_a_reset_breaks_the_connections_between_two_hosts() -> None:
    log, outcome = asked("2s reset server|third; 3s reset client|server")
    assert 2.8 < log[-1][0] <= 3
    assert [injected.hits for injected in outcome.faults] == [0, 1]


def test_names_are_not_found_late_or_wrong_for_some_hosts() -> None:
    found: list[tuple[float, Any]] = []

    async def look_up(world: World) -> None:
        while True:
            begin = world.now
            try:
                infos = await asyncio.get_running_loop().getaddrinfo("server", 80)
                found.append((begin, infos[0][4][0]))
            except socket.gaierror as error:
                found.append((begin, error.errno))
            await asyncio.sleep(1)

    async def main(world: World) -> str:
        server, client, _ = world.hosts("server", "client", "other")
        client.run(look_up, world)
        await world.sleep(12)
        return server.ip

    outcome = run(
        main,
        plan="2.5s dns client for 1s; 4.5s dns client delay=3 for 0.9s; 8.8s dns * name=server answer=other for 1s",
    )
    answers = [answer for _, answer in found]
    assert outcome.error is None
    assert answers.count(socket.EAI_AGAIN) == 1
    assert set(answers) == {outcome.result, socket.EAI_AGAIN, "10.0.0.3"}
    gaps = [later[0] - earlier[0] for earlier, later in pairwise(found)]
    assert max(gaps) == pytest.approx(4, abs=0.01)
    assert [injected.hits for injected in outcome.faults] == [1, 1, 1]


def test_a_fault_on_one_link_leaves_the_choices_of_others() -> None:  # R2
    def choices_between(plan: str) -> list[float]:
        log: list[tuple[float, float]] = []

        async def main(world: World) -> None:
            server, client, third, fourth = world.hosts("server", "client", "third", "fourth")
            server.run(serve)
            client.run(ask, log, lambda: world.now)
            third.run(serve)
            fourth.run(ask, [], lambda: world.now, "third")
            await world.sleep(5)

        run(main, 5, plan=plan)
        return [took for _, took in log]

    assert choices_between("") == choices_between(
        "1s loss third|fourth p=0.5 for 3s; 2s partition third|fourth"
    )


def test_faults_named_in_a_test_can_be_injected_by_the_program_itself() -> None:
    async def main(world: World) -> list[bool]:
        host = world.host("n1")
        host.run(idle)
        world.inject("1s kill n1 for 1s")
        world.inject([Fault(3 * 10**9, "pause", ("n1",), {}, 10**9)])
        drawn = world.swarm(20, pause=False)
        assert "pause" not in kinds(drawn)
        seen = []
        for _ in range(4):
            await world.sleep(1.01 if not seen else 1)
            seen.append(host.running)
        return seen

    outcome = run(main, 3)
    assert outcome.result == [False, True, False, True]
