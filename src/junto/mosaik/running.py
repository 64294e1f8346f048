"""The program around a simulator."""

from __future__ import annotations

import argparse
import inspect
import logging
import sys
from collections.abc import Callable, Sequence
from typing import Any

from junto.address import Address
from junto.errors import JuntoError
from junto.mosaik import blocking
from junto.mosaik.simulators import AsyncSimulator

__all__ = ["main", "run"]

_LOG_LEVELS = ("debug", "info", "warning", "error", "critical")


def main(simulator: Any, argv: Sequence[str] | None = None) -> None:
    """Be a simulator's program: read the command line, and take part in one simulation.

    With ``HOST:PORT`` it connects to mosaik, which is how mosaik starts simulators (``cmd``); with
    ``--listen HOST:PORT`` it waits for mosaik to connect (``connect``).

    Args:
        simulator: See `run`.
        argv: The arguments; ``None`` for the program's own.

    Raises:
        SystemExit: What was asked for cannot be done, or the simulation broke off; the
            message tells why.
    """
    parser = argparse.ArgumentParser(description=inspect.getdoc(type(simulator)))
    parser.add_argument("address", metavar="HOST:PORT", help="where mosaik listens")
    parser.add_argument(
        "-r", "--remote", "--listen", action="store_true", help="listen at HOST:PORT for mosaik to connect"
    )
    parser.add_argument(
        "-t",
        "--timeout",
        type=float,
        default=60.0,
        help="seconds to wait for that (default: 60)",
    )
    parser.add_argument("-l", "--log-level", choices=_LOG_LEVELS, default="warning")
    args = parser.parse_args(argv)
    logging.basicConfig(level=args.log_level.upper())
    try:
        address = Address.parse(f"tcp://{args.address}")
    except ValueError:
        parser.error(f"{args.address!r} is no HOST:PORT, such as 127.0.0.1:5555")
    try:
        run(simulator, address, listen=args.remote, timeout=args.timeout, listening=_tell)
    except JuntoError as error:
        parser.exit(1, f"{parser.prog}: {error}\n")
    except KeyboardInterrupt:
        parser.exit(130)


def _tell(address: Address) -> None:
    sys.stdout.write(f"listening at {address.host}:{address.port}\n")
    sys.stdout.flush()


def run(
    simulator: Any,
    url: str | Address,
    *,
    listen: bool = False,
    timeout: float = 60.0,
    listening: Callable[[Address], object] | None = None,
) -> None:
    """Take part in one simulation, from the connection to mosaik until mosaik says ``stop``.

    Args:
        simulator: A `Simulator`, an `AsyncSimulator`, or any object with the methods of a `Simulator`.
        url: Where mosaik listens, or, with *listen*, where to listen for mosaik.
        listen: Wait for mosaik to connect; one connection is accepted.
        timeout: How many seconds to wait for that.
        listening: Called with the address when mosaik can connect.

    Raises:
        ConnectionFailed: There is no mosaik at *url*, or none came in time, or *url* cannot be used.
        ConnectionLost: mosaik was gone before it said ``stop``.
        Exception: What the simulator's ``finalize`` raised. What its other methods raise is told
            to mosaik.
    """
    if isinstance(simulator, AsyncSimulator):
        from junto import aio  # only who writes `async def` pays for asyncio
        from junto.mosaik import awaiting

        aio.run(awaiting.run(simulator, url, listen, timeout, listening))
    else:
        blocking.run(simulator, url, listen, timeout, listening)
