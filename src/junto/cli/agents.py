"""``junto agents serve``: a container for agents, until told to stop."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from junto import aio
from junto.agents.addresses import Place
from junto.agents.hosting import host
from junto.agents.spawnable import AllowList
from junto.cli.failures import Failure
from junto.cli.options import CODEC, JSON, TLS, decorate
from junto.cli.serve import on_signals
from junto.cli.values import write_json

__all__ = ["agents"]

_HELP = """Run a container for agents, until Ctrl-C or SIGTERM, or until its manager is told to stop.

Its first agent, with the id 0, is the manager: spawn(name, ...) makes an agent by calling what module:Class
names, set_time(t) sets the clock, stop() ends all. Only names that --allow lets in are imported; modules are
searched in the current directory first. A star in --allow stands for any name that its module defines itself.

The manager's URLs are printed when connections are accepted. With --json that is one document:
{"containers": [...], "manager": "..."}.
"""


@click.group("agents")
def agents() -> None:
    """Containers for agents."""


def _read_place(text: str) -> str:
    try:
        place = Place.parse(text)
    except ValueError as error:
        raise click.BadParameter(f"{error}.") from error
    if place.scheme == "local":
        raise click.BadParameter("local:// is for containers of one program; nobody else would find it.")
    return text


def _run(
    urls: tuple[str, ...],
    allow: tuple[str, ...],
    clock: str | None,
    types: str | None,
    codec: str,
    heartbeat: float | None,
    cafile: str | None,
    certfile: str | None,
    keyfile: str | None,
    *,
    as_json: bool,
) -> None:
    tls = None if cafile is None or certfile is None else [cafile, certfile, keyfile or certfile]
    some = (cafile, certfile, keyfile) != (None, None, None)
    if tls is None and (some or any(url.startswith("tls://") for url in urls)):
        raise Failure("input", "for tls://, give --cafile and --certfile: both sides show what they are")
    here = os.getcwd()
    if sys.path[0] not in ("", here):
        sys.path.insert(0, here)

    def announce(urls: list[str]) -> None:
        if as_json:
            write_json({"containers": urls, "manager": f"{urls[0]}0"})
            return
        for url in urls:
            click.echo(f"manager at {url}0")

    async def main() -> None:
        settings: dict[str, Any] = {
            "codec": codec,
            "heartbeat": heartbeat,
            "clock": clock,
            "types": types,
            "tls": tls,
        }
        with on_signals() as stop:
            await host(urls, AllowList(allow).patterns, announce, stop, **settings)

    try:
        aio.run(main())
    except ValueError as error:
        raise Failure("input", str(error)) from error
    except (ImportError, AttributeError) as error:
        raise Failure("input", f"--types: {error}") from error


agents.command("serve", help=_HELP)(
    decorate(
        _run,
        click.option(
            "--at",
            "urls",
            type=_read_place,
            multiple=True,
            required=True,
            metavar="URL",
            help="Where to listen.",
        ),
        click.option(
            "--allow",
            multiple=True,
            metavar="NAME",
            help="What may be spawned: module:Class, or module:*.",
        ),
        click.option(
            "--heartbeat",
            type=click.FloatRange(min=0, min_open=True),
            metavar="SECONDS",
            help="When to ask other containers for a sign of life, and how long to wait for it.",
        ),
        click.option("--clock", metavar="DATE", help="The date at the time 0 of a clock set from outside."),
        click.option("--types", metavar="NAME", help="The module:object that holds custom types."),
        CODEC,
        *TLS,
        JSON,
    )
)
