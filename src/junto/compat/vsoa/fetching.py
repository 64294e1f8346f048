"""One request over a connection of its own."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from junto.compat.vsoa.client import Client
from junto.compat.vsoa.payloads import Header, Payload

__all__ = ["fetch"]


def fetch(
    url: str,
    passwd: str | None = None,
    method: str | int = 0,
    payload: Any = None,
    timeout: float = 10.0,
    raw: bool = False,
    sslopt: dict[str, Any] | None = None,
) -> tuple[Header, Payload, int] | tuple[None, None, int]:
    """Connect, ask for the URL's path, without a query, and close; returns as `Client.fetch`."""
    client = Client(raw)
    try:
        code = client.connect(url, passwd or "", timeout, sslopt)
        if code:
            return None, None, code
        return client.fetch(urlsplit(url).path or "/", method, payload, timeout)
    finally:
        client.close()
