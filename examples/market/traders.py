"""Those who meet in the market: sellers, buyers, and in each container the hall in which they stand."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from junto import expose
from junto.agents import aio

ASKED = 3
"""How many sellers a buyer asks before it buys."""


class Seller(aio.Agent):
    """Sells what it has, and is cheaper the longer nobody buys; never below what a piece costs it."""

    __slots__ = ("cost", "money", "price", "sold", "stock")

    def __init__(self, container: aio.Container, cost: int, stock: int) -> None:
        super().__init__(container)
        self.cost = cost
        self.stock = stock
        self.price = 2 * cost
        self.money = 0
        self.sold = 0

    @expose
    def quote(self) -> int | None:
        """Tell the price; ``None`` if there is nothing left."""
        if not self.stock:
            return None
        self.price = max(self.cost, self.price - 1)
        return self.price

    @expose
    def sell(self, offer: int) -> bool:
        """Sell a piece for *offer*, if there is one left and it is not too little."""
        if not self.stock or offer < self.cost:
            return False
        self.stock -= 1
        self.sold += 1
        self.money += offer
        self.price += 2
        return True


class Buyer(aio.Agent):
    """Asks some sellers in each round, wherever they are, and buys where it is cheapest."""

    __slots__ = ("bought", "money", "most", "worth")

    def __init__(self, container: aio.Container, worth: int, money: int) -> None:
        super().__init__(container)
        self.worth = worth
        self.money = money
        self.most = 0
        self.bought = 0

    async def shop(self, sellers: list[Any], chance: random.Random) -> int:
        """Try to buy one piece; gives how many calls that took."""
        asked = chance.sample(sellers, min(ASKED, len(sellers)))
        quotes = await asyncio.gather(*(seller.quote() for seller in asked))
        offers = [(quote, i) for i, quote in enumerate(quotes) if quote is not None]
        price, best = min(offers, default=(self.worth + 1, 0))
        if price > min(self.worth, self.money):
            return len(asked)
        # Paid before it is there: while the call is under way, the money must not be spent again.
        self.money -= price
        if await asked[best].sell(price):
            self.bought += 1
            self.most = max(self.most, price)
        else:
            self.money += price
        return len(asked) + 1


class Hall(aio.Agent):
    """All sellers and buyers of one container."""

    def __init__(self, container: aio.Container, seed: int, sellers: int, buyers: int, money: int) -> None:
        super().__init__(container, tags=["hall"])
        self.chance = random.Random(seed)
        self.sellers = [
            Seller(container, self.chance.randint(20, 80), self.chance.randint(1, 4)) for _ in range(sellers)
        ]
        self.buyers = [Buyer(container, self.chance.randint(30, 120), money) for _ in range(buyers)]

    @expose
    def stalls(self) -> list[Any]:
        """Give all sellers here; they become proxies where this arrives."""
        return [*self.sellers]

    @expose
    async def open(self, sellers: list[Any], rounds: int, board: Any) -> int:
        """Let all buyers here shop among *sellers*, and tell *board* of it; gives the number of calls."""
        calls = bought = 0
        for _ in range(rounds):
            calls += sum(await asyncio.gather(*(buyer.shop(sellers, self.chance) for buyer in self.buyers)))
            before, bought = bought, sum(buyer.bought for buyer in self.buyers)
            self.container.tell(board, "went", len(self.buyers), bought - before)
        return calls

    @expose
    def accounts(self) -> dict[str, int | bool]:
        """Tell what came out here."""
        return {
            "sold": sum(seller.sold for seller in self.sellers),
            "bought": sum(buyer.bought for buyer in self.buyers),
            "earned": sum(seller.money for seller in self.sellers),
            "left": sum(buyer.money for buyer in self.buyers),
            "fair": all(seller.money >= seller.cost * seller.sold for seller in self.sellers)
            and all(buyer.most <= buyer.worth for buyer in self.buyers),
        }
