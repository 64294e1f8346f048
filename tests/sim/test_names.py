"""Names, addresses and ports of simulated hosts."""

from __future__ import annotations

import asyncio
import errno
import socket
import time
from typing import Any

import pytest

from junto.sim import Host, World

from .net_scenarios import run_world


async def look_up(name: Any, port: Any = 80, **hints: Any) -> Any:
    loop = asyncio.get_running_loop()
    hints.setdefault("type", socket.SOCK_STREAM)
    begin = loop.time()
    try:
        infos = await loop.getaddrinfo(name, port, **hints)
    except socket.gaierror as error:
        return next(n for n in dir(socket) if n.startswith("EAI_") and getattr(socket, n) == error.errno)
    finally:
        took = loop.time() - begin
        assert took < 1
    return [info[4][:2] for info in infos]


def answers(*asked: Any, ipv6: bool = False, **hints: Any) -> list[Any]:
    async def scenario(world: World, a: Host, b: Host) -> Any:
        world.dns["both"] = ["b", "a"]
        world.dns["db.example.org"] = "192.0.2.7"
        return [await a.run(lambda name=name: look_up(name, **hints)).wait() for name in asked]

    result: list[Any] = run_world(scenario, "a", "b", ipv6=ipv6)
    return result


def test_hosts_aliases_and_literals_are_resolved() -> None:  # N1
    found = answers("a", "B.", "both", "db.example.org", "10.1.2.3", b"b", "localhost", "127.1")
    assert found == [
        [("10.0.0.1", 80)],
        [("10.0.0.2", 80)],
        [("10.0.0.2", 80), ("10.0.0.1", 80)],
        [("192.0.2.7", 80)],
        [("10.1.2.3", 80)],
        [("10.0.0.2", 80)],
        [("127.0.0.1", 80)],
        [("127.0.0.1", 80)],
    ]


def test_names_of_other_scripts_are_resolved() -> None:  # N1
    async def scenario(world: World, a: Host) -> Any:
        world.dns["xn--mller-kva"] = ["a"]
        return await a.run(look_up, "müller").wait()

    assert run_world(scenario, "a") == [("10.0.0.1", 80)]


def test_an_unknown_name_is_an_error() -> None:  # N1
    assert answers("nobody") == ["EAI_NONAME"]
    assert answers("b", flags=socket.AI_NUMERICHOST) == ["EAI_NONAME"]


def test_services_have_names() -> None:  # N1
    async def scenario(world: World, a: Host) -> Any:
        return [await a.run(look_up, "a", port).wait() for port in ("https", "80", None, b"ssh", "no such")]

    found = run_world(scenario, "a")
    assert found == [
        [("10.0.0.1", 443)],
        [("10.0.0.1", 80)],
        [("10.0.0.1", 0)],
        [("10.0.0.1", 22)],
        "EAI_SERVICE",
    ]


def test_flags_and_families_are_honoured() -> None:  # N1
    assert answers(None, flags=socket.AI_PASSIVE) == [[("0.0.0.0", 80)]]
    assert answers(None) == [[("127.0.0.1", 80)]]
    mapped = answers("b", family=socket.AF_INET6, flags=socket.AI_V4MAPPED)
    assert mapped == [[("::ffff:10.0.0.2", 80)]]
    assert answers("b", family=socket.AF_INET6) == ["EAI_NONAME"]
    assert answers("10.0.0.2", family=socket.AF_INET6) == ["EAI_ADDRFAMILY"]


def test_hosts_have_ipv6_addresses_if_the_world_has_ipv6() -> None:  # H2, N1
    assert answers("b", "localhost", None, ipv6=True, flags=socket.AI_PASSIVE) == [
        [("fd00::2", 80), ("10.0.0.2", 80)],
        [("::1", 80), ("127.0.0.1", 80)],
        [("0.0.0.0", 80), ("::", 80)],
    ]


