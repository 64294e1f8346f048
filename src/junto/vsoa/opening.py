"""How a client gets its connections: find the server, connect, greet, and again when that is lost."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from junto.address import Address
from junto.connecting import ATTEMPT, keep_trying, pauses, sleep
from junto.errors import ConnectionFailed, RequestTimeout
from junto.runtime import Runtime
from junto.vsoa.addresses import ServerURL
from junto.vsoa.callbacks import tell
from junto.vsoa.client import Client
from junto.vsoa.connection import Connection
from junto.vsoa.messages import PasswordRefused
from junto.vsoa.positions import lookup
from junto.waiting import within

if TYPE_CHECKING:
    import ssl

__all__ = ["Target", "open_client"]

logger = logging.getLogger("junto")


@dataclass(frozen=True)
class Target:
    """Where a client connects to, and how.

    Attributes:
        url: The server.
        password: Empty if it needs none.
        tls: The context; ``None`` for no TLS.
        keepalive: Seconds between two pings; ``None`` for none.
        positions: The position servers, host and port of each; ``None`` for those that are configured.
    """

    url: ServerURL
    password: str = ""
    tls: ssl.SSLContext | None = None
    keepalive: float | None = 3.0
    positions: tuple[tuple[str, int], ...] | None = None

    def __post_init__(self) -> None:
        if self.keepalive is not None and not self.keepalive >= 0.05:
            raise ValueError(f"keepalive is at least 0.05 seconds, not {self.keepalive!r}")

    async def locate(self, runtime: Runtime) -> Address:
        """Find the address of the server.

        Raises:
            ConnectionFailed: Nobody knows it.
        """
        url = self.url
        if url.is_direct:
            return url.to_address(tls=self.tls is not None)
        position = await lookup(runtime, url.host, servers=self.positions)
        if position is not None:
            return Address("tcp" if self.tls is None else "tls", position.host, position.port)
        if url.port is None:
            raise ConnectionFailed(f"no position server knows {url.host!r}")
        return url.to_address(tls=self.tls is not None)  # then it is a host's name

    async def connect(self, runtime: Runtime, client: Client) -> None:
        """Make one attempt to connect *client*.

        Raises:
            PasswordRefused: The server does not accept the password.
            ConnectionFailed: It could not be reached, or refused us; nothing is left of it.
        """
        connection = Connection(runtime, client)
        try:
            address = await self.locate(runtime)
            client.connects_to(address.host, self.tls)
            await runtime.connect(address, lambda: connection, tls=self.tls)
            welcome = await connection.greet(self.password, quick=self.tls is None)
            client.established(connection, welcome)
        except BaseException:
            connection.abort()
            raise
        if self.keepalive is not None:
            connection.keep_alive(self.keepalive)


async def open_client(
    runtime: Runtime,
    url: str | ServerURL,
    *,
    password: str = "",
    timeout: float | None = 0.0,
    attempt: float = ATTEMPT,
    tls: ssl.SSLContext | None = None,
    reconnect: bool = False,
    keepalive: float | None = 3.0,
    request_timeout: float | None = 60.0,
    positions: Iterable[tuple[str, int]] | None = None,
    on_connect: Callable[[Client], Any] | None = None,
    on_disconnect: Callable[[Client, BaseException], Any] | None = None,
    on_message: Callable[[Any], Any] | None = None,
    on_datagram: Callable[[Any], Any] | None = None,
    on_failure: Callable[[Exception], object] | None = None,
) -> Client:
    """Connect a client; see the flavours' ``connect``."""
    target = Target(
        ServerURL.parse(url), password, tls, keepalive, None if positions is None else tuple(positions)
    )
    client = Client(runtime, request_timeout=request_timeout)
    client.on_connect = on_connect
    client.on_disconnect = on_disconnect
    client.on_message = on_message
    client.on_datagram = on_datagram
    await connect_within(runtime, target, client, timeout, attempt)
    if reconnect:
        keep_connected(runtime, target, client, attempt=attempt, failed=on_failure)
    return client


async def connect_within(
    runtime: Runtime, target: Target, client: Client, timeout: float | None, attempt: float
) -> None:
    """Connect; try again, with growing pauses, while time is left: 0 for one attempt, ``None`` for ever.

    Raises:
        PasswordRefused: The server does not accept the password; it was asked once.
        ConnectionFailed: The last attempt failed, and its error is this one.
    """
    await keep_trying(
        runtime,
        lambda: target.connect(runtime, client),
        f"connecting to {target.url}",
        timeout=timeout,
        longest=attempt,
        hopeless=PasswordRefused,
    )


def keep_connected(
    runtime: Runtime,
    target: Target,
    client: Client,
    *,
    delays: Callable[[], Iterable[float]] = pauses,
    attempt: float = ATTEMPT,
    failed: Callable[[Exception], object] | None = None,
) -> None:
    """Connect *client* anew whenever its connection is lost.

    Args:
        runtime: The world it lives in.
        target: Where to.
        client: Connected, or about to be.
        delays: Gives the pauses before the attempts, in seconds.
        attempt: Seconds that one attempt may take.
        failed: Called with the error of each attempt that failed.
    """

    async def connect_again() -> None:
        # The first attempt waits too: a server that drops us at once must not be hammered.
        for pause in delays():
            await sleep(runtime, pause)
            if client.is_closing():
                return
            try:
                await within(runtime, attempt, target.connect(runtime, client), f"connecting to {target.url}")
            except (ConnectionFailed, RequestTimeout) as error:
                logger.debug("%s", error)
                tell(runtime, "a client", failed, error)
                continue
            return

    client.keep_connected(connect_again)
