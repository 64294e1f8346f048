"""How times and texts are shown to people: short, exact, and with nothing in them that is not seen."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["digits_for", "duration", "seconds", "shorten", "visible"]

# Control characters, marks of direction, what has no width, separators of lines, halves of surrogates and
# noncharacters: none of them is seen, some change how the rest is read, and some may not be in XML at all.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff0-\uffff"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)


def visible(text: str) -> str:
    """Write as an escape each character that is not seen; ends of lines become ``↵``."""
    if text.isascii() and text.isprintable():
        return text
    return _UNSEEN.sub(_escape, text.replace("\r\n", "\n"))


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code == 0x0A:
        return "↵"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def shorten(text: str, length: int) -> str:
    """Cut *text* to *length* characters; the last is an ellipsis if something is missing."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def seconds(time: int, digits: int = 9) -> str:
    """Write nanoseconds as seconds; digits behind the *digits*-th are cut off, not rounded."""
    sign = "-" if time < 0 else ""
    whole, rest = divmod(abs(time), 1_000_000_000)
    return (
        f"{sign}{whole}.{rest:09d}"[: len(sign) + len(str(whole)) + 1 + digits]
        if digits
        else f"{sign}{whole}"
    )


def digits_for(times: Iterable[int], least: int = 3) -> int:
    """Tell how many digits behind the point, at least *least*, keep different *times* different."""
    known = set(times)
    for digits in range(least, 9):
        unit = 10 ** (9 - digits)
        if len({time // unit for time in known}) == len(known):
            return digits
    return 9


def duration(time: int) -> str:
    """Write a span of nanoseconds with three digits and its unit: ``4.2 ms``."""
    if abs(time) >= 100_000_000_000:
        return f"{time / 1e9:,.0f} s"
    for unit, size in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if abs(time) >= size:
            return f"{time / size:.3g} {unit}"
    return f"{time} ns"
