"""Whom a command talks to: the options that say it, and the connection made from them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any

import click

from junto import sync
from junto.address import Address
from junto.cli.failures import Failure
from junto.cli.interruption import Interruption
from junto.cli.options import CODEC, JSON, PASSWORD, TLS, Seconds, decorate, read_any_url
from junto.cli.security import Files
from junto.codecs import CodecName
from junto.errors import ConnectionLost, RemoteProtocolError
from junto.vsoa.addresses import ServerURL

if TYPE_CHECKING:
    from junto.vsoa import sync as vsoa

__all__ = ["Destination", "destination_options"]


@dataclass(frozen=True, slots=True)
class Destination:
    """A peer, and how long to wait for it.

    Attributes:
        address: Where it listens.
        codec: What it speaks.
        files: For TLS.
        timeout: Seconds to wait, or ``None``.
        interruption: How Ctrl-C ends the wait.
        password: What a server of VSOA wants to see.
    """

    address: Address | ServerURL
    codec: CodecName
    files: Files
    timeout: float | None
    interruption: Interruption
    password: str = ""

    @contextmanager
    def connect(self) -> Generator[tuple[sync.Peer | vsoa.Client, float | None], None, None]:
        """Open a connection, and close it in the end.

        Without a time-out, one attempt is made.

        Returns:
            The peer, and how many seconds are left for its answer.

        Raises:
            Failure: The TLS options are of no use, or the peer seems to speak something else.
            ConnectionFailed: No connection could be opened in time.
        """
        tls = self.files.client_context(self.address)
        start = monotonic()
        if isinstance(self.address, ServerURL):
            if self.address.path.strip("/"):
                raise Failure("input", f"{self.address} has a path, which is no part of where a server is")
            with self.connect_vsoa() as connected:
                yield connected
            return
        with sync.connect(self.address, timeout=self.timeout or 0.0, tls=tls, codec=self.codec) as peer:
            self.interruption.opened(peer.close)
            try:
                yield peer, self._left(start)
            except (ConnectionLost, RemoteProtocolError) as error:
                if peer.channel.extended:
                    raise
                raise self._nothing_understood(error, secured=tls is not None) from error

    @contextmanager
    def connect_vsoa(self) -> Generator[tuple[vsoa.Client, float | None], None, None]:
        """Do as `connect`, to a server of VSOA.

        Raises:
            Failure: It is none, or the TLS options are of no use.
            ConnectionFailed: No connection could be opened in time.
        """
        if not isinstance(self.address, ServerURL):
            raise Failure("input", f"{self.address} is no vsoa:// address")
        from junto.vsoa import sync as vsoa  # late: most commands do without

        start = monotonic()
        with vsoa.connect(
            str(self.address),
            timeout=self.timeout or 0.0,
            tls=self.files.client_context(self.address),
            password=self.password,
        ) as client:
            self.interruption.opened(client.close)
            yield client, self._left(start)

    def _left(self, start: float) -> float | None:
        return None if self.timeout is None else max(self.timeout - (monotonic() - start), 0.001)

    def _nothing_understood(self, error: Exception, *, secured: bool) -> Failure:
        """Guess why the connection ended before the peer said a word: it has no way to tell."""
        question = f"does {self.address} speak {self.codec} {'over' if secured else 'without'} TLS"
        if secured and self.files.certfile is None:
            question += ", and does it want to see a certificate (--certfile)"
        return Failure("connection", f"{error}; {question}?")


def destination_options(timeout_help: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the argument URL and the options of a connection.

    Args:
        timeout_help: What ``--timeout`` means to this command.

    Returns:
        A decorator. The command gets a `Destination` as its first argument, and ``as_json``.
    """

    def decorator(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def with_destination(
            url: Address | ServerURL,
            codec: CodecName,
            timeout: float | None,
            cafile: str | None,
            certfile: str | None,
            keyfile: str | None,
            password: str,
            **options: Any,
        ) -> None:
            interruption = Interruption()
            destination = Destination(
                url, codec, Files(cafile, certfile, keyfile), timeout, interruption, password
            )
            context = click.get_current_context()

            def work() -> None:
                with context.scope(cleanup=False):  # in this thread, too
                    command(destination, **options)

            interruption.run(work)

        seconds = Seconds(min=0, min_open=True)
        timeout = click.option("--timeout", type=seconds, metavar="SECONDS", help=timeout_help)
        return decorate(
            with_destination, click.argument("url", type=read_any_url), timeout, CODEC, PASSWORD, *TLS, JSON
        )

    return decorator
