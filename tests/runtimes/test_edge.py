"""What runtimes make of the system's errors."""

from __future__ import annotations

import pytest

from junto.address import Address
from junto.errors import ConnectionFailed
from junto.runtimes.edge import failing


def test_an_error_without_words_is_told_by_its_name() -> None:
    """As asyncio's, when the server ends the connection in the middle of TLS's handshake."""
    with pytest.raises(ConnectionFailed, match=r"cannot connect to tls://127.0.0.1:1: ConnectionResetError$"):
        with failing("connect to", Address("tls", "127.0.0.1", 1)):
            raise ConnectionResetError
