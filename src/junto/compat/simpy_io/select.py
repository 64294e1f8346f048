"""Sockets that `select.select` watches."""

from __future__ import annotations

from functools import partial

from junto.compat.simpy_io.environments import make_environment
from junto.simpy.sockets import TCPSocket
from junto.simpy.tls_sockets import TLSSocket as SSLSocket

__all__ = ["Environment", "SSLSocket", "TCPSocket"]

Environment = partial(make_environment, "select")
