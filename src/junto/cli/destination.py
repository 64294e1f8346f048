"""Whom a command talks to: the options that say it, and the connection made from them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any

import click

from junto import sync
from junto.address import Address
from junto.cli.failures import Failure
from junto.cli.interruption import Interruption
from junto.cli.options import CODEC, JSON, TLS, decorate, read_url
from junto.cli.security import Files
from junto.codecs import CodecName
from junto.errors import ConnectionLost, RemoteProtocolError

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
    """

    address: Address
    codec: CodecName
    files: Files
    timeout: float | None
    interruption: Interruption

    @contextmanager
    def connect(self) -> Generator[tuple[sync.Peer, float | None], None, None]:
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
        with sync.connect(self.address, timeout=self.timeout or 0.0, tls=tls, codec=self.codec) as peer:
            self.interruption.opened(peer.close)
            left = None if self.timeout is None else max(self.timeout - (monotonic() - start), 0.001)
            try:
                yield peer, left
            except (ConnectionLost, RemoteProtocolError) as error:
                if peer.channel.extended:
                    raise
                raise self._nothing_understood(error, secured=tls is not None) from error

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
            url: Address,
            codec: CodecName,
            timeout: float | None,
            cafile: str | None,
            certfile: str | None,
            keyfile: str | None,
            **options: Any,
        ) -> None:
            interruption = Interruption()
            destination = Destination(url, codec, Files(cafile, certfile, keyfile), timeout, interruption)
            context = click.get_current_context()

            def work() -> None:
                with context.scope(cleanup=False):  # in this thread, too
                    command(destination, **options)

            interruption.run(work)

        seconds = click.FloatRange(min=0, min_open=True)
        timeout = click.option("--timeout", type=seconds, metavar="SECONDS", help=timeout_help)
        return decorate(with_destination, click.argument("url", type=read_url), timeout, CODEC, *TLS, JSON)

    return decorator
