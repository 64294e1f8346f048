"""The options and argument types that commands share."""

from __future__ import annotations

import math
import typing
from collections.abc import Callable
from typing import Any, TypeVar

import click

from junto.address import Address
from junto.codecs import CodecName
from junto.vsoa.addresses import ServerURL

__all__ = ["CODEC", "JSON", "PASSWORD", "TLS", "Seconds", "decorate", "read_any_url", "read_server_url"]

F = TypeVar("F", bound=Callable[..., Any])


class Seconds(click.FloatRange):
    """A number of seconds; `click.FloatRange` takes not-a-number for one, whatever its limits."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        seconds: float = super().convert(value, param, ctx)
        if math.isnan(seconds):
            self.fail(f"{seconds} is no number of seconds.", param, ctx)
        return seconds


def read_any_url(text: str) -> Address | ServerURL:
    """Read an address, of VSOA too, for use as the type of an option or argument.

    Raises:
        click.BadParameter: It is none.
    """
    if text.lower().startswith("vsoa://"):
        return read_server_url(text)
    try:
        return Address.parse(text)
    except ValueError as error:
        raise click.BadParameter(f"{error}.".replace("tls://", "tls://, vsoa://", 1)) from error


def read_server_url(text: str) -> ServerURL:
    """Read an address of VSOA, for use as the type of an option or argument.

    Raises:
        click.BadParameter: It is none.
    """
    try:
        return ServerURL.parse(text)
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

PASSWORD = click.option(
    "--password", default="", envvar="JUNTO_PASSWORD", help="What a vsoa:// server wants to see."
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
