"""TLS contexts from the dictionaries that were called ``sslopt``."""

from __future__ import annotations

import ssl
from typing import Any

__all__ = ["client_context", "server_context"]


class _Named(ssl.SSLContext):
    """A context that looks for one name, whatever the address says."""

    junto_name: str | None = None

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        name = self.junto_name or server_hostname
        return super().wrap_bio(incoming, outgoing, server_side, name, session)


def server_context(options: dict[str, Any]) -> ssl.SSLContext:
    """Make the context of a server; ``cert`` and ``key`` must be there."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options["cert"], options["key"], options.get("passwd"))
    _trust(context, options, ssl.Purpose.CLIENT_AUTH)
    context.verify_mode = options.get("verify_mode", ssl.CERT_OPTIONAL)
    if options.get("sni_callback") is not None:
        context.sni_callback = options["sni_callback"]
    return context


def client_context(options: dict[str, Any]) -> ssl.SSLContext:
    """Make the context of a client."""
    context = _Named(ssl.PROTOCOL_TLS_CLIENT)
    context.junto_name = options.get("hostname")
    if options.get("cert"):
        context.load_cert_chain(options["cert"], options.get("key"), options.get("passwd"))
    _trust(context, options, ssl.Purpose.SERVER_AUTH)
    mode = options.get("verify_mode", ssl.CERT_REQUIRED)
    if mode == ssl.CERT_NONE:
        context.check_hostname = False
    context.verify_mode = mode
    return context


def _trust(context: ssl.SSLContext, options: dict[str, Any], purpose: ssl.Purpose) -> None:
    if options.get("ca_cert"):
        context.load_verify_locations(options["ca_cert"])
    if options.get("load_default_certs", True):
        context.load_default_certs(purpose)
