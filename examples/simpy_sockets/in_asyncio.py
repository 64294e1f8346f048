import asyncio

from junto.simpy.environments import Environment
from junto.simpy.sockets import TCPSocket


def serve(server):
    sock = yield server.accept()
    data = yield sock.read(1024)
    yield sock.write(data[::-1])


async def ask(address):
    reader, writer = await asyncio.open_connection(*address)
    writer.write(b"stressed")
    print(await reader.read(1024))
    writer.close()
    await writer.wait_closed()


async def main():
    env = Environment("asyncio")
    server = TCPSocket.server(env, ("127.0.0.1", 0))
    serving = env.process(serve(server))
    await asyncio.gather(env.arun(until=serving), ask(server.address))
    env.close()


if __name__ == "__main__":
    asyncio.run(main())
