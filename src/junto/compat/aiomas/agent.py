"""Containers and agents."""

from __future__ import annotations

import asyncio
import socket
import ssl as sslmod
from collections.abc import Coroutine
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

from junto.agents.addresses import Place, is_everywhere, split_url
from junto.compat.aiomas import rpc
from junto.compat.aiomas.clocks import AsyncioClock, BaseClock
from junto.compat.aiomas.codecs import Codec
from junto.compat.aiomas.local_queue import LocalQueue, get_queue
from junto.compat.aiomas.util import (
    arrow_serializer,
    current_loop,
    make_ssl_client_context,
    make_ssl_server_context,
    run,
)

__all__ = ["Agent", "Container", "SSLCerts"]


class SSLCerts(NamedTuple):
    """The names of three files: of the authority, of our certificate and of our key."""

    cafile: str
    certfile: str
    keyfile: str


def _contexts(ssl: Any) -> tuple[sslmod.SSLContext | None, sslmod.SSLContext | None]:
    if isinstance(ssl, SSLCerts):
        return make_ssl_server_context(*ssl), make_ssl_client_context(*ssl)
    if isinstance(ssl, tuple):
        if len(ssl) != 2 or not all(isinstance(context, sslmod.SSLContext) for context in ssl):
            raise TypeError("ssl= takes SSLCerts, or two contexts: to listen and to connect")
        return ssl
    return None, None


def _place(addr: Any) -> Place:
    if isinstance(addr, LocalQueue):
        return Place("local", addr.queue_id)
    if isinstance(addr, tuple):
        return Place("tcp", addr[0] or "", addr[1])
    return Place("unix", addr)


def _addr(place: Place) -> Any:
    if place.scheme == "local":
        return get_queue(place.host)
    return place.host if place.scheme == "unix" else (place.host, place.port)


class _Outgoing:
    """The connection to one container, or the attempt to open it."""

    def __init__(self, opening: asyncio.Future[rpc.RpcClient]) -> None:
        self.opening = opening
        self._proxies: WeakValueDictionary[str, rpc.Proxy] = WeakValueDictionary()

    async def proxy(self, aid: str, url: str) -> rpc.Proxy:
        """Give a proxy of the agent *aid*; raises as `Container.connect`."""
        client = await asyncio.shield(self.opening)
        proxy = self._proxies.get(aid)
        if proxy is None or client.endpoint.is_closing():
            name = await client.remote.validate_aid(aid)
            if name is None:
                raise ConnectionError(f"there is no agent at {url}")
            proxy = rpc.show_as(client.remote["agents"][aid], f"{name}Proxy({url!r})")
            self._proxies[aid] = proxy
        return proxy


