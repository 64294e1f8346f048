"""A market of ten thousand agents, in four containers, each in a process of its own.

    python run.py [--agents 10000] [--containers 4] [--rounds 4] [--seed 1] [--json]

Half of them sell and half of them buy; three of four calls go to another process. At the end the books of all
are compared: what was sold was bought, and no money came from nowhere.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import sys
import time
from typing import Any

from traders import Hall

from junto import aio as junto_aio
from junto import expose
from junto.agents import aio

MONEY = 500


class Board(aio.Agent):
    """Shows how far the market is."""

    def __init__(self, container: aio.Container, total: int, shown: bool) -> None:
        super().__init__(container)
        self.total = total
        self.shown = shown
        self.visits = 0
        self.bought = 0

    @expose
    def went(self, visits: int, bought: int) -> None:
        self.visits += visits
        self.bought += bought
        if self.shown:
            done = self.visits / self.total
            bar = "#" * round(30 * done)
            end = "\n" if self.visits >= self.total or not sys.stderr.isatty() else ""
            start = "\r" if sys.stderr.isatty() else ""
            sys.stderr.write(f"{start}[{bar:30}] {done:4.0%}  {self.bought:,} pieces{end}")
            sys.stderr.flush()


async def hold_market(args: argparse.Namespace) -> dict[str, Any]:
    marks = [time.perf_counter()]
    half = args.agents // args.containers // 2
    async with aio.open_container("tcp://127.0.0.1:0", codec="msgpack") as container:
        processes = await aio.spawn_containers(container, args.containers, allow=["traders:Hall"])
        marks.append(time.perf_counter())
        halls = await asyncio.gather(
            *(one.spawn(Hall, args.seed + i, half, half, MONEY) for i, one in enumerate(processes))
        )
        stalls = await asyncio.gather(*(hall.stalls() for hall in halls))
        sellers = [seller for some in stalls for seller in some]
        marks.append(time.perf_counter())
        board = Board(container, args.rounds * half * args.containers, not args.json)
        calls = sum(await asyncio.gather(*(hall.open(sellers, args.rounds, board) for hall in halls)))
        marks.append(time.perf_counter())
        books = await asyncio.gather(*(hall.accounts() for hall in halls))
        for process in processes:
            await process.stop()
    total = {name: sum(book[name] for book in books) for name in ("sold", "bought", "earned", "left")}
    right = (
        total["sold"] == total["bought"]
        and total["earned"] + total["left"] == MONEY * half * args.containers
        and all(book["fair"] for book in books)
    )
    starting, making, trading = (after - before for before, after in itertools.pairwise(marks))
    return {
        "agents": 2 * half * args.containers,
        "containers": args.containers,
        "calls": calls,
        **total,
        "right": right,
        "seconds": {"start": round(starting, 2), "make": round(making, 2), "trade": round(trading, 2)},
        "calls_per_second": round(calls / trading),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--agents", type=int, default=10_000)
    parser.add_argument("--containers", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    outcome = junto_aio.run(hold_market(args))
    if args.json:
        print(json.dumps(outcome))
    else:
        took = outcome["seconds"]
        print(f"{outcome['agents']:,} agents in {args.containers} processes, made in {took['make']} s")
        print(f"{outcome['sold']:,} pieces sold in {took['trade']} s, {outcome['calls']:,} calls")
        print("the books agree" if outcome["right"] else "the books do not agree")
    if not outcome["right"]:
        sys.exit(1)


if __name__ == "__main__":
    main()
