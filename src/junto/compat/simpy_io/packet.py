"""Packets, of bytes and of texts."""

from __future__ import annotations

from junto.simpy.packets import Packet, PacketUTF8

__all__ = ["Packet", "PacketUTF8"]
