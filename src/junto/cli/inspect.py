"""``junto inspect``: ask a peer what it offers."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from junto import sync
from junto.cli.destination import Destination, destination_options
from junto.cli.failures import Failure
from junto.cli.values import write_json
from junto.errors import RemoteError

__all__ = ["inspect"]

_TIMEOUT = 5.0


class _Function(msgspec.Struct):
    path: str
    signature: str
    doc: str
    stream: bool


@click.command()
@destination_options(
    "Seconds for connecting and the answer. A refused connection is tried again while there is time."
    f"  [default: try once, wait {_TIMEOUT:g} s for the answer]"
)
def inspect(destination: Destination, *, as_json: bool) -> None:
    """List what the peer at URL offers.

    Each function is told with its path, its signature, and what it does.
    """
    with destination.connect() as (peer, left):
        try:
            functions = peer.describe(timeout=_TIMEOUT if left is None else left)
        except RemoteError as error:
            if isinstance(peer, sync.Peer) and peer.channel.extended:
                raise
            raise _no_junto(destination, f"it answered with a failure: {error}", error) from error
    try:
        msgspec.convert(functions, list[_Function])
    except msgspec.ValidationError as error:
        raise _no_junto(destination, "it answered with something else") from error
    _show(functions, as_json=as_json)


def _no_junto(destination: Destination, why: str, error: RemoteError | None = None) -> Failure:
    facts = {} if error is None else {"type": error.type_name, "text": error.text}
    return Failure(
        "remote", f"{destination.address} cannot tell what it offers, so it is no junto peer; {why}", **facts
    )


def _show(functions: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        write_json(functions)
    else:
        from junto.cli.display import show_functions

        show_functions(functions)
