"""What the commands that talk to instruments share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import click

from junto import sync
from junto.cli.failures import Failure
from junto.cli.interruption import Interruption
from junto.cli.options import JSON, decorate
from junto.errors import JuntoError
from junto.instrument.errors import ConnectionEOFError, ConnectionTimeoutError

__all__ = ["TIMEOUT", "instrument_options", "printed", "request", "talk"]

TIMEOUT: Final = 5.0

_EOLS: Final = {"lf": b"\n", "cr": b"\r", "crlf": b"\r\n", "lfcr": b"\n\r", "nul": b"\0"}


def instrument_options(function: Callable[..., Any], timeout: str) -> Callable[..., Any]:
    """Give *function* the options that all these commands have."""
    return decorate(
        function,
        click.argument("url"),
        click.option(
            "--timeout", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS", help=timeout
        ),
        click.option(
            "--eol",
            type=click.Choice(list(_EOLS)),
            help="What ends a line, in both directions.  [default: lf, or as the URL says]",
        ),
        JSON,
    )


def talk(url: str, eol: str | None, timeout: float | None, work: Callable[[Any], None]) -> None:
    """Do *work* with the client of the instrument at *url*; Ctrl-C ends it.

    Raises:
        Failure: The URL is wrong, there is no connection, or no answer in time.
    """
    options: dict[str, Any] = {} if eol is None else {"eol": _EOLS[eol], "write_eol": _EOLS[eol]}
    if timeout is not None:
        options |= {"timeout": timeout, "connection_timeout": timeout}
    try:
        client = sync.socket_for_url(url, **options)
    except (ValueError, TypeError) as error:
        raise Failure("input", str(error)) from error
    interruption = Interruption()

    def run() -> None:
        interruption.opened(client.close)
        try:
            client.open()
            work(client)
        except ConnectionTimeoutError as error:
            raise Failure("timeout", f"no answer: {error}") from error
        except ConnectionEOFError as error:
            raise Failure("connection", f"{client.address}: {error}") from error
        except JuntoError:
            raise
        except (OSError, UnicodeError) as error:
            if not hasattr(error, "operation"):
                raise  # not the client's: our output was refused
            raise Failure("connection", f"{client.address}: {error}") from error
        finally:
            client.close()

    interruption.run(run)


def request(client: Any, text: str) -> bytes:
    """Make of *text* what is sent, whatever the client takes for text; its terminator is the client's."""
    _home, inner = client.parts()
    ending: bytes = inner.session.settings.ending
    return text.encode() + ending


def printed(line: bytes) -> str:
    """Make a text of *line*, whatever bytes are in it."""
    return line.decode("utf-8", "backslashreplace").rstrip("\r\n\0")
