"""Stacks of layers, and what a failed request raises."""

from __future__ import annotations

from junto.simpy.messages import RemoteException
from junto.simpy.protocol import Protocol

__all__ = ["Protocol", "RemoteException"]
