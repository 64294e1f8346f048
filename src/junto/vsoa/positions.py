"""The position service: a server that tells where others are, and the question to it."""

from __future__ import annotations

import inspect
import ipaddress
import logging
import os
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias

from junto.address import Address
from junto.errors import CodecError, ConnectionFailed, RequestTimeout
from junto.runtime import DatagramTransport, Future, Runtime
from junto.sansio.vsoa.positions import (
    ANY_DOMAIN,
    Position,
    Query,
    decode_answer,
    decode_query,
    domain_of,
    encode_answer,
    encode_query,
    read_servers,
    read_servers_file,
)
from junto.vsoa.addresses import ServerURL, plain_host
from junto.waiting import Shared, within

__all__ = ["PositionServer", "PositionSource", "configured_servers", "lookup", "serve_positions"]

logger = logging.getLogger("junto")

VARIABLE: Final = "VSOA_POS_SERVER"
FILE: Final = Path(
    r"C:\Windows\System32\drivers\etc\vsoa.pos" if sys.platform == "win32" else "/etc/vsoa.pos"
)
WAIT: Final = 2.0
"""Seconds that each position server has to answer."""

PositionSource: TypeAlias = (
    Mapping[str, Position] | Callable[[Query], Position | Awaitable[Position | None] | None]
)
"""Positions by name, in lower case; or what finds them out."""


class PositionServer:
    """Answers where servers are, until it is closed.

    Attributes:
        port: Where it listens.
        on_query: Called, if it is set, instead of the source: with the query, and with what is to be
            called with the answer, now or later.
    """

    def __init__(self, runtime: Runtime, source: PositionSource) -> None:
        self._runtime = runtime
        self._source = source
        self._transport: DatagramTransport | None = None
        self._closed: Shared[None] = Shared(runtime)
        self.port = 0
        self.on_query: Callable[[Query, Callable[[Position | None], None]], object] | None = None

    def connection_made(self, transport: DatagramTransport) -> None:
        self._transport = transport
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, address: Any) -> None:
        query = decode_query(data)
        if query is None:
            logger.info("what came from %s is no question for a position", address)
            return
        answer = partial(self._answer, address)
        source = self._source
        try:
            if self.on_query is not None:
                self.on_query(query, answer)
                return
            found = source.get(query.name.lower()) if isinstance(source, Mapping) else source(query)
            if inspect.isawaitable(found):
                self._runtime.create_task(_find(found, answer, query.name))
            else:
                answer(found)
        except Exception as error:
            logger.error("no position was found out for %r", query.name, exc_info=error)

    def _answer(self, address: Any, position: Position | None) -> None:
        # Whatever family was asked for: clients of VSOA 1.0.4 ask for that of the position server.
        self.reply(address, encode_answer(position))

    def reply(self, address: Any, datagram: bytes) -> None:
        """Send an answer to who asked from *address*."""
        if self._transport is not None:
            self._transport.sendto(datagram, address)

    def error_received(self, error: Exception) -> None:
        logger.debug("an answer came back: %s", error)

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        self._closed.set_result(None)

    def abort(self) -> None:
        """Answer no more."""
        if self._transport is not None:
            self._transport.close()

    async def close(self, timeout: float | None = None) -> None:
        """Answer no more; closing twice is fine."""
        self.abort()
        await self._closed.wait()

    async def wait_closed(self) -> None:
        """Wait until somebody has closed the server."""
        await self._closed.wait()

    async def __aenter__(self) -> PositionServer:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<PositionServer at port {self.port}>"


async def _find(
    found: Awaitable[Position | None], answer: Callable[[Position | None], object], name: str
) -> None:
    try:
        answer(await found)
    except Exception as error:
        logger.error("no position was found out for %r", name, exc_info=error)


def _is_other_family(domain: int, host: str) -> bool:
    # Whoever asks from another system has another number for IPv6; only IPv4 has the same everywhere.
    own = domain_of(host)
    ipv4 = domain_of("0.0.0.0")
    return (domain == ipv4) != (own == ipv4)


