"""``junto ping``: measure round trips."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

import click

from junto import sync
from junto.address import Address
from junto.cli.destination import Destination, destination_options
from junto.cli.failures import Failure
from junto.cli.options import Seconds
from junto.cli.values import write_json
from junto.errors import JuntoError, RequestTimeout
from junto.vsoa.addresses import ServerURL

if TYPE_CHECKING:
    from junto.vsoa import sync as vsoa

__all__ = ["ping"]

_TIMEOUT = 5.0


@click.command()
@destination_options(
    "Seconds for each answer, and for connecting. A refused connection is tried again while there is time."
    f"  [default: try once, wait {_TIMEOUT:g} s for each answer]"
)
@click.option("--count", type=click.IntRange(min=1), default=4, show_default=True, help="How often to ask.")
@click.option(
    "--interval",
    type=Seconds(min=0),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="From one answer to the next question.",
)
def ping(destination: Destination, count: int, interval: float, *, as_json: bool) -> None:
    """Measure how long the peer at URL takes to answer.

    A peer that does not know the question, and says so, counts as alive. With --json, times are in seconds.
    """
    timeout = destination.timeout or _TIMEOUT
    times: list[float | None] = []
    with destination.connect() as (peer, _):
        try:
            _measure(peer, destination, times, count, interval, timeout, as_json=as_json)
        finally:  # what was measured is worth telling, however it ended
            _show_summary(destination.address, times, as_json=as_json)
    if all(seconds is None for seconds in times):
        raise Failure("timeout", f"no answer from {destination.address} within {timeout:g} s")


def _measure(
    peer: sync.Peer | vsoa.Client,
    destination: Destination,
    times: list[float | None],
    count: int,
    interval: float,
    timeout: float,
    *,
    as_json: bool,
) -> None:
    for number in range(count):
        if number:
            destination.interruption.pause(interval)
        try:
            seconds = peer.ping(timeout=timeout)
        except JuntoError as error:
            times.append(None)
            if not isinstance(error, RequestTimeout):
                raise
            text = f"no answer within {timeout:g} s"
        else:
            times.append(seconds)
            text = f"answer from {destination.address} after {_milliseconds(seconds)}"
        if not as_json:
            click.echo(text)


def _show_summary(address: Address | ServerURL, times: list[float | None], *, as_json: bool) -> None:
    answers = [seconds for seconds in times if seconds is not None]
    summary: dict[str, Any] = {
        "min": min(answers, default=None),
        "median": statistics.median(answers) if answers else None,
        "max": max(answers, default=None),
    }
    if as_json:
        write_json(
            {"url": str(address), "sent": len(times), "received": len(answers), **summary, "times": times}
        )
        return
    figures = ", ".join(f"{name} {_milliseconds(value)}" for name, value in summary.items() if answers)
    click.echo(f"{len(times)} sent, {len(answers)} answered" + (f"; {figures}" if answers else ""))


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:.3f} ms"
