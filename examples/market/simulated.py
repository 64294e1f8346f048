"""The market on simulated computers, in virtual time, with the network cut in two while they trade.

    python simulated.py [--agents 400] [--hosts 4] [--rounds 4] [--seed 1] [--json]

The agents are those of the real market, unchanged. What is said across the cut arrives when it has healed; so
the books must agree in the end, under each seed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from typing import Any

from run import MONEY
from traders import Hall

from junto import expose, sim
from junto.agents import aio

CUT = 0.05
"""When the network is cut, in virtual seconds after the halls have opened."""
HEALED = 3.0
"""For how long."""


class Board(aio.Agent):
    """Takes what the halls tell."""

    @expose
    def went(self, visits: int, bought: int) -> None:
        """Hear of a round of one hall."""


async def keep_hall(name: str, seed: int, half: int) -> None:
    """Keep one hall open on its computer, until the world ends."""
    async with aio.open_container(f"tcp://{name}:5555", codec="msgpack") as container:
        Hall(container, seed, half, half, MONEY)
        await asyncio.Event().wait()


async def trade(names: list[str], rounds: int) -> list[dict[str, Any]]:
    """Let the halls trade with one another; gives their books."""
    async with aio.open_container("tcp://city:5555", codec="msgpack") as container:
        halls = [await container.connect(f"tcp://{name}:5555/0", timeout=10) for name in names]
        sellers = [seller for hall in halls for seller in await hall.stalls()]
        board = Board(container)
        await asyncio.gather(*(hall.open(sellers, rounds, board) for hall in halls))
        return [await hall.accounts() for hall in halls]


def hold_market(agents: int, hosts: int, rounds: int, seed: int) -> dict[str, Any]:
    """Run the market once; gives what came out of it."""
    half = agents // hosts // 2
    names = [f"hall-{number}" for number in range(hosts)]
    world = sim.World(seed=seed, chunking=0.1)
    halls = world.hosts(*names)
    for number, host in enumerate(halls):
        host.run(keep_hall, host.name, seed + number, half)

    async def control() -> list[dict[str, Any]]:
        await world.sleep(0.1)
        trading = world.host("city").run(trade, names, rounds)
        await world.sleep(CUT)
        cut = world.net.partition(names[: hosts // 2], names[hosts // 2 :])
        await world.sleep(HEALED)
        cut.heal()
        books: list[dict[str, Any]] = await trading.wait()
        return books

    books = world.run(control)
    total = {name: sum(book[name] for book in books) for name in ("sold", "bought", "earned", "left")}
    right = (
        total["sold"] == total["bought"]
        and total["earned"] + total["left"] == MONEY * half * hosts
        and all(book["fair"] for book in books)
    )
    return {
        "agents": 2 * half * hosts,
        "hosts": hosts,
        "seed": seed,
        **total,
        "right": right,
        "seconds": world.now,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--agents", type=int, default=400)
    parser.add_argument("--hosts", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    outcome = hold_market(args.agents, args.hosts, args.rounds, args.seed)
    if args.json:
        print(json.dumps(outcome))
    else:
        print(f"{outcome['agents']:,} agents on {outcome['hosts']} hosts, cut in two for {HEALED} s")
        print(f"{outcome['sold']:,} pieces sold in {outcome['seconds']:.3f} virtual seconds")
        print("the books agree" if outcome["right"] else "the books do not agree")
    if not outcome["right"]:
        sys.exit(1)


if __name__ == "__main__":
    main()
