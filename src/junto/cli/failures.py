"""What can go wrong, as a sentence, as JSON, and as an exit code.

Results go to stdout and failures to stderr, in either form, so that a program that reads stdout
never has to tell them apart.
"""

from __future__ import annotations

import json
import sys
from typing import Any, Final, Literal

from junto.cli.values import printable
from junto.errors import JuntoError, RemoteError, RequestTimeout

__all__ = ["INTERRUPTED", "OUTPUT_CLOSED", "Failure", "explain", "report"]

Kind = Literal["connection", "input", "remote", "system", "timeout"]

_EXIT_CODES: Final[dict[Kind, int]] = {"connection": 1, "timeout": 1, "system": 1, "input": 2, "remote": 3}

INTERRUPTED: Final = 130
"""The exit code after Ctrl-C: 128 and the signal's number, as shells have it."""

OUTPUT_CLOSED: Final = 141
"""The exit code when the reader of our output went away, as of a program that SIGPIPE ended."""


class Failure(Exception):
    """The command cannot do what it was asked for.

    Attributes:
        kind: ``input``: what the user gave is wrong. ``connection``: there is none, or it
            broke. ``timeout``: no answer in time. ``remote``: the answer is a failure.
            ``system``: the operating system refused something, such as writing the result.
        message: A sentence for the user.
        facts: What else the JSON form tells.
        exit_code: What the process ends with.
    """

    def __init__(self, kind: Kind, message: str, **facts: Any) -> None:
        super().__init__(kind, message)
        self.kind = kind
        self.message = message
        self.facts = facts
        self.exit_code = _EXIT_CODES[kind]


def explain(error: JuntoError) -> Failure:
    """Make a failure of what the library raised."""
    if isinstance(error, RemoteError):
        return Failure("remote", f"the peer failed: {error}", type=error.type_name, text=error.text)
    if isinstance(error, RequestTimeout):
        return Failure("timeout", f"no answer: {error}")
    return Failure("connection", str(error))


def report(failure: Failure, *, as_json: bool) -> int:
    """Tell the user on stderr; returns the exit code."""
    if as_json:
        facts = {
            "kind": failure.kind,
            "message": failure.message,
            "exit_code": failure.exit_code,
            **failure.facts,
        }
        text = json.dumps({"error": facts})
    else:
        text = printable(f"junto: {failure.message}")
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
    return failure.exit_code
