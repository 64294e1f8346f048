"""Results for people to read, on stdout."""

from __future__ import annotations

import sys
from typing import Any

from rich.console import Console as RichConsole
from rich.highlighter import ReprHighlighter
from rich.pretty import Pretty
from rich.table import Table
from rich.text import Text

from junto.cli.values import printable

__all__ = ["show_functions", "show_item", "show_value"]

_UNWRAPPED = 100_000


class Console(RichConsole):
    """Leaves to us what becomes of a reader that goes away: rich ends the process."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError("nobody reads the output")


def show_value(value: Any) -> None:
    """Show a result: a text as it is, all else laid out as Python writes it."""
    if isinstance(value, str):
        _show_text(value)
    else:
        Console().print(Pretty(value))


def show_item(value: Any) -> None:
    """Show one item of a stream, in one line unless it is a text of several."""
    if isinstance(value, str):
        _show_text(value)
    else:
        Console(soft_wrap=True).print(ReprHighlighter()(repr(value)))


def show_functions(functions: list[dict[str, Any]]) -> None:
    """Show a table of what a service offers, as `junto.rpc.Peer.describe` tells it."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("function", style="bold", overflow="fold")
    table.add_column("signature", overflow="fold")
    table.add_column("what it does", overflow="fold")
    for function in functions:
        signature = function["signature"] + (" (a stream)" if function["stream"] else "")
        about = function["doc"].strip().partition("\n")[0]
        table.add_row(*(Text(printable(text)) for text in (function["path"], signature, about)))
    console = Console()
    if console.is_terminal:
        console.print(table)
        return
    # A pipe has no edge to wrap at, and a line for each function is easier to search.
    wide = Console(width=_UNWRAPPED)
    lines = wide.render_lines(table, pad=False)
    _show_text("\n".join("".join(segment.text for segment in line).rstrip() for line in lines))


def _show_text(text: str) -> None:
    sys.stdout.write(f"{printable(text)}\n")
    sys.stdout.flush()
