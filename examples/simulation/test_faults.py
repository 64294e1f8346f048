import signal

from retry import buy
from retry_once import CarefulShop

from junto import sim


def open_shop(world: sim.World) -> CarefulShop:
    shop = CarefulShop()
    world.host("shop").run(shop.serve)
    for customer in world.hosts("anne", "bert"):
        customer.run(buy, customer.name, 20)
    world.eventually("all is sold", lambda: len(shop.sold) == 40)
    return shop


# What may happen: each seed makes another plan of it.
SOME = sim.Faults(
    latency=(0.001, 0.05),  # seconds, in the whole run
    loss=0.02,
    partition=True,  # among all hosts
    pause=["anne", "bert"],  # one of these, now and then
    every=5,  # seconds between two faults of a kind, on average
    lasting=(0.1, 2),
)


@sim.test(faults=SOME)
async def test_some_faults(world: sim.World) -> None:
    open_shop(world)
    await world.sleep(60)


# Of all kinds, but each seed has only some of them, more or less often.
@sim.test(
    faults=sim.Faults.swarming(
        who=["anne", "bert"], crash=False, power_off=False, restart=False, signal=False
    )
)
async def test_a_swarm_of_faults(world: sim.World) -> None:
    open_shop(world)
    await world.sleep(60)


# What does happen, for instance what a report said that a failure needs.
@sim.test(
    plan="""
        0.100s partition anne,bert|shop for 0.700s
        1s     latency anne>shop low=0.2 high=0.4 for 2s   # one direction only
    """
)
async def test_two_faults_again(world: sim.World) -> None:
    open_shop(world)
    await world.sleep(60)


# What the test does itself, when it is time for it.
@sim.test
async def test_the_shop_is_away(world: sim.World) -> None:
    shop = open_shop(world)
    host = world.host("shop")
    await world.sleep(0.3)
    host.pause()
    await world.sleep(5)
    host.resume()
    partition = world.net.partition({"anne"}, {"shop", "bert"})
    await world.sleep(5)
    partition.heal()
    world.net.reset("bert", "shop")
    world.net.link("shop", "anne").change(latency=(0.1, 0.3), loss=0.1)
    await world.sleep(5)
    host.stop(signal.SIGTERM)  # nobody handles it, so it ends the process
    await world.sleep(5)
    assert shop.sold
    host.restart()
    await world.sleep(60)
