"""TLS contexts for mutual authentication: both peers show a certificate of one authority.

Any other `ssl.SSLContext` serves as well; these two are the usual case in one call.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Literal

__all__ = ["client_context", "server_context"]

Version = Literal["1.2", "1.3"]
PathLike = str | Path

_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def server_context(
    cafile: PathLike, certfile: PathLike, keyfile: PathLike | None = None, *, only: Version | None = None
) -> ssl.SSLContext:
    """Make a context for listening, which insists on a client's certificate.

    Args:
        cafile: The authority's certificate, PEM.
        certfile: Our certificate, with those between it and the authority, PEM.
        keyfile: Our private key, PEM; ``None`` if it is in *certfile*.
        only: Speak this version alone; ``None`` for TLS 1.2 and 1.3. Old peers (aiomas)
            speak 1.2 only, which needs no pinning.

    Raises:
        OSError: A file cannot be read, or does not hold what it should (`ssl.SSLError`).
    """
    context = _context(ssl.PROTOCOL_TLS_SERVER, cafile, certfile, keyfile, only)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_context(
    cafile: PathLike, certfile: PathLike, keyfile: PathLike | None = None, *, only: Version | None = None
) -> ssl.SSLContext:
    """Make a context for connecting, which checks the server's certificate and host name.

    The arguments and errors are those of `server_context`.
    """
    return _context(ssl.PROTOCOL_TLS_CLIENT, cafile, certfile, keyfile, only)


def _context(
    side: int, cafile: PathLike, certfile: PathLike, keyfile: PathLike | None, only: Version | None
) -> ssl.SSLContext:
    context = ssl.SSLContext(side)
    context.load_verify_locations(cafile)
    context.load_cert_chain(certfile, keyfile)
    context.minimum_version = _VERSIONS["1.2" if only is None else only]
    if only is not None:
        context.maximum_version = _VERSIONS[only]
    return context
