"""``junto serve``: serve a service of the user's until told to stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import click

from junto import aio
from junto.address import Address
from junto.cli.failures import Failure
from junto.cli.options import CODEC, JSON, TLS, decorate, read_any_url
from junto.cli.security import Files
from junto.cli.target import find_target, make_service
from junto.cli.values import write_json
from junto.codecs import CodecName
from junto.exposing import describe
from junto.vsoa.addresses import ServerURL

__all__ = ["on_signals", "serve"]

_HELP = """Serve SERVICE, written module:Name, until Ctrl-C or SIGTERM.

The module is searched in the current directory first. The name may be dotted; it may be that of a class or a
function, which is called without arguments and may be async, of an object, or of a dictionary of exposed
functions. The first Ctrl-C stops listening and lets running calls end, for at most 5 seconds; the second
ends at once.

The addresses, with the ports that the system chose for port 0, and what is offered are printed when
connections are accepted. With --json that is one document:
{"addresses": [...], "functions": [...]}.
"""


async def _serve(
    target: str,
    found: Any,
    addresses: tuple[Address | ServerURL, ...],
    *,
    workers: int,
    codec: CodecName,
    files: Files,
    as_json: bool,
) -> None:
    service = await make_service(target, found)
    functions = describe(service)
    if not functions:
        raise Failure("input", f"{target} offers nothing: none of its members is marked with @expose")
    own = [address for address in addresses if isinstance(address, Address)]
    tls = files.server_context(own)
    urls = [address if isinstance(address, Address) else str(address) for address in addresses]
    async with aio.serve(service, *urls, tls=tls, workers=workers, codec=codec) as server:
        with on_signals() as stop:
            _announce(server.urls, functions, as_json=as_json)
            await stop.wait()
        if not as_json:
            click.echo("stopping; Ctrl-C ends at once", err=True)


def _announce(addresses: list[str], functions: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        write_json({"addresses": addresses, "functions": functions})
        return
    from junto.cli.display import show_functions

    for address in addresses:
        click.echo(f"serving at {address}")
    show_functions(functions)


_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def on_signals() -> Generator[asyncio.Event]:
    """Give an event that Ctrl-C and SIGTERM set. Afterwards they do again what they do to any program."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    try:
        for number in _SIGNALS:
            loop.add_signal_handler(number, stop.set)
    except NotImplementedError:  # Windows: there Ctrl-C cancels the task that waits
        yield stop
        return
    try:
        yield stop
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)


def _run(
    target: str,
    addresses: tuple[Address | ServerURL, ...],
    workers: int,
    codec: CodecName,
    cafile: str | None,
    certfile: str | None,
    keyfile: str | None,
    *,
    as_json: bool,
) -> None:
    files = Files(cafile, certfile, keyfile)
    found = find_target(target)
    aio.run(_serve(target, found, addresses, workers=workers, codec=codec, files=files, as_json=as_json))


serve = click.command("serve", help=_HELP)(
    decorate(
        _run,
        click.argument("target", metavar="SERVICE"),
        click.option(
            "--at",
            "addresses",
            type=read_any_url,
            multiple=True,
            required=True,
            metavar="URL",
            help="Where to listen.",
        ),
        click.option(
            "--workers",
            type=click.IntRange(min=0),
            default=0,
            show_default=True,
            help="Threads to run plain functions in; 0 runs them in the event loop.",
        ),
        CODEC,
        *TLS,
        JSON,
    )
)