class Container:
    """A home for agents; `create` makes one."""

    router = rpc.Service(["agents"])

    @classmethod
    def create(
        cls,
        addr: Any,
        *,
        clock: BaseClock | None = None,
        codec: type[Codec] | None = None,
        extra_serializers: Any = None,
        ssl: Any = None,
        as_coro: bool = False,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> Any:
        """Make a container that listens at *addr*, or a coroutine that does.

        Args:
            addr: A host and a port, the path of a unix socket, or a local queue.
            clock: By which agents live.
            codec: A class of codecs.
            extra_serializers: What else may travel; dates do, with the number 0.
            ssl: `SSLCerts`, or two contexts, to listen and to connect.
            as_coro: Whether to give a coroutine, for who is in one already.
            loop: The event loop, if not the usual one.

        Raises:
            OSError: The address cannot be used.
            TypeError: *ssl* is a tuple of something else.
        """
        server_tls, client_tls = _contexts(ssl)
        loop = loop or current_loop()
        settings: dict[str, Any] = {
            "codec": codec,
            "extra_serializers": [arrow_serializer, *(extra_serializers or ())],
        }
        place = _place(addr)

        async def start() -> Container:
            container = cls(place.base, loop, clock or AsyncioClock(loop), {**settings, "ssl": client_tls})
            server = await rpc.start_server(addr, container, container.connected, ssl=server_tls, **settings)
            await container.listens(place, server)
            return container

        return start() if as_coro else run(start(), loop)

    def __init__(
        self, base_url: str, loop: asyncio.AbstractEventLoop, clock: BaseClock, connect_kwargs: Any
    ) -> None:
        self._base_url = base_url
        self._loop = loop
        self._clock = clock
        self._connect_kwargs = connect_kwargs
        self._server: Any = None
        self._incoming: dict[rpc.RpcClient, None] = {}
        self._outgoing: dict[Place, _Outgoing] = {}
        self._next_id = 0
        self.agents = rpc.ServiceDict()

    async def listens(self, place: Place, server: Any) -> None:
        """Take note of who listens for this container, with the port that the system chose."""
        self._server = server
        if place.scheme == "tcp":
            place = Place("tcp", place.host, server.sockets[0].getsockname()[1])
            if is_everywhere(place):  # which is no place to connect to
                name = await self._loop.run_in_executor(None, socket.getfqdn)
                place = place.with_host(name)
        self._base_url = place.base

    def connected(self, client: rpc.RpcClient) -> None:
        """Take note of a connection to this container."""
        self._incoming[client] = None
        assert client.service is not None, "a container is a service"
        client.service.add_done_callback(lambda _: self._incoming.pop(client, None))

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop."""
        return self._loop

    @property
    def clock(self) -> Any:
        """The clock by which agents live."""
        return self._clock

    @rpc.expose
    def validate_aid(self, aid: str) -> str | None:
        """Tell the name of an agent's class; ``None`` if there is no such agent."""
        agent = self.agents.dict.get(aid)
        return None if agent is None else type(agent).__name__

    async def connect(self, url: str, timeout: float | None = 0) -> Any:
        """Connect to the agent at *url*.

        Args:
            url: The agent's.
            timeout: 0 for one attempt; seconds to go on trying; ``None`` to try for ever.

        Returns:
            A proxy.

        Raises:
            ValueError: *url* is none.
            ConnectionError: There is no such agent.
            OSError: Nobody listens there.
        """
        place, aid = split_url(url)
        outgoing = self._outgoing.get(place)
        if outgoing is not None:
            try:
                return await outgoing.proxy(aid, url)
            except ConnectionResetError:  # lost just now
                self._forget(place, outgoing)
        outgoing = self._outgoing.get(place)
        if outgoing is None:
            outgoing = self._outgoing[place] = _Outgoing(self._loop.create_task(self._open(place, timeout)))
        return await outgoing.proxy(aid, url)

    def _forget(self, place: Place, outgoing: _Outgoing | None) -> None:
        if outgoing is not None and self._outgoing.get(place) is outgoing:
            del self._outgoing[place]

    async def _open(self, place: Place, timeout: float | None) -> rpc.RpcClient:
        try:
            client = await rpc.open_connection(
                _addr(place), rpc_service=self, timeout=timeout, **self._connect_kwargs
            )
        except BaseException:
            self._forget(place, self._outgoing.get(place))
            raise
        assert client.service is not None, "a container is a service"
        # A lost connection is no use to anyone: the next call of `connect` opens another.
        outgoing = self._outgoing.get(place)
        client.service.add_done_callback(lambda _: self._forget(place, outgoing))
        return client

    def shutdown(self, as_coro: bool = False) -> Coroutine[Any, Any, None] | None:
        """Close all connections and listen no more, or give a coroutine that does."""
        if as_coro:
            return self._shut_down()
        run(self._shut_down(), self._loop)
        return None

    async def _shut_down(self) -> None:
        for outgoing in list(self._outgoing.values()):
            if outgoing.opening.done():
                await outgoing.opening.result().close()
            else:
                outgoing.opening.cancel()
        if self._server is not None:
            self._server.close()
        for client in list(self._incoming):
            await client.close()
        self._server = None

    def register(self, agent: Agent) -> str:
        """Take in a new agent; gives its URL."""
        aid = str(self._next_id)
        self._next_id += 1
        self.agents.dict[aid] = agent
        self.agents.router.set_sub_router(agent.router, aid)
        return f"{self._base_url}{aid}"

    def __str__(self) -> str:
        return f"{type(self).__name__}({self._base_url!r})"


class Agent:
    """What agents are derived from."""

    router = rpc.Service()

    def __init__(self, container: Container) -> None:
        if not isinstance(container, Container):
            raise TypeError(f"an agent lives in a container, not in {container!r}")
        # Names that a derived class will not happen to use.
        self.__container = container
        self.__addr = container.register(self)

    @property
    def container(self) -> Container:
        """Where it lives."""
        return self.__container

    @property
    def addr(self) -> str:
        """Its URL."""
        return self.__addr

    def __str__(self) -> str:
        return f"{type(self).__name__}({self.__addr!r})"