def test_an_answer_takes_time_and_changes_in_mid_run() -> None:  # N1
    async def scenario(world: World, a: Host, b: Host) -> Any:
        world.dns.latency = 0.5
        times = []
        for name in ("a", "a", "127.0.0.1"):
            begin = world.now
            await a.run(look_up, name).wait()
            times.append(round(world.now - begin, 2))
        world.dns["service"] = ["a"]
        before = await a.run(look_up, "service").wait()
        world.dns["service"] = ["b"]
        after = await a.run(look_up, "service").wait()
        return times, before, after

    assert run_world(scenario, "a", "b") == ([0.5, 0.5, 0], [("10.0.0.1", 80)], [("10.0.0.2", 80)])


def test_resolution_may_fail_for_a_while() -> None:  # N1
    async def scenario(world: World, a: Host) -> Any:
        seen = []
        for act in (world.dns.fail, lambda: world.dns.recover(), lambda: world.dns.fail("b")):
            act()
            seen.append(await a.run(look_up, "a").wait())
        return seen

    assert run_world(scenario, "a") == ["EAI_AGAIN", [("10.0.0.1", 80)], [("10.0.0.1", 80)]]


def test_addresses_have_names() -> None:  # N1
    async def scenario(world: World, a: Host, b: Host) -> Any:
        async def ask(address: Any, flags: int) -> Any:
            return await asyncio.get_running_loop().getnameinfo(address, flags)

        return [
            await a.run(ask, ("10.0.0.2", 443), 0).wait(),
            await a.run(ask, ("10.0.0.2", 443), socket.NI_NUMERICHOST | socket.NI_NUMERICSERV).wait(),
            await a.run(ask, ("10.7.7.7", 4), 0).wait(),
        ]

    assert run_world(scenario, "a", "b") == [("b", "https"), ("10.0.0.2", "443"), ("10.7.7.7", "4")]


def bind_errors(*binds: Any) -> list[Any]:
    """Bind sockets of one host one after the other: (family, address, options); tell errors."""

    async def scenario(world: World, a: Host, b: Host) -> Any:
        async def bind_all() -> list[str]:
            seen, kept = [], []
            for family, address, *options in binds:
                sock = socket.socket(family)
                kept.append(sock)
                for option in options:
                    sock.setsockopt(*option)
                try:
                    sock.bind(address)
                    sock.listen()
                    seen.append("bound")
                except OSError as error:
                    seen.append(errno.errorcode[error.errno])
            for sock in kept:
                sock.close()
            return seen

        return await a.run(bind_all).wait()

    result: list[Any] = run_world(scenario, "a", "b")
    return result


