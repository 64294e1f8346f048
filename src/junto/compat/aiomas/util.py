"""Running the event loop, contexts for TLS, and objects by name."""

from __future__ import annotations

import asyncio
import ssl
import warnings
from collections.abc import Awaitable, Callable
from typing import Any

from junto.agents.spawnable import find_object as obj_from_str
from junto.compat.aiomas.dates import DATE, Date, read_date
from junto.tls import client_context, server_context

__all__ = [
    "arrow_serializer",
    "current_loop",
    "make_ssl_client_context",
    "make_ssl_server_context",
    "obj_from_str",
    "run",
]


def current_loop() -> asyncio.AbstractEventLoop:
    """Give the event loop that runs, or the one that this thread has; it gets one if it has none."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        pass
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            loop = asyncio.get_event_loop()
    except (RuntimeError, DeprecationWarning):
        loop = None
    if loop is None or loop.is_closed():
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
    return loop


def run(until: Awaitable[Any] | None = None, loop: asyncio.AbstractEventLoop | None = None) -> Any:
    """Run the event loop until *until* is done, and give its result; for ever if there is none."""
    loop = loop or current_loop()
    if until is None:
        loop.run_forever()
        return None
    # With a task that was made of another loop, that loop complains.
    return loop.run_until_complete(until)


def arrow_serializer() -> tuple[type[Date], Callable[[Any], str], Callable[[str], Any]]:
    """Tell how dates travel: of ``arrow``, if that is installed."""
    return DATE, _write_date, read_date


def _write_date(date: Any) -> str:
    text: str = date.isoformat()
    return text


def make_ssl_server_context(cafile: str, certfile: str, keyfile: str) -> ssl.SSLContext:
    """Make a context for listening; TLS 1.3 is spoken as well, with who can."""
    return server_context(cafile, certfile, keyfile)


def make_ssl_client_context(cafile: str, certfile: str, keyfile: str) -> ssl.SSLContext:
    """Make a context for connecting, which checks the server's name."""
    return client_context(cafile, certfile, keyfile)
