import trio
from greenhouse import Greenhouse

import junto.trio


async def main() -> None:
    async with junto.trio.serve(Greenhouse(), "tcp://127.0.0.1:5555", workers=4) as server:
        print("serving at", server.addresses[0], flush=True)
        await server.wait_closed()


if __name__ == "__main__":
    trio.run(main)
