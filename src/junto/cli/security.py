"""From the options ``--cafile``, ``--certfile`` and ``--keyfile`` to a TLS context."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from junto.address import Address
from junto.cli.failures import Failure
from junto.vsoa.addresses import ServerURL

if TYPE_CHECKING:
    import ssl

__all__ = ["Files"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Files:
    """The files that a TLS context is made from; ``None`` for those that were not given."""

    cafile: str | None
    certfile: str | None
    keyfile: str | None

    def client_context(self, address: Address | ServerURL) -> ssl.SSLContext | None:
        """Make the context to connect to *address*; ``None`` if that is without TLS.

        Nothing in an address of VSOA says whether that is with TLS, so the files do.

        Without ``cafile``, the authorities that the system trusts are trusted.

        Raises:
            Failure: The files do not go together, with each other or with the address.
        """
        if isinstance(address, ServerURL):
            needed = self != Files(None, None, None)
        else:
            needed = self._needed([address])
        return _made(self._make_client_context) if needed else None

    def server_context(self, addresses: Iterable[Address]) -> ssl.SSLContext | None:
        """Make the context to listen at *addresses*; ``None`` if all are without TLS.

        With ``cafile``, clients have to show a certificate, too.

        Raises:
            Failure: The files do not go together, with each other or with the addresses.
        """
        if not self._needed(addresses):
            return None
        if self.certfile is None:
            raise Failure("input", "to listen at a tls:// address, give --certfile (and --keyfile)")
        return _made(self._make_server_context)

    def _needed(self, addresses: Iterable[Address]) -> bool:
        if any(address.scheme == "tls" for address in addresses):
            if self.keyfile is not None and self.certfile is None:
                raise Failure("input", "--keyfile is of no use without --certfile")
            return True
        if self != Files(None, None, None):
            raise Failure(
                "input",
                "certificates are for tls:// addresses, and none is given: nothing would be encrypted",
            )
        return False

    # Importing ssl takes longer than all else that a call needs, so it waits until here.

    def _make_client_context(self) -> ssl.SSLContext:
        import ssl

        from junto import tls

        if self.cafile is not None and self.certfile is not None:
            return tls.client_context(self.cafile, self.certfile, self.keyfile)
        context = ssl.create_default_context(cafile=self.cafile)
        if self.certfile is not None:
            context.load_cert_chain(self.certfile, self.keyfile)
        return context

    def _make_server_context(self) -> ssl.SSLContext:
        import ssl

        from junto import tls

        assert self.certfile is not None, "asked for before"
        if self.cafile is not None:
            return tls.server_context(self.cafile, self.certfile, self.keyfile)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certfile, self.keyfile)
        return context


def _made(make: Callable[[], T]) -> T:
    try:
        return make()
    except OSError as error:  # an SSLError, too
        raise Failure("input", f"the certificates cannot be used: {error}") from error
