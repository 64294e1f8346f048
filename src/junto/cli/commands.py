"""The command line: which commands there are, and what becomes of their failures."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import click

from junto.cli.failures import INTERRUPTED, OUTPUT_CLOSED, Failure, explain, report
from junto.errors import JuntoError

__all__ = ["run"]

_COMMANDS = (
    "agents",
    "call",
    "certs",
    "inspect",
    "instrument",
    "ping",
    "position",
    "pub",
    "query",
    "serve",
    "sim",
    "stream",
    "sub",
)


class _Refused(Exception):
    """The operating system refused something; its error is the cause."""


class _Commands(click.Group):
    """Imports a command's module when that command is wanted: a call needs no event loop."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(f"junto.cli.{cmd_name}"), cmd_name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
            return result
        except JuntoError as error:
            raise explain(error) from error
        except OSError as error:
            raise _Refused from error  # click would end the process here, were it a broken pipe


_HELP = """One networking library for programs that talk, in whatever way they wait.

Results go to stdout, everything else to stderr. With --json, a result is one JSON document, the items
of a stream are one per line, and a failure is {"error": {"kind", "message", "exit_code"}}.
"""

_EPILOG = """\b
Exit codes:
  0    done
  1    no connection, no answer in time, or the system refused to write the result; sim: a seed failed
  2    wrong input
  3    the peer answered with a failure
  130  interrupted by Ctrl-C (serve ends with 0: it is how it ends)
  141  the reader of the output went away
"""


# From click 8.2 on, a group of commands without the name of one is an error whose text is the help.
_NAME_MISSING: type[click.UsageError] | tuple[()] = getattr(click.exceptions, "NoArgsIsHelpError", ())


@click.group(
    cls=_Commands, help=_HELP, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(package_name="junto", message="%(prog)s %(version)s")
def _junto() -> None:
    pass


def run(words: list[str]) -> int:
    """Run the command line *words*; returns the exit code."""
    before_escape = words[: words.index("--")] if "--" in words else words
    as_json = "--json" in before_escape
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")  # what the terminal's encoding lacks is no failure
    try:
        code = _junto.main(words or ["--help"], prog_name="junto", standalone_mode=False)
    except Failure as failure:
        return report(failure, as_json=as_json)
    except _NAME_MISSING as error:
        click.echo(error.format_message())
        return 0
    except click.ClickException as error:
        return report(Failure("input", _sentence(error)), as_json=as_json)
    except click.Abort:  # what click makes of Ctrl-C
        return INTERRUPTED
    except _Refused as refused:
        _discard_output()
        if isinstance(refused.__cause__, BrokenPipeError):
            return OUTPUT_CLOSED
        return report(Failure("system", f"the system refused: {refused.__cause__}"), as_json=as_json)
    return code if isinstance(code, int) else 0  # what `Context.exit` was given


def _discard_output() -> None:
    # Python flushes stdout once more at the end, and would complain about what cannot be written.
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)


def _sentence(error: click.ClickException) -> str:
    message = " ".join(error.format_message().split())
    context = error.ctx if isinstance(error, click.UsageError) else None
    return message if context is None else f"{message} Try '{context.command_path} --help'."
