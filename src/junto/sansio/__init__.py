"""Protocols without I/O: bytes to messages and back, with no socket, no clock and no way of waiting."""
