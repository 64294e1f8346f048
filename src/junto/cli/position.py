"""``junto position``: tell where servers are, and ask for it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import click

from junto.cli.failures import Failure
from junto.cli.interruption import Interruption
from junto.cli.options import JSON, read_server_url
from junto.cli.values import write_json
from junto.sansio.vsoa.positions import Position
from junto.vsoa.addresses import ServerURL

__all__ = ["position"]


_SERVE = """Tell where servers are, from a TABLE in TOML, until Ctrl-C.

\b
  [car]
  host = "127.0.0.1"
  port = 3005

\b
  [safe]
  host = "::1"
  port = 3006
  security = true

Names are compared without regard to case.
"""


@click.group()
def position() -> None:
    """Tell where the servers of VSOA are, or ask for it."""


@position.command(help=_SERVE)
@click.argument("table", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--at",
    "url",
    type=read_server_url,
    default="vsoa://127.0.0.1:3000",
    show_default=True,
    metavar="URL",
    help="Where to listen.",
)
def serve(table: Path, url: ServerURL) -> None:
    positions = _read(table)
    interruption = Interruption()

    def work() -> None:
        from junto.vsoa import sync  # late: it takes longer to import than to say what is wrong

        with sync.serve_positions(positions, str(url)) as server:
            interruption.opened(server.close)
            place = ServerURL(url.host, server.port)
            click.echo(f"telling {len(positions)} position{'s' * (len(positions) != 1)} at {place}")
            server.serve_forever()

    interruption.run(work)


def _read(table: Path) -> dict[str, Position]:
    try:
        content: dict[str, Any] = tomllib.loads(table.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Failure("input", f"{table} cannot be read: {error}") from error
    positions = {}
    for name, entry in content.items():
        try:
            positions[name.lower()] = Position(entry["host"], entry["port"], entry.get("security") is True)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise Failure("input", f"{table} tells no position for {name!r}: {error}") from error
    return positions


@position.command()
@click.argument("name")
@click.option(
    "--server",
    "servers",
    multiple=True,
    type=read_server_url,
    metavar="URL",
    help="Whom to ask.  [default: VSOA_POS_SERVER, then the system's file]",
)
@JSON
def find(name: str, servers: tuple[ServerURL, ...], *, as_json: bool) -> None:
    """Ask where the server NAME is."""
    from junto.vsoa import sync

    asked = [(server.host, server.port or 0) for server in servers] or None
    try:
        found = sync.lookup(name, servers=asked)
    except ValueError as error:
        raise Failure("input", str(error)) from error
    if found is None:
        raise Failure("remote", f"no position server knows {name!r}")
    if as_json:
        write_json({"host": found.host, "port": found.port, "security": found.security})
    else:
        click.echo(f"{ServerURL(found.host, found.port)}{' (TLS)' if found.security else ''}")
