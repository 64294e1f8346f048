"""The ``junto`` command: serve, call, inspect and ping from a shell, and talk to instruments.

It needs the extra ``cli``. This module does not, so that whoever lacks it is told so.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Sequence

from junto.cli.failures import INTERRUPTED, Failure, report

__all__ = ["main"]

_EXTRA = ("click", "rich")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: What stands behind the command's name; ``None`` for those of this process.

    Returns:
        The exit code; see `junto.cli.failures`.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # whoever started us has closed it; `print` says nothing then, either
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - until the end
    words = list(sys.argv[1:] if arguments is None else arguments)
    missing = [name for name in _EXTRA if importlib.util.find_spec(name) is None]
    if missing:
        sentence = f"the junto command needs {' and '.join(missing)}: pip install 'junto[cli]'"
        return report(Failure("input", sentence), as_json="--json" in words)
    try:
        from junto.cli.commands import run

        return run(words)
    except KeyboardInterrupt:  # while something was still being imported
        return INTERRUPTED
