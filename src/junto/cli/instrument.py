"""``junto instrument serve``: a simulated instrument, until told to stop."""

from __future__ import annotations

import signal
import threading
from typing import Any

import click

from junto.cli.failures import Failure
from junto.cli.options import JSON, decorate
from junto.cli.target import find_target
from junto.cli.values import write_json
from junto.instrument.simulated import SimulatedInstrument

__all__ = ["instrument"]

_HELP = """Serve the simulated instrument DEVICE, until Ctrl-C or SIGTERM.

DEVICE is a TOML file, or module:Name: a class with a method answer, a function that answers, or a dictionary
of answers. A file has up to three tables:

\b
  [device]        eol, latency, fragment, disconnect_after, greeting
  [replies]       "*IDN?" = "ACME,Box,1,0"
                  "CURV?" = { hex = "23313568656c6c6f0a", delay = 0.1 }
                  "FAIL"  = { fault = "close" }
  [variables]     VOLT = "1.0"         which VOLT 2.5 sets and VOLT? asks for

The URL, with the port that the system chose for port 0, is printed when connections are accepted.
"""


@click.group("instrument")
def instrument() -> None:
    """Simulated instruments."""


def _run(device: str, host: str, port: int, *, as_json: bool) -> None:
    answers: Any = device
    if not device.endswith(".toml") and ":" in device:
        answers = find_target(device)
    try:
        simulated = SimulatedInstrument(answers, host=host, port=port)
    except OSError as error:
        raise Failure("input", f"{device} cannot be read: {error.strerror}") from error
    except (ValueError, TypeError) as error:
        raise Failure("input", str(error)) from error
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: stop.set())
    with simulated:
        if as_json:
            write_json({"url": simulated.url})
        else:
            click.echo(f"serving at {simulated.url}")
        while not stop.wait(0.2):  # in steps, for Windows lets no signal through to a wait without end
            pass


instrument.add_command(
    click.command("serve", help=_HELP)(
        decorate(
            _run,
            click.argument("device"),
            click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen."),
            click.option(
                "--port", type=click.IntRange(0, 65535), default=0, help="The port; 0 lets the system choose."
            ),
            JSON,
        )
    )
)