FOUR, SIX = socket.AF_INET, socket.AF_INET6
REUSE_PORT = (socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
REUSE_ADDRESS = (socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
ONLY_SIX = (socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)


def test_a_port_belongs_to_one_listener_of_an_address() -> None:  # N2
    assert bind_errors((FOUR, ("", 80)), (FOUR, ("10.0.0.1", 80))) == ["bound", "EADDRINUSE"]
    assert bind_errors((FOUR, ("127.0.0.1", 80)), (FOUR, ("10.0.0.1", 80))) == ["bound", "bound"]
    assert bind_errors((FOUR, ("", 80), REUSE_ADDRESS), (FOUR, ("", 80), REUSE_ADDRESS)) == [
        "bound",
        "EADDRINUSE",
    ]
    assert bind_errors((FOUR, ("", 80), REUSE_PORT), (FOUR, ("", 80), REUSE_PORT)) == ["bound", "bound"]


def test_only_own_addresses_can_be_bound() -> None:  # N2
    assert bind_errors((FOUR, ("10.0.0.2", 80)), (FOUR, ("127.0.0.9", 80))) == ["EADDRNOTAVAIL", "bound"]


def test_a_dual_stack_listener_takes_the_port_of_ipv4_too() -> None:  # N2
    assert bind_errors((SIX, ("::", 80)), (FOUR, ("", 80))) == ["bound", "EADDRINUSE"]
    assert bind_errors((SIX, ("::", 80), ONLY_SIX), (FOUR, ("", 80))) == ["bound", "bound"]


def test_port_0_takes_a_free_one_that_the_server_tells() -> None:  # N2
    async def scenario(world: World, a: Host, b: Host) -> Any:
        async def serve() -> Any:
            servers = [await asyncio.start_server(lambda r, w: w.close(), "0.0.0.0", 0) for _ in range(3)]
            names = [server.sockets[0].getsockname() for server in servers]
            for server in servers:
                server.close()
            return names

        names = await a.run(serve).wait()
        assert len(set(names)) == 3
        assert all(ip == "0.0.0.0" and 32768 <= port < 61000 for ip, port in names)
        return names

    run_world(scenario, "a", "b")


def test_listeners_that_share_a_port_share_its_connections() -> None:  # N2
    async def scenario(world: World, a: Host, b: Host) -> Any:
        counts = [0, 0]

        async def serve(number: int) -> None:
            def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                counts[number] += 1
                writer.close()

            await asyncio.start_server(count, "0.0.0.0", 80, reuse_port=True)

        for number in range(2):
            await a.run(serve, number).wait()

        async def ask() -> None:
            for _ in range(40):
                _, writer = await asyncio.open_connection("a", 80)
                writer.close()
            await asyncio.sleep(1)

        await b.run(ask).wait()
        assert sum(counts) == 40
        return min(counts) > 5

    assert run_world(scenario, "a", "b")


@pytest.mark.parametrize("family", [FOUR, SIX])
def test_peers_see_the_address_and_port_that_answer_them(family: int) -> None:  # N3
    async def scenario(world: World, a: Host, b: Host) -> Any:
        seen: dict[str, Any] = {}

        def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            seen["server"] = writer.get_extra_info("peername"), writer.get_extra_info("sockname")
            writer.close()

        async def serve() -> None:
            sock = socket.socket(family)
            sock.bind(("::" if family == SIX else "0.0.0.0", 80))
            await asyncio.start_server(note, sock=sock)

        await a.run(serve).wait()

        async def ask() -> None:
            _, writer = await asyncio.open_connection("a", 80)
            seen["client"] = writer.get_extra_info("peername"), writer.get_extra_info("sockname")
            await asyncio.sleep(1)
            writer.close()

        await b.run(ask).wait()
        (their_peer, their_name), (my_peer, my_name) = seen["server"], seen["client"]
        assert my_peer == ("10.0.0.1", 80)
        assert my_name[0] == "10.0.0.2"
        mapped = "::ffff:" if family == SIX else ""
        assert their_peer[:2] == (mapped + my_name[0], my_name[1])
        assert their_name[:2] == (mapped + "10.0.0.1", 80)
        return True

    assert run_world(scenario, "a", "b")


def test_happy_eyeballs_tries_both_families() -> None:  # N1, section 1.3
    async def scenario(world: World, a: Host, b: Host) -> Any:
        async def serve() -> None:
            await asyncio.start_server(lambda r, w: w.close(), "0.0.0.0", 80)

        await a.run(serve).wait()

        async def ask() -> Any:
            _, writer = await asyncio.open_connection("a", 80, happy_eyeballs_delay=0.25)
            writer.close()
            return writer.get_extra_info("peername")

        return await b.run(ask).wait()

    assert run_world(scenario, "a", "b", ipv6=True) == ("10.0.0.1", 80)


def test_servers_of_both_families_answer_by_both() -> None:  # H2, N2
    async def scenario(world: World, a: Host, b: Host) -> Any:
        async def serve() -> None:
            await asyncio.start_server(lambda r, w: w.close(), None, 80)

        await a.run(serve).wait()

        async def ask() -> Any:
            peers = []
            for family in (FOUR, SIX):
                _, writer = await asyncio.open_connection("a", 80, family=family)
                peers.append(writer.get_extra_info("peername")[0])
                writer.close()
            return peers

        return await b.run(ask).wait()

    assert run_world(scenario, "a", "b", ipv6=True) == ["10.0.0.1", "fd00::1"]


def test_an_alias_leads_to_the_first_of_its_addresses_that_answers_and_may_change() -> None:  # N1
    async def scenario(world: World, a: Host, b: Host, client: Host) -> Any:
        async def serve(name: bytes) -> None:
            async def tell(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                writer.write(name)
                await asyncio.sleep(5)
                writer.write(b" still")
                writer.close()

            await asyncio.start_server(tell, "0.0.0.0", 80)

        await b.run(serve, b"b").wait()
        world.dns["service"] = ["a", "b"]

        async def ask() -> Any:
            reader, writer = await asyncio.open_connection("service", 80)
            first = await reader.readexactly(1)
            a.run(serve, b"a")
            await asyncio.sleep(0.1)
            world.dns["service"] = ["10.0.0.1", "nobody", "b"]
            again, other = await asyncio.open_connection("service", 80)
            second = await again.readexactly(1)
            rest = await reader.read()
            del world.dns["service"]
            with pytest.raises(socket.gaierror):
                await asyncio.open_connection("service", 80)
            for one in (writer, other):
                one.close()
            return first, second, rest

        return await client.run(ask).wait()

    assert run_world(scenario, "a", "b", "client") == (b"b", b"a", b" still")


def test_blocking_questions_have_the_answers_of_the_world() -> None:  # N1
    def ask() -> list[Any]:
        begin = time.monotonic()
        mapped = socket.AI_V4MAPPED | socket.AI_ALL
        seen = [
            socket.gethostbyname("both"),
            socket.gethostbyname_ex("both"),
            socket.gethostbyaddr("10.0.0.2")[0],
            socket.getnameinfo(("10.0.0.2", 80), 0),
            [info[4] for info in socket.getaddrinfo(b"both", "http", type=socket.SOCK_STREAM)],
            socket.getaddrinfo("müller", 1, socket.AF_INET6, socket.SOCK_DGRAM, 0, mapped)[0][4][0],
            socket.getaddrinfo("b", None, type=socket.SOCK_STREAM, flags=socket.AI_CANONNAME)[0][3],
            socket.getservbyname("https"),
        ]
        for unknown in ("nobody", b"nobody", "über.example"):
            with pytest.raises(socket.gaierror) as caught:
                socket.getaddrinfo(unknown, 80)
            seen.append(caught.value.errno == socket.EAI_NONAME)
        assert 0.001 < time.monotonic() - begin < 0.1
        return seen

    async def scenario(world: World, a: Host, b: Host) -> Any:
        world.dns["both"] = ["b", "a"]
        world.dns["xn--mller-kva"] = "a"
        return await a.run(asyncio.to_thread, ask).wait()

    assert run_world(scenario, "a", "b") == [
        "10.0.0.2",
        ("both", [], ["10.0.0.2", "10.0.0.1"]),
        "b",
        ("b", "http"),
        [("10.0.0.2", 80), ("10.0.0.1", 80)],
        "::ffff:10.0.0.1",
        "b",
        443,
        *[True] * 3,
    ]


@pytest.mark.parametrize("address", [None, "", "0.0.0.0", "::"])
def test_a_wildcard_stands_for_each_address_of_its_host(address: str | None) -> None:  # N2
    async def scenario(world: World, a: Host, b: Host) -> Any:
        async def serve() -> None:
            sock = None
            if address == "::":  # of both families, which asyncio's own servers are not
                sock = socket.create_server(("::", 80), family=SIX, dualstack_ipv6=True)
            where: Any = {"sock": sock} if sock else {"host": address, "port": 80}
            await asyncio.start_server(lambda r, w: w.close(), **where)

        await a.run(serve).wait()

        async def reach(host: str) -> str:
            try:
                _, writer = await asyncio.open_connection(host, 80)
            except ConnectionRefusedError:
                return "refused"
            writer.close()
            return "reached"

        return [
            await a.run(reach, "127.0.0.1").wait(),
            await b.run(reach, "10.0.0.1").wait(),
            await b.run(reach, "fd00::1").wait(),
            await b.run(reach, "127.0.0.1").wait(),
        ]

    sees_ipv6 = "refused" if address == "0.0.0.0" else "reached"
    found = run_world(scenario, "a", "b", ipv6=True)
    assert found == ["reached", "reached", sees_ipv6, "refused"]
