"""``junto query``: ask an instrument, and show its replies."""

from __future__ import annotations

import math
from typing import Any

import click

from junto.cli.failures import Failure
from junto.cli.instruments import TIMEOUT, instrument_options, printed, request, talk
from junto.cli.values import printable, write_json

__all__ = ["query"]

_HELP = """Send each TEXT to the instrument at URL, and show its reply.

\b
  tcp://host:5025             a network instrument; ?eol=crlf&timeout=2 and more may follow
  serial:///dev/ttyUSB0       a serial line, with the extra serial; ?baudrate=115200
  unix:///path  rfc2217://host:port  exec:command  loop://

A text that ends with ? is a question, and its reply, one line, is shown; to any other there is none. With
--read a reply is read for that too. With --json, each question is one line: {"query": ..., "reply": ...}.
"""


def _run(
    url: str, texts: tuple[str, ...], timeout: float | None, eol: str | None, *, always: bool, as_json: bool
) -> None:
    limit = TIMEOUT if timeout is None else timeout
    if not math.isfinite(limit):
        raise Failure("input", "--timeout is a number of seconds")

    def work(client: Any) -> None:
        for text in texts:
            data = request(client, text)
            if not (always or text.split(" ", 1)[0].rstrip().endswith("?") or text.rstrip().endswith("?")):
                client.write(data)
                continue
            reply = printed(client.write_readuntil(data, client.eol))
            if as_json:
                write_json({"query": text, "reply": reply})
            else:
                click.echo(printable(reply))

    talk(url, eol, limit, work)


query = click.command("query", help=_HELP)(
    instrument_options(
        click.argument("texts", nargs=-1, required=True, metavar="TEXT...")(
            click.option("--read", "always", is_flag=True, help="Read a reply to every text.")(_run)
        ),
        f"Seconds for connecting, and for each reply.  [default: {TIMEOUT:g}]",
    )
)