async def serve_positions(runtime: Runtime, source: PositionSource, url: str | ServerURL) -> PositionServer:
    """Tell where servers are.

    Args:
        runtime: The world it lives in.
        source: Positions by name, in lower case, which may change meanwhile; or a function, plain or
            ``async def``, that gets the `Query` and returns a `Position` or ``None``.
        url: Where to listen: ``vsoa://host:port``; port 0 lets the system choose.

    Raises:
        ConnectionFailed: The address cannot be used.
        ValueError: *url* is no such address.
    """
    server = PositionServer(runtime, source)
    await runtime.open_datagram(ServerURL.parse(url).to_address(), lambda: server)
    return server


def configured_servers() -> Iterable[tuple[str, int]]:
    """Give the position servers of the environment and of the system's file, in their order.

    Both are read anew each time, the file only when the environment's have been asked.
    """
    yield from read_servers(os.environ.get(VARIABLE, ""))
    try:
        text = FILE.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    yield from read_servers_file(text)


class _Asking:
    """One question, from a port of its own: that is how its answer is known."""

    def __init__(self, runtime: Runtime, query: bytes, server: tuple[str, int]) -> None:
        self._query = query
        self._server = server
        self.answer: Future[Position | None] = runtime.create_future()
        self.transport: DatagramTransport | None = None

    def connection_made(self, transport: DatagramTransport) -> None:
        self.transport = transport
        transport.sendto(self._query, self._server)

    def datagram_received(self, data: bytes, address: Any) -> None:
        if (plain_host(address[0]), address[1]) != self._server or self.answer.done():
            return
        try:
            position = decode_answer(data)
        except CodecError as error:
            logger.debug("a position server answered nonsense: %s", error)
            return
        self.answer.set_result(position)

    def error_received(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_result(None)  # nobody is there

    def connection_lost(self, error: Exception | None) -> None:
        if not self.answer.done():
            self.answer.set_result(None)


async def _ask(
    runtime: Runtime, name: str, domain: int, server: tuple[str, int], wait: float
) -> Position | None:
    """Ask one position server, at one of its addresses after the other: they share the time."""
    try:
        hosts = await within(runtime, wait, _addresses_of(runtime, server[0]), "finding a position server")
    except (ConnectionFailed, RequestTimeout):
        return None
    for host in hosts:
        position = await _ask_at(runtime, name, domain, (host, server[1]), wait / len(hosts))
        if position is not None:
            return position
    return None


async def _addresses_of(runtime: Runtime, host: str) -> list[str]:
    try:
        return [ipaddress.ip_address(host).compressed]  # as the system writes it, too
    except ValueError:
        return ["127.0.0.1"] if host.lower() == "localhost" else await runtime.look_up(host)


async def _ask_at(
    runtime: Runtime, name: str, domain: int, server: tuple[str, int], wait: float
) -> Position | None:
    place = Address("tcp", "::" if ":" in server[0] else "0.0.0.0", 0)
    asking = _Asking(runtime, encode_query(name, domain), server)
    try:
        await runtime.open_datagram(place, lambda: asking)
        position = await within(runtime, wait, _answer_of(asking), "looking up a server")
    except (ConnectionFailed, RequestTimeout, OSError, ValueError):
        return None
    finally:
        if asking.transport is not None:
            asking.transport.close()
    if position is not None and domain != ANY_DOMAIN and _is_other_family(domain, position.host):
        return None
    return position


async def _answer_of(asking: _Asking) -> Position | None:
    return await asking.answer


async def lookup(
    runtime: Runtime,
    name: str,
    *,
    servers: Iterable[tuple[str, int]] | None = None,
    domain: int = ANY_DOMAIN,
    wait: float = WAIT,
) -> Position | None:
    """Ask one position server after the other where a server is.

    Args:
        runtime: The world to ask in.
        name: The server's name.
        servers: Host and port of each; ``None`` for those of the variable ``VSOA_POS_SERVER``
            and of the file ``/etc/vsoa.pos``.
        domain: The number of an address family, to want no address of another one; or -1.
        wait: Seconds that each of them has, and before that the search for its address if it has a name.

    Returns:
        Its position; ``None`` if nobody knows it.

    Raises:
        ValueError: *name* is empty or too long.
    """
    encode_query(name, domain)
    for server in configured_servers() if servers is None else servers:
        position = await _ask(runtime, name, domain, server, wait)
        if position is not None:
            return position
    return None
