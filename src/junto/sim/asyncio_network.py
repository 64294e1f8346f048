"""The hooks of asyncio's loop that make sockets and transports, on the simulated network."""

from __future__ import annotations

__all__ = ["AsyncioNetwork"]


class AsyncioNetwork:
    """What a host's loop knows of sockets."""
