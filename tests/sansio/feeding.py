"""How the tests of this folder feed bytes to what they test."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

from hypothesis import strategies as st


def frame(payload: bytes) -> bytes:
    """Put the length in front, written down here once more so that the code does not check itself."""
    return struct.pack(">I", len(payload)) + payload


def cut(data: bytes, sizes: Iterable[int]) -> Iterator[bytes]:
    """Cut *data* into pieces of these sizes, and what is left."""
    at = 0
    for size in sizes:
        if at >= len(data):
            return
        yield data[at : at + size]
        at += size
    if at < len(data):
        yield data[at:]


# Small pieces tear headers, large ones hold several packets.
sizes = st.lists(st.one_of(st.integers(1, 8), st.integers(1, 400)), max_size=60)
