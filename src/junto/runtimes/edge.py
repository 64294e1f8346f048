"""What every runtime does where it meets the system: checks before, and errors after."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from junto.errors import ConnectionFailed, LocalProtocolError

if TYPE_CHECKING:
    import ssl

    from junto.address import Address

__all__ = ["failing", "require_context", "require_host"]


@contextmanager
def failing(what: str, address: Address) -> Generator[None, None, None]:
    """Turn the system's errors into `ConnectionFailed`."""
    try:
        yield
    except ConnectionFailed:
        raise
    except (OSError, UnicodeError, ValueError, OverflowError) as error:
        # ssl.SSLError is an OSError. UnicodeError: a host's name that cannot be encoded.
        # ValueError: a TLS context that cannot be used so; a NUL in a path.
        reason = str(error) or type(error).__name__
        raise ConnectionFailed(f"cannot {what} {address}: {reason}") from error


def require_context(address: Address, tls: ssl.SSLContext | None) -> None:
    """Refuse to speak in the clear where TLS was asked for."""
    if address.scheme == "tls" and tls is None:
        raise LocalProtocolError(f"{address} needs an ssl.SSLContext")


def require_host(address: Address) -> None:
    """Refuse datagrams at a place that has no UDP port."""
    if address.scheme != "tcp":
        raise LocalProtocolError(f"datagrams need a host and a port, as in tcp://127.0.0.1:0, not {address}")
