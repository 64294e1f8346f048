"""``junto call``: call one function, and show its result."""

from __future__ import annotations

import json
from typing import Any

import click

from junto.cli.destination import Destination, destination_options
from junto.cli.failures import Failure
from junto.cli.values import read_arguments, read_value, write_json
from junto.codecs import make_codec
from junto.errors import CodecError
from junto.sync import Stream

__all__ = ["call"]

_ESCAPED = "junto.cli.escaped"


class _Call(click.Command):
    """Lets negative numbers be arguments, and keeps apart what stands behind ``--``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if "--" in args:
            escape = args.index("--")
            args, ctx.meta[_ESCAPED] = args[:escape], args[escape + 1 :]
        return super().parse_args(ctx, args)


_HELP = """Call the function NAME at URL, and show its result.

Each argument is read as JSON; one that is not JSON is taken as a text. So 3, 2.5, true, null and [1, 2] are
what they look like, Ann is a text, and a text that looks like a number needs its quotes: '"42"'.

\b
  name=value   is an argument by name; the value is read in the same way
  --           all words behind it are positional: -- a=b --c
  --args-json  '[3, 4]' or '{"a": 3}' instead of the words

A function inside a nested service is named by its path, as in math/add.

A stream is shown item by item as it comes; Ctrl-C stops it.

At a vsoa:// address NAME is the URL of a command, with or without its first slash; arguments by name are the
members of the param, others its items.
"""


@click.command(cls=_Call, help=_HELP, context_settings={"ignore_unknown_options": True})
@destination_options(
    "Seconds for connecting and the answer, of a stream for its beginning. A refused connection is tried"
    " again while there is time.  [default: try once, wait for the answer as long as it takes]"
)
@click.argument("name")
@click.argument("words", nargs=-1, metavar="[ARGUMENT]...")
@click.option("--args-json", metavar="JSON", help="All arguments: an array, or a map of arguments by name.")
@click.pass_context
def call(
    ctx: click.Context,
    destination: Destination,
    name: str,
    words: tuple[str, ...],
    args_json: str | None,
    *,
    as_json: bool,
) -> None:
    """Call one function."""
    args, kwargs = _arguments(ctx, words, args_json)
    try:
        make_codec(destination.codec).encode([name, args, kwargs])
    except CodecError as error:
        raise Failure("input", f"the arguments cannot be sent: {error}") from error
    with destination.connect() as (peer, left):
        result = peer.call(name.lstrip("/"), *args, kwargs=kwargs, timeout=left)
        if isinstance(result, Stream):
            _show_stream(result, as_json=as_json)
        elif as_json:
            write_json(result)
        else:
            from junto.cli.display import show_value  # late: rich takes longer to import than a call takes

            show_value(result)


def _show_stream(stream: Stream, *, as_json: bool) -> None:
    if as_json:
        show_item = write_json
    else:
        from junto.cli.display import show_item
    try:
        for item in stream:
            show_item(item)
    finally:
        stream.close()


def _arguments(
    ctx: click.Context, words: tuple[str, ...], args_json: str | None
) -> tuple[list[Any], dict[str, Any]]:
    escaped: list[str] = ctx.meta.get(_ESCAPED, [])
    if args_json is not None:
        if words or escaped:
            raise click.UsageError("Give the arguments as words or with --args-json, not both.", ctx)
        return _all_arguments(args_json)
    for word in words:
        if word.startswith("-") and not isinstance(read_value(word), int | float):
            raise click.UsageError(f"No such option: {word} (to send it, write it behind --).", ctx)
    try:
        args, kwargs = read_arguments(words)
    except ValueError as error:
        raise Failure("input", str(error)) from error
    return [*args, *map(read_value, escaped)], kwargs


def _all_arguments(text: str) -> tuple[list[Any], dict[str, Any]]:
    try:
        arguments: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Failure("input", f"--args-json is not JSON: {error}") from error
    if type(arguments) is list:
        return arguments, {}
    if type(arguments) is dict:
        return [], arguments
    raise Failure("input", "--args-json has to be an array or a map")
