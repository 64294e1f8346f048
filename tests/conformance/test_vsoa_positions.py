"""The position service: who answers, who is asked, and what comes of nonsense."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from junto.address import Address
from junto.errors import ConnectionFailed
from junto.vsoa import Position, Query
from junto.vsoa import positions as service
from junto.vsoa.positions import lookup, serve_positions

from .test_vsoa_quick import Datagrams, udp
from .vsoa import HERE, connected, serving
from .worlds import sleep

CAR = Position("127.0.0.1", 3000, security=True)


def test_a_position_is_found_by_name(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with await serve_positions(rt, {"car": CAR}, HERE) as server:
            servers = [("127.0.0.1", server.port)]
            assert await lookup(rt, "car", servers=servers) == CAR
            assert await lookup(rt, "CAR", servers=servers) == CAR
            assert await lookup(rt, "plane", servers=servers) is None
            assert await lookup(rt, "car", servers=servers, domain=2) == CAR
            assert await lookup(rt, "car", servers=servers, domain=10) is None
            assert await lookup(rt, "car", servers=[("localhost", server.port)]) == CAR
            with pytest.raises(ValueError):
                await lookup(rt, "")
        await server.wait_closed()
        await server.close()

    scene(scenario)


def test_positions_may_be_found_out_by_a_function_that_may_fail(scene: Any, caplog: Any) -> None:
    async def scenario(rt: Any) -> None:
        asked: list[Query] = []

        def find(query: Query) -> Any:
            asked.append(query)
            if query.name == "later":
                return later()
            return {"car": CAR}[query.name]

        async def later() -> Position:
            await sleep(rt, 0)
            if len(asked) > 2:
                raise RuntimeError("a mistake")
            return CAR

        async with await serve_positions(rt, find, HERE) as server:
            servers = [("127.0.0.1", server.port)]
            assert await lookup(rt, "car", servers=servers) == CAR
            assert await lookup(rt, "later", servers=servers) == CAR
            assert await lookup(rt, "later", servers=servers, wait=0.05) is None
            assert await lookup(rt, "x", servers=servers, wait=0.05) is None
            assert await lookup(rt, "car", servers=servers) == CAR
            asking = await udp(rt)
            asking.transport.sendto(b"nonsense", servers[0])
            asking.transport.sendto(b'{"name": "car"}', servers[0])
            while not asking.received:
                await sleep(rt, 0.001)
            assert len(asking.received) == 1
            asking.transport.close()

    scene(scenario)
    assert "a mistake" in caplog.text


def test_servers_are_asked_in_their_order_until_one_knows(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        mute = await udp(rt)
        liar = Datagrams()
        await rt.open_datagram(Address("tcp", "127.0.0.1", 0), lambda: liar)
        liar.datagram_received = lambda data, address: liar.transport.sendto(b"[1, 2]", address)  # type: ignore[method-assign]  # a peer that answers nonsense
        async with await serve_positions(rt, {"car": CAR}, HERE) as server:
            async with await serve_positions(rt, {}, HERE) as other:
                servers = [("127.0.0.1", port) for port in (mute.port, liar.port, other.port, server.port)]
                assert await lookup(rt, "car", servers=servers, wait=0.05) == CAR
                assert await lookup(rt, "x", servers=servers, wait=0.05) is None
        mute.transport.close()
        liar.transport.close()
        assert await lookup(rt, "car", servers=[("127.0.0.1", liar.port)], wait=0.05) is None

    scene(scenario)


def test_a_position_server_may_have_a_name_with_several_addresses(
    scene: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(rt: Any) -> None:
        async def look_up(runtime: Any, host: str) -> list[str]:
            if host != "positions.example":
                raise ConnectionFailed("there is no such host")
            return ["127.0.0.2", "127.0.0.1"]

        assert "127.0.0.1" in await rt.look_up("localhost")
        with pytest.raises(ConnectionFailed):
            await rt.look_up("\0")
        monkeypatch.setattr(type(rt), "look_up", look_up)
        async with await serve_positions(rt, {"car": CAR}, HERE) as server:
            names = [("nowhere.example", server.port), ("positions.example", server.port)]
            assert await lookup(rt, "car", servers=names, wait=0.2) == CAR
            assert await lookup(rt, "car", servers=names[:1]) is None

    scene(scenario)


def test_the_address_of_a_position_server_may_be_written_in_any_way(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        try:
            server = await serve_positions(rt, {"car": CAR}, "vsoa://[::1]:0")
        except ConnectionFailed:
            return  # no IPv6 here
        assert await lookup(rt, "car", servers=[("0:0::1", server.port)]) == CAR
        await server.close()

    scene(scenario)


def test_who_asks_for_the_wrong_family_is_told_the_position_nevertheless(scene: Any) -> None:
    """Clients of VSOA 1.0.4 ask for the family of the position server, whatever their user wants."""

    async def scenario(rt: Any) -> None:
        async with await serve_positions(rt, {"car": Position("::1", 5)}, HERE) as server:
            asking = await udp(rt)
            asking.transport.sendto(b'{"name": "car", "domain": 2}', ("127.0.0.1", server.port))
            while not asking.received:
                await sleep(rt, 0.001)
            assert b'"addr":"::1"' in asking.received[0]
            asking.transport.close()
            servers = [("127.0.0.1", server.port)]
            assert await lookup(rt, "car", servers=servers, domain=2) is None
            assert await lookup(rt, "car", servers=servers) == Position("::1", 5)

    scene(scenario)


def test_an_answer_from_elsewhere_is_none(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        asked, foreign = Datagrams(), await udp(rt)
        await rt.open_datagram(Address("tcp", "127.0.0.1", 0), lambda: asked)
        asked.datagram_received = lambda data, address: foreign.transport.sendto(  # type: ignore[method-assign]  # answers by another
            b'{"addr":"127.0.0.1","port":1,"domain":2}', address
        )
        assert await lookup(rt, "car", servers=[("127.0.0.1", asked.port)], wait=0.05) is None
        asked.transport.close()
        foreign.transport.close()

    scene(scenario)


def test_the_environment_is_asked_first_and_then_the_file(
    scene: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def scenario(rt: Any) -> None:
        monkeypatch.delenv(service.VARIABLE, raising=False)
        monkeypatch.setattr(service, "FILE", tmp_path / "vsoa.pos")
        assert list(service.configured_servers()) == []
        assert await lookup(rt, "car") is None
        async with await serve_positions(rt, {"car": CAR}, HERE) as one:
            async with await serve_positions(rt, {"car": Position("127.0.0.1", 1), "bus": CAR}, HERE) as two:
                (tmp_path / "vsoa.pos").write_text(f"# here\n127.0.0.1 {two.port}\n")
                assert await lookup(rt, "car") == Position("127.0.0.1", 1)
                monkeypatch.setenv(service.VARIABLE, f"127.0.0.1:{one.port}")
                assert await lookup(rt, "car") == CAR
                assert await lookup(rt, "bus") == CAR
                assert list(service.configured_servers()) == [
                    ("127.0.0.1", one.port),
                    ("127.0.0.1", two.port),
                ]

    scene(scenario)


def test_a_client_finds_its_server_by_name(
    scene: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def scenario(rt: Any) -> None:
        async with serving(rt) as server:
            port = int(server.addresses[0].rpartition(":")[2])
            async with await serve_positions(rt, {"car": Position("127.0.0.1", port)}, HERE) as positions:
                servers = [("127.0.0.1", positions.port)]
                async with connected(rt, "vsoa://Car", positions=servers) as client:
                    assert await client.ping() >= 0
                with pytest.raises(ConnectionFailed, match="plane"):
                    async with connected(rt, "vsoa://plane", positions=servers):
                        pass
                monkeypatch.setenv(service.VARIABLE, f"127.0.0.1:{positions.port}")
                async with connected(rt, "vsoa://car/path") as client:
                    assert await client.ping() >= 0

    scene(scenario)


def test_a_source_that_gives_no_position_at_all_ends_nothing(scene: Any, caplog: Any) -> None:
    async def scenario(rt: Any) -> None:
        found: Any = {"car": ("127.0.0.1", 3000), "plane": "text", "bus": CAR}
        async with await serve_positions(rt, found, HERE) as server:
            servers = [("127.0.0.1", server.port)]
            assert await lookup(rt, "car", servers=servers, wait=0.02) is None
            assert await lookup(rt, "plane", servers=servers, wait=0.02) is None
            assert await lookup(rt, "bus", servers=servers) == CAR

    scene(scenario)
    assert caplog.text.count("no position was found out") == 2
