"""The names of ohneio, for protocols and drivers that were written for it.

Change ``import ohneio`` into ``from junto.compat import ohneio``. What ohneio did wrong is not done here: a
size of 0 means no bytes and not all of them, and an error in a protocol is remembered.
"""

from __future__ import annotations

from typing import Never

from junto.errors import NoResult
from junto.sansio import coroutines
from junto.sansio.coroutines import Buffer, Primitive, protocol, wait, write
from junto.sansio.coroutines import Connection as Consumer

__all__ = ["Buffer", "Consumer", "NoResult", "peek", "protocol", "read", "wait", "write"]


def peek(nbytes: int | None = None) -> Primitive[Never, bytes]:
    """Look at up to *nbytes* of the input, without waiting; without an argument at all."""
    return coroutines.peek(nbytes)


def read(nbytes: int | None = None) -> Primitive[Never, bytes]:
    """Consume exactly *nbytes*, waiting for them; without an argument whatever is there."""
    return coroutines.read(nbytes)
