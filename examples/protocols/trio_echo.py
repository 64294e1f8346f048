import trio
from echo_endpoint import talk

from junto.runtimes.trio.runtime import TrioRuntime


async def main() -> None:
    async with trio.open_nursery() as nursery:
        runtime = TrioRuntime(nursery)
        print(await talk(runtime))
        await runtime.stop()
        runtime.end()


if __name__ == "__main__":
    trio.run(main)
