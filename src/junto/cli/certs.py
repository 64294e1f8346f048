"""``junto certs``: a small certificate authority of one's own."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from junto.cli.failures import Failure
from junto.cli.options import JSON, decorate
from junto.cli.values import write_json

if TYPE_CHECKING:
    from junto.cli.authority import Issued

__all__ = ["certs"]

_FOLDER = click.Path(file_okay=False, path_type=Path)
_DAYS = click.IntRange(min=1, max=36_500)
_REPLACE = click.option("--replace", is_flag=True, help="Replace what is there.")

_CA = """Make an authority in DIR: ca.pem, which everybody gets, and ca.key, which stays where it is."""

_ISSUE = """Make a certificate and its key for NAME, by the authority in DIR: NAME.pem and NAME.key.

It serves both ends of a connection, as containers of agents are both. Others check that they reached it by
one of its hosts: those of --host, or NAME and this machine's own (localhost, 127.0.0.1, ::1).
"""


@click.group("certs")
def certs() -> None:
    """A small certificate authority, for tls:// addresses."""


def _made(make: Callable[..., Issued], *args: Any, **kwargs: Any) -> Issued:
    try:
        return make(*args, **kwargs)
    except FileExistsError as error:
        raise Failure("input", f"{error}; --replace makes it anew") from error
    except FileNotFoundError as error:
        raise Failure(
            "input", f"there is no {error.filename}; 'junto certs ca DIR' makes an authority"
        ) from error
    except ValueError as error:
        raise Failure("input", str(error)) from error


def _check_extra() -> None:
    if importlib.util.find_spec("cryptography") is None:
        raise Failure("input", "certificates need cryptography: pip install 'junto[certs]'")


def _show(facts: dict[str, Path], *, as_json: bool) -> None:
    if as_json:
        write_json({name: str(path) for name, path in facts.items()})
    else:
        for path in facts.values():
            click.echo(path)


def _ca(folder: Path, name: str, days: int, *, replace: bool, as_json: bool) -> None:
    _check_extra()
    from junto.cli.authority import create_authority

    made = _made(create_authority, folder, name=name, days=days, replace=replace)
    _show({"cafile": made.cafile, "keyfile": made.keyfile}, as_json=as_json)


def _issue(
    folder: Path, name: str, hosts: tuple[str, ...], days: int, *, replace: bool, as_json: bool
) -> None:
    _check_extra()
    from junto.cli.authority import issue

    made = _made(issue, folder, name, hosts, days=days, replace=replace)
    facts = {"cafile": made.cafile, "certfile": made.certfile, "keyfile": made.keyfile}
    _show(facts, as_json=as_json)


certs.command("ca", help=_CA)(
    decorate(
        _ca,
        click.argument("folder", type=_FOLDER, metavar="DIR"),
        click.option("--name", default="junto", show_default=True, help="What it is called."),
        click.option("--days", type=_DAYS, default=3650, show_default=True, help="For how long it is valid."),
        _REPLACE,
        JSON,
    )
)

certs.command("issue", help=_ISSUE)(
    decorate(
        _issue,
        click.argument("folder", type=_FOLDER, metavar="DIR"),
        click.argument("name"),
        click.option(
            "--host", "hosts", multiple=True, metavar="HOST", help="By which name or number it is reached."
        ),
        click.option("--days", type=_DAYS, default=365, show_default=True, help="For how long it is valid."),
        _REPLACE,
        JSON,
    )
)
