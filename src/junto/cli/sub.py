"""``junto sub``: show what is published."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from junto.cli.destination import Destination, destination_options
from junto.cli.failures import Failure
from junto.cli.values import printable, write_json
from junto.errors import RequestTimeout
from junto.vsoa.addresses import ServerURL
from junto.vsoa.messages import Message

if TYPE_CHECKING:
    from junto.vsoa.sync import Subscription

__all__ = ["sub"]


@click.command()
@destination_options(
    "Seconds for connecting, and for each message.  [default: try once, wait for messages for ever]"
)
@click.argument("topics", nargs=-1, metavar="[TOPIC]...")
@click.option("--count", type=click.IntRange(min=1), help="Stop after so many messages.")
def sub(destination: Destination, topics: tuple[str, ...], count: int | None, *, as_json: bool) -> None:
    """Show what the vsoa:// server at URL publishes, until Ctrl-C.

    Each TOPIC begins with a slash; one with a slash at its end is for all below it, too. Without a TOPIC it
    is the path of URL, and without that, everything.
    """
    url = destination.address
    wanted = topics or ((url.path if isinstance(url, ServerURL) else "") or "/",)
    if not all(topic.startswith("/") for topic in wanted):
        raise Failure("input", "a topic begins with a slash")
    with destination.connect_vsoa() as (client, _), client.subscribe(*wanted) as subscription:
        for number, message in enumerate(_messages(subscription, destination.timeout), 1):
            _show(message, as_json=as_json)
            if number == count:
                return


def _messages(subscription: Subscription, timeout: float | None) -> Iterator[Message]:
    while True:
        try:
            yield subscription.receive(timeout)
        except StopIteration:
            return
        except RequestTimeout:
            raise Failure("timeout", f"no message within {timeout:g} s") from None


def _show(message: Message, *, as_json: bool) -> None:
    param = message.param
    if isinstance(param, bytes):
        param = param.decode("utf-8", "backslashreplace")
    if as_json:
        write_json(
            {"url": message.url, "param": param, "data": message.data.hex() or None, "quick": message.quick}
        )
        return
    parts = [message.url or "", *([] if param is None else [json.dumps(param, ensure_ascii=False)])]
    if message.data:
        parts.append(f"({len(message.data):,} bytes of data)")
    click.echo(printable(" ".join(parts)))
