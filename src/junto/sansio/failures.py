"""What goes over the wire when a handler failed.

Old peers read it in two forms: one text, as Python prints an exception, or a list of the type's
name, the message, and the traceback in pieces (mosaik insists on that one). Either can leave
the traceback out, which names files of this machine.
"""

from __future__ import annotations

import traceback
from typing import Literal

__all__ = ["FailureForm", "describe_failure"]

FailureForm = Literal["text", "list", "brief", "brief-list"]

_LONGEST = 32 * 1024
_OURS = __file__.rpartition("sansio")[0]
_WORKER = ("concurrent/futures/thread.py", "concurrent\\futures\\thread.py")


def describe_failure(error: BaseException, form: FailureForm) -> str | list[str]:
    """Describe *error* for the peer.

    Args:
        error: What the handler raised.
        form: ``text`` or ``list``; ``brief`` and ``brief-list`` without the traceback.

    Returns:
        A text that ends in a newline, or a list of at least two texts. No part is longer than
        32 KiB of characters.
    """
    name = type(error).__qualname__
    try:
        message = str(error)
    except Exception as broken:
        message = f"<no message: {type(broken).__qualname__}>"
    if form == "text":
        return _clean("".join(_format(error)))
    if form == "brief":
        return _clean((f"{name}: {message}" if message else name) + "\n")
    if form == "list":
        return [_clean(name), _clean(message), *map(_clean, _format(error))]
    return [_clean(name), _clean(message)]


def _format(error: BaseException) -> list[str]:
    try:
        report = traceback.TracebackException(type(error), error, error.__traceback__)
        _leave_out_our_steps(report)
        return list(report.format())
    except Exception as broken:  # an exception whose own text fails, or its cause's
        return [f"{type(error).__qualname__}: <not printable: {type(broken).__qualname__}>\n"]


def _leave_out_our_steps(report: traceback.TracebackException) -> None:
    """Leave out the steps that led to the handler: they are ours, and tell nobody anything."""
    parts = [report]
    while parts:
        part = parts.pop()
        count = 0
        for step in part.stack:
            if not step.filename.startswith(_OURS) and not step.filename.endswith(_WORKER):
                break
            count += 1
        del part.stack[:count]
        parts += [other for other in (part.__cause__, part.__context__, *(part.exceptions or ())) if other]


def _clean(text: str) -> str:
    if len(text) > _LONGEST:
        half = _LONGEST // 2 - 8
        text = f"{text[:half]}\n[...]\n{text[-half:]}"
    return text.encode("utf-8", "backslashreplace").decode()  # a lone surrogate has no UTF-8
