"""The options and argument types that commands share."""

from __future__ import annotations

import typing
from collections.abc import Callable
from typing import Any, TypeVar

import click

from junto.address import Address
from junto.codecs import CodecName

__all__ = ["CODEC", "JSON", "TLS", "decorate", "read_url"]

F = TypeVar("F", bound=Callable[..., Any])


def read_url(text: str) -> Address:
    """Read an address, for use as the type of an option or argument.

    Raises:
        click.BadParameter: It is none.
    """
    try:
        return Address.parse(text)
    except ValueError as error:
        raise click.BadParameter(f"{error}.") from error


_FILE = click.Path(exists=True, dir_okay=False)

CODEC = click.option(
    "--codec",
    type=click.Choice(typing.get_args(CodecName)),
    default="json",
    show_default=True,
    help="What both sides speak.",
)

JSON = click.option("--json", "as_json", is_flag=True, help="Write JSON.")

TLS = (
    click.option(
        "--cafile", type=_FILE, help="The authority's certificate, PEM: the other side has to show one of it."
    ),
    click.option("--certfile", type=_FILE, help="Our certificate, PEM."),
    click.option(
        "--keyfile", type=_FILE, help="Our private key, PEM, if it is not in the certificate's file."
    ),
)


def decorate(function: F, *decorators: Callable[[F], F]) -> F:
    """Apply *decorators* so that the help lists them in this order."""
    for decorator in reversed(decorators):
        function = decorator(function)
    return function
