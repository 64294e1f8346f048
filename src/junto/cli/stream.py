"""``junto stream``: show what an instrument sends, line by line."""

from __future__ import annotations

from typing import Any

import click

from junto.cli.instruments import instrument_options, printed, request, talk
from junto.cli.values import printable, write_json

__all__ = ["stream"]

_HELP = """Show the lines that the instrument at URL sends, as they come, until it ends or Ctrl-C.

URL is as for query. With --send, a text is sent first. With --json, each line is one JSON text.
"""


def _run(
    url: str, timeout: float | None, eol: str | None, send: str | None, count: int | None, *, as_json: bool
) -> None:
    def work(client: Any) -> None:
        if send is not None:
            client.write(request(client, send))
        for number, line in enumerate(client, 1):
            text = printed(line)
            if as_json:
                write_json(text)
            else:
                click.echo(printable(text))
            if number == count:
                return

    talk(url, eol, timeout, work)


stream = click.command("stream", help=_HELP)(
    instrument_options(
        click.option("--send", metavar="TEXT", help="What to send first.")(
            click.option("--count", type=click.IntRange(min=1), help="Stop after so many lines.")(_run)
        ),
        "Seconds for connecting, and for each line.  [default: for ever]",
    )
)
