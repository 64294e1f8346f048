import asyncio

from junto.sim import World


async def measure(value):
    await asyncio.sleep(1.5)  # any asyncio library will do
    return value * 2


def process(env, hooter):
    doubled = yield env.task(measure(21))
    print(f"{env.now:.1f}  {doubled}")
    yield env.timeout(1)
    hooter.succeed("end of the shift")


async def listen(env, hooter):
    heard = await env.wait(hooter)
    print(f"{env.now:.1f}  {heard}")


def main():
    world = World(seed=1)
    host = world.host("plant")
    env = host.simpy()
    hooter = env.event()
    env.process(process(env, hooter))

    async def control():
        await host.run(listen, env, hooter).wait()

    world.run(control)


if __name__ == "__main__":
    main()
