"""Tables of the page."""

from __future__ import annotations

from collections.abc import Sequence


def table(head: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]]) -> str:
    """Make a table.

    Args:
        head: The titles of its columns.
        rows: The class of each row, for the style sheet, and its cells.
    """
    header = "".join(f"<th>{cell}</th>" for cell in head)
    body = "".join(
        f'<tr class="{kind}">{"".join(f"<td>{c}</td>" for c in cells)}</tr>' for kind, cells in rows
    )
    return f"<table><thead><tr>{header}</tr></thead><tbody>{body}</tbody></table>"
