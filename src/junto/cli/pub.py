"""``junto pub``: serve what is published by hand."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TextIO

import click

from junto.cli.failures import Failure
from junto.cli.interruption import Interruption
from junto.cli.options import PASSWORD, decorate, read_server_url
from junto.cli.values import read_value
from junto.vsoa.addresses import ServerURL

if TYPE_CHECKING:
    from junto.vsoa.sync import Server

__all__ = ["pub"]

_HELP = """Be a vsoa:// server at URL, and publish what is read.

Each line of the input is a topic and, behind a blank, a param, which is read as JSON; one that is not JSON is
taken as a text:

\b
  /axis/speed {"km/h": 80}
  /state parked

It ends with the input, or with Ctrl-C. With TOPIC, this and PARAM are published every --interval seconds
instead, to whoever has subscribed by then.
"""


def _run(
    url: ServerURL,
    topic: str | None,
    param: str | None,
    interval: float,
    count: int | None,
    quick: bool,
    password: str,
) -> None:
    from junto.vsoa import sync  # late: it takes longer to import than to say what is wrong

    if topic is not None and not topic.startswith("/"):
        raise Failure("input", "a topic begins with a slash")
    interruption = Interruption()

    def work() -> None:
        with sync.serve(str(url), password=password) as server:
            interruption.opened(server.close)
            server.start_thread()
            click.echo(f"publishing at {server.addresses[0]}", err=True)
            if topic is None:
                _publish_lines(server, sys.stdin, quick)
                return
            value = None if param is None else read_value(param)
            number = 0
            while count is None or number < count:
                if number:
                    interruption.pause(interval)
                else:
                    _wait_for_subscriber(server, topic, interruption)
                server.publish(topic, value, quick=quick)
                number += 1

    interruption.run(work)


def _wait_for_subscriber(server: Server, topic: str, interruption: Interruption) -> None:
    while not server.is_subscribed(topic):
        interruption.pause(0.05)


def _publish_lines(server: Server, lines: TextIO, quick: bool) -> None:
    for line in lines:
        topic, _, param = line.strip().partition(" ")
        if not topic:
            continue
        if not topic.startswith("/"):
            raise Failure("input", f"{topic!r} is no topic: it does not begin with a slash")
        value = read_value(param.strip()) if param.strip() else None
        server.publish(topic, value, quick=quick)


pub = click.command("pub", help=_HELP)(
    decorate(
        _run,
        click.argument("url", type=read_server_url),
        click.argument("topic", required=False),
        click.argument("param", required=False),
        click.option(
            "--interval",
            type=click.FloatRange(min=0.001),
            default=1.0,
            show_default=True,
            metavar="SECONDS",
            help="From one publication to the next.",
        ),
        click.option("--count", type=click.IntRange(min=1), help="Stop after so many."),
        click.option("--quick", is_flag=True, help="Use the quick channel."),
        PASSWORD,
    )
)
