"""Several workers change one account; a lease is to see to it that they do so one after the other."""

import asyncio
from collections.abc import Callable

from junto import JuntoError, aio, expose

LASTS = 2.0  # seconds


class Leases:
    """Gives the lease to one worker at a time; it ends when it is given back, or by itself."""

    def __init__(self) -> None:
        self.number = 0
        self.ends = 0.0

    @expose
    def take(self) -> int | None:
        now = asyncio.get_running_loop().time()
        if now < self.ends:
            return None
        self.number += 1
        self.ends = now + LASTS
        return self.number

    @expose
    def give_back(self, number: int) -> None:
        if number == self.number:
            self.ends = 0.0


class Account:
    """What must not be changed by two at once."""

    def __init__(self) -> None:
        self.balance = 0

    @expose
    def read(self, lease: int) -> int:
        return self.balance

    @expose
    def write(self, balance: int, lease: int) -> None:
        self.balance = balance


async def serve(service: object) -> None:
    await aio.serve(service, "tcp://0.0.0.0:5555")


async def work(times: int, paid: Callable[[], None]) -> None:
    """Pay in 10, so many times; each time it is done, tell so."""
    while times:
        if await pay_in():
            paid()
            times -= 1
        else:
            await asyncio.sleep(0.5)


async def pay_in() -> bool:
    """Try to pay in 10 under a lease, and tell whether that is done."""
    now = asyncio.get_running_loop().time
    try:
        async with aio.connect("tcp://leases:5555", request_timeout=5) as leases:
            ends = now() + LASTS
            lease = await leases.remote.take()
            if lease is None:
                return False
            async with aio.connect("tcp://account:5555", request_timeout=5) as account:
                balance = await account.remote.read(lease)
                await asyncio.sleep(0.2)  # what is to be worked out
                if now() > ends:
                    return False
                await account.remote.write(balance + 10, lease)
            await leases.remote.give_back(lease)
            return True
    except JuntoError:
        return False
