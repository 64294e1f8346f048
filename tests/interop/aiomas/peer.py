"""A container of the real aiomas 2.0.1, with two agents; run by Python 3.9, not by that of the tests.

    python3.9 peer.py ADDRESS CODEC [CAFILE CERTFILE KEYFILE]

It prints the URLs of its agents as one line of JSON, and lives until its standard input ends.
"""

import asyncio
import json
import sys

import aiomas
import arrow


class Point:
    def __init__(self, x, y):
        self.x, self.y = x, y


def point():
    return Point, lambda point: [point.x, point.y], lambda data: Point(*data)


class Store:
    router = aiomas.rpc.Service()

    @router.expose
    def size(self):
        return 3


class Peer(aiomas.Agent):
    router = aiomas.rpc.Service(["store"])

    def __init__(self, container):
        self.store = Store()
        super().__init__(container)

    @aiomas.expose
    def service(self, value):
        return value

    @aiomas.expose
    def kind(self, value):
        return type(value).__name__

    @aiomas.expose
    def fail(self, text):
        raise ValueError(text)

    @aiomas.expose
    def myself(self):
        return self

    @aiomas.expose
    def my_store(self):
        return self.store

    @aiomas.expose
    async def call_me(self, other, value):
        """Call the agent that was passed, which lives with the caller."""
        return 1 + await other.service(value)

    @aiomas.expose
    async def call_url(self, url, name, args):
        """Connect to an agent and call it; tell the result, or what kind of error it was."""
        proxy = await self.container.connect(url)
        try:
            result = await getattr(proxy, name)(*args)
        except aiomas.RemoteException as error:
            return ["failed", str(error.remote_traceback).strip().splitlines()[-1]]
        return ["result", result, str(proxy)]

    @aiomas.expose
    async def pass_me(self, url):
        """Pass itself to an agent, which calls back."""
        proxy = await self.container.connect(url)
        return await proxy.call_me(self, 41)

    @aiomas.expose
    async def call_what_you_give(self, url):
        """Call the reference that an agent gives of itself."""
        proxy = await self.container.connect(url)
        given = await proxy.myself()
        return await given.service("given")

    @aiomas.expose
    async def pass_on(self, url, other):
        """Try to pass a proxy on, which aiomas refuses."""
        proxy = await self.container.connect(url)
        try:
            await proxy.service(other)
        except Exception as error:
            return type(error).__name__

    @aiomas.expose
    def date(self):
        return arrow.get("2016-01-01T12:00:00+01:00")

    @aiomas.expose
    async def many(self, url, count):
        proxy = await self.container.connect(url)
        return sum(await asyncio.gather(*[proxy.service(i) for i in range(count)]))


def main():
    address, codec, *certs = sys.argv[1:]
    if ":" in address:
        host, _, port = address.rpartition(":")
        address = (host, int(port))
    container = aiomas.Container.create(
        address,
        codec=getattr(aiomas, codec),
        extra_serializers=[point],
        ssl=aiomas.SSLCerts(*certs) if certs else None,
    )
    agents = [Peer(container) for _ in range(2)]
    sys.stdout.write(json.dumps([agent.addr for agent in agents]) + "\n")
    sys.stdout.flush()
    loop = asyncio.get_event_loop()
    loop.add_reader(sys.stdin, lambda: sys.stdin.readline() or loop.stop())
    aiomas.run()
    container.shutdown()


if __name__ == "__main__":
    main()
