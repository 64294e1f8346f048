from lease import Account, Leases, serve, work
from lease_fenced import FencedAccount

from junto import sim

FAULTS = sim.Faults(partition=["anne", "bert", "account"], every=4, lasting=(0.5, 5))


async def pay_in(world: sim.World, account: Account) -> None:
    paid_in = 0

    def paid() -> None:
        nonlocal paid_in
        paid_in += 10

    def nothing_is_lost() -> bool:
        assert account.balance >= paid_in, f"{paid_in} was paid in, and {account.balance} is there"
        return True

    world.host("leases").run(serve, Leases())
    world.host("account").run(serve, account)
    for worker in world.hosts("anne", "bert"):
        worker.run(work, 5, paid)
    world.always("nothing is lost", nothing_is_lost)
    await world.sleep(60)


@sim.test(faults=FAULTS)
async def test_lease(world: sim.World) -> None:
    await pay_in(world, Account())


@sim.test(faults=FAULTS)
async def test_lease_fenced(world: sim.World) -> None:
    await pay_in(world, FencedAccount())
