import trio

import junto.trio
from junto import RemoteError


async def main() -> None:
    async with junto.trio.connect("tcp://127.0.0.1:5555") as peer:
        try:
            await peer.remote.set_shade(140)
        except RemoteError as error:
            print(error)
            print("its type over there:", error.type_name)
        try:
            await peer.remote.set_shade("half")
        except RemoteError as error:
            print(error)
        try:
            await peer.remote.sing()
        except RemoteError as error:
            print(error)
        print(await peer.remote.set_shade(100))


if __name__ == "__main__":
    trio.run(main)
