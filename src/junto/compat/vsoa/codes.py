"""The codes that tell what came of connecting."""

from __future__ import annotations

import errno
import ssl

from junto.errors import RequestTimeout
from junto.vsoa.messages import PasswordRefused

__all__ = ["Codes", "code_of"]

_UNREACHABLE = (errno.ENETUNREACH, errno.EHOSTUNREACH)


class Codes:
    """What a client has as attributes."""

    CONNECT_OK = 0
    CONNECT_ERROR = 1
    CONNECT_UNREACHABLE = 2
    SERVER_NOT_FOUND = 3
    SERVER_NO_RESPONDING = 4
    INVALID_RESPONDING = 5
    INVALID_PASSWD = 6
    SSL_HS_FAILED = 7


def code_of(error: BaseException) -> int:
    """Give the code for what went wrong."""
    if isinstance(error, PasswordRefused):
        return Codes.INVALID_PASSWD
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return Codes.SSL_HS_FAILED
        if isinstance(cause, RequestTimeout):
            return Codes.SERVER_NO_RESPONDING
        if isinstance(cause, OSError) and cause.errno in _UNREACHABLE:
            return Codes.CONNECT_UNREACHABLE
        cause = cause.__cause__
    text = str(error)
    if "position server" in text:
        return Codes.SERVER_NOT_FOUND
    if "greeting" in text or "at once" in text:
        return Codes.SERVER_NO_RESPONDING
    return Codes.INVALID_RESPONDING if "refuses" in text else Codes.CONNECT_ERROR
