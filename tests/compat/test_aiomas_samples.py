"""Programs of the kind that the predecessor's README and guides show, with their import line changed."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

CHANNEL = """
async def handle_client(channel):
    req = await channel.recv()
    print(req.content)
    await req.reply('bye')
    await channel.close()

async def client():
    channel = await aiomas.channel.open_connection(('localhost', 5555))
    print(await channel.send('hello'))
    await channel.close()

server = aiomas.run(aiomas.channel.start_server(('localhost', 5555), handle_client))
aiomas.run(client())
server.close()
aiomas.run(server.wait_closed())
"""

RPC = """
class MathServer:
    router = aiomas.rpc.Service()

    @router.expose
    def add(self, a, b):
        return a + b

async def client():
    rpc_con = await aiomas.rpc.open_connection(('localhost', 5555))
    print('the sum is', await rpc_con.remote.add(3, 4))
    await rpc_con.close()

server = aiomas.run(aiomas.rpc.start_server(('localhost', 5555), MathServer()))
aiomas.run(client())
server.close()
aiomas.run(server.wait_closed())
"""

AGENTS = """
class TestAgent(aiomas.Agent):
    def __init__(self, container, name):
        super().__init__(container)
        self.name = name
        print('I am %s' % self)

    async def run(self, addr):
        remote_agent = await self.container.connect(addr)
        ret = await remote_agent.service(42)
        print('%s got %s from %s' % (self, ret, remote_agent))

    @aiomas.expose
    def service(self, value):
        return value

c = aiomas.Container.create(('localhost', 5555))
agents = [TestAgent(c, i) for i in range(2)]
aiomas.run(until=agents[0].run(agents[1].addr))
c.shutdown()
"""

SERIALIZABLE = """
@aiomas.codecs.serializable
class MyType:
    def __init__(self, value):
        self.value = value

SERIALIZERS = [MyType.__serializer__]

async def client():
    channel = await aiomas.channel.open_connection(('localhost', 5555), extra_serializers=SERIALIZERS)
    print(await channel.send(['hello', MyType(42)]))
    await channel.close()

async def handle_client(channel):
    req = await channel.recv()
    print(req.content)
    await req.reply(MyType('bye'))
    await channel.close()

server = aiomas.run(aiomas.channel.start_server(('localhost', 5555), handle_client,
                                                extra_serializers=SERIALIZERS))
aiomas.run(client())
server.close()
aiomas.run(server.wait_closed())
"""

SERVICES = """
@aiomas.expose
def add(a, b):
    return a + b

class SubService:
    router = aiomas.rpc.Service()

    @aiomas.expose
    def sub(self, a, b):
        return a - b

class Root:
    router = aiomas.rpc.Service(['addition'])

    def __init__(self):
        self.addition = aiomas.rpc.ServiceDict({'add': add})
        self.subtraction = SubService()
        self.router.set_sub_router(self.subtraction.router, 'subtraction')

async def client():
    rpc_con = await aiomas.rpc.open_connection(('localhost', 5555))
    print(await rpc_con.remote.addition.add(3, 4), await rpc_con.remote.subtraction.sub(4, 3))
    await rpc_con.close()

server = aiomas.run(aiomas.rpc.start_server(('localhost', 5555), Root()))
aiomas.run(client())
server.close()
aiomas.run(server.wait_closed())
"""

CALLBACK = """
class Client:
    router = aiomas.rpc.Service()

    def __init__(self, name):
        self.name = name

    async def run(self):
        rpc_con = await aiomas.rpc.open_connection(('localhost', 5555), rpc_service=self)
        print(await rpc_con.remote.server_method(self))
        await rpc_con.close()

    @aiomas.expose
    def get_client_name(self):
        return self.name

class Server:
    router = aiomas.rpc.Service()

    @aiomas.expose
    async def server_method(self, client_proxy):
        return 'it is %s' % await client_proxy.get_client_name()

server = aiomas.run(aiomas.rpc.start_server(('localhost', 5555), Server()))
aiomas.run(Client('Monty').run())
server.close()
aiomas.run(server.wait_closed())
"""

FAILURE = """
@aiomas.expose
def fail_badly():
    raise ValueError('that is no number')

async def client():
    rpc_con = await aiomas.rpc.open_connection(('127.0.0.1', 5555))
    try:
        await rpc_con.remote.fail_badly()
    except aiomas.RemoteException as exc:
        print(exc.origin)
        print(exc.remote_traceback.splitlines()[-1])
    await rpc_con.close()

service = aiomas.rpc.ServiceDict({'fail_badly': fail_badly})
server = aiomas.run(aiomas.rpc.start_server(('127.0.0.1', 5555), service))
aiomas.run(client())
server.close()
aiomas.run(server.wait_closed())
"""

LOST = """
async def client():
    rpc_con = await aiomas.rpc.open_connection(('localhost', 5555))
    try:
        await rpc_con.remote.close_connection()
    except ConnectionResetError:
        print('connection lost')

class Server:
    router = aiomas.rpc.Service()

    def __init__(self):
        self.clients = []

    def client_connected(self, client):
        self.clients.append(client)

    @aiomas.expose
    async def close_connection(self):
        while self.clients:
            await self.clients.pop().close()

service = Server()
server = aiomas.run(aiomas.rpc.start_server(('localhost', 5555), service, service.client_connected))
aiomas.run(client())
server.close()
aiomas.run(server.wait_closed())
"""

CLOCK = """
import asyncio

CLOCK = aiomas.ExternalClock('2016-01-01T00:00:00')

class Sleeper(aiomas.Agent):
    async def run(self):
        await self.container.clock.sleep(1)
        print(self.container.clock.utcnow())

async def clock_setter():
    while True:
        await asyncio.sleep(0.001)
        CLOCK.set_time(CLOCK.time() + 1)

container = aiomas.Container.create(('127.0.0.1', 5555), clock=CLOCK)
setter = asyncio.ensure_future(clock_setter(), loop=container.loop)
aiomas.run(Sleeper(container).run())
setter.cancel()
container.shutdown()
"""

SAMPLES = {
    "channel": (CHANNEL, "hello\nbye\n"),
    "rpc": (RPC, "the sum is 7\n"),
    "agents": (
        AGENTS,
        "I am TestAgent('tcp://localhost:5555/0')\nI am TestAgent('tcp://localhost:5555/1')\n"
        "TestAgent('tcp://localhost:5555/0') got 42 from TestAgentProxy('tcp://localhost:5555/1')\n",
    ),
    "serializable": (SERIALIZABLE, "['hello', MyType(value=42)]\nMyType(value='bye')\n"),
    "services": (SERVICES, "7 1\n"),
    "callback": (CALLBACK, "it is Monty\n"),
    "failure": (FAILURE, "('127.0.0.1', 5555)\nValueError: that is no number\n"),
    "lost": (LOST, "connection lost\n"),
    "clock": (CLOCK, "2016-01-01 00:00:01+00:00\n"),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_samples_run(name: str) -> None:
    program, expected = SAMPLES[name]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "error",
            "-c",
            f"from junto.compat import aiomas\n{program}".replace("5555", str(port)),
        ],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.stdout.replace(str(port), "5555") == expected, done.stderr
    assert done.stderr == ""
