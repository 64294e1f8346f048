from lease import Account, Leases, serve, work
from lease_fenced import FencedAccount

from junto import sim


async def pay_in(world: sim.World, account: Account) -> None:
    paid_in = 0

    def count() -> None:
        nonlocal paid_in
        paid_in += 10

    world.host("leases").run(serve, Leases())
    world.host("account").run(serve, account)
    for worker in world.hosts("anne", "bert"):
        worker.run(work, 5, count)
    world.always("what was paid in is there", lambda: account.balance >= paid_in)
    await world.sleep(60)


async def test_nothing_is_lost(world: sim.World) -> None:
    await pay_in(world, Account())

async def test_nothing_is_lost_with_fencing(world: sim.World) -> None:
    await pay_in(world, FencedAccount())
