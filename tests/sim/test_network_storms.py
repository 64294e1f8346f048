"""Connections under kills, cuts, resets and bad links, all at random: what must hold whatever happens."""

from __future__ import annotations

import asyncio
from typing import Any

from junto.sim import Host, World

from .net_scenarios import run_world

LETTERS = bytes(range(256)) * 4096


async def storm(world: World, *hosts: Host) -> Any:
    """Let hosts send each other the same bytes, while everything goes wrong."""
    choices = world.choices.stream("storm", "world")
    world.net.change(latency=(0.0005, 0.05), loss=0.02)
    received: list[int] = []
    world.expect_error(None, OSError)
    world.expect_error(None, asyncio.IncompleteReadError)

    async def collect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got = 0
        try:
            while data := await reader.read(10_000):
                assert data == LETTERS[got : got + len(data)], "bytes were lost, doubled or swapped"
                got += len(data)
                if got % 7 == 0:
                    await asyncio.sleep(0.01)
            writer.write(got.to_bytes(4, "big"))
            await writer.drain()
        finally:
            received.append(got)
            writer.close()

    async def serve() -> None:
        server = await asyncio.start_server(collect, "0.0.0.0", 80)
        await server.serve_forever()

    async def talk(peer: str) -> None:
        sent = 0
        while True:
            await asyncio.sleep(1)
            try:
                reader, writer = await asyncio.wait_for(asyncio.open_connection(peer, 80), 10)
            except (OSError, TimeoutError):
                continue
            try:
                sent = 0
                for size in (1, 100, 5_000, 60_000, 300_000, 17):
                    writer.write(LETTERS[sent : sent + size])
                    sent += size
                    await asyncio.wait_for(writer.drain(), 20)
                writer.write_eof()
                answer = await asyncio.wait_for(reader.readexactly(4), 20)
                assert int.from_bytes(answer, "big") == sent, "an answer came though not all was read"
            except (OSError, TimeoutError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.close()

    for host in hosts:
        host.run(serve)
        for peer in hosts:
            if peer is not host:
                host.run(talk, peer.name)
    for _ in range(20):
        await world.sleep(choices.uniform(0.05, 2))
        host, other = hosts[choices.below(3)], hosts[choices.below(3)]
        act = choices.below(8)
        if act == 0:
            host.kill()
        elif act == 1:
            host.power_off()
        elif act == 2:
            host.restart()
        elif act == 3:
            world.net.partition({host}, {other}, one_way=bool(choices.below(2)))
        elif act == 4:
            world.net.heal()
        elif act == 5:
            world.net.reset(host, other)
        elif act == 6:
            host.pause()
        else:
            host.resume()
    world.net.heal()
    for host in hosts:
        host.resume()
        if not host.alive:
            host.restart()
    before = len(received)
    await world.sleep(15)
    assert max(received[before:], default=0) == 365_118, "the healed network carries nothing"
    assert all(not link.blocked for link in (world.net.link(a, b) for a in hosts for b in hosts))
    for host in hosts:
        host.kill()
    await world.sleep(1500)
    left = [flow for a in hosts for b in hosts for flow in world.net.link(a, b).flows]
    assert not left, "connections of dead processes are left"
    return len(received)


def test_no_byte_is_lost_doubled_or_swapped_whatever_happens() -> None:  # S2, S6, S7, S9, H4, H5, R1
    assert run_world(storm, "a", "b", "c", seeds=(0, 1, 2), timeout=3000) > 10
