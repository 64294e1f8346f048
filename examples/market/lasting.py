"""One seller in a process of its own that is killed, and is started anew.

python lasting.py
"""

from __future__ import annotations

import asyncio

from traders import Seller

from junto.agents import Failure, Restart, aio

COST, STOCK = 10, 3


async def main() -> None:
    is_back = asyncio.Event()

    def report(failure: Failure) -> None:
        print(f"crashed; again in {failure.restart_in} s")

    async def fill(process: aio.ContainerProcess) -> None:
        await process.spawn(Seller, COST, STOCK)
        is_back.set()

    async with aio.open_container(on_failure=report) as container:
        process = await aio.spawn_container(
            container, allow=["traders:Seller"], restart=Restart(first=0.1, longest=30.0), on_restart=fill
        )
        seller = await process.spawn(Seller, COST, STOCK)
        print("quote:", await seller.quote(), await seller.quote())
        process.kill()
        await is_back.wait()
        # As the first agent that was made there, the new one has the URL of the old one.
        print("quote:", await seller.quote())


if __name__ == "__main__":
    asyncio.run(main())
