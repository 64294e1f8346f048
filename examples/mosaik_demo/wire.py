"""What goes over mosaik's connections, seen where mosaik reads and writes its streams.

Counting inside mosaik's process needs no relay, and is the same for every simulator, whatever library
it uses. It takes time, so runs that are timed go without.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import mosaik.starters
from mosaik_api_v3.connection import Channel


class Direction:
    """The packets of one direction of one connection: 4 bytes of length, then JSON."""

    def __init__(self, tap: Tap, arrow: str, sid: str) -> None:
        self._tap = tap
        self._arrow = arrow
        self._sid = sid
        self._buffer = bytearray()

    def feed(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= 4:
            end = 4 + int.from_bytes(self._buffer[:4], "big")
            if len(self._buffer) < end:
                return
            self._tap.count(self._arrow, self._sid, bytes(self._buffer[:end]))
            del self._buffer[:end]


class Tap:
    """Counts messages and bytes, and keeps the first message of each kind.

    Attributes:
        messages: How many, by direction: ``→`` to the simulators, ``←`` from them.
        bytes: How many, the lengths before the messages included.
        samples: The first of each kind with its answer: direction, simulator, text.
    """

    def __init__(self) -> None:
        self.messages = {"→": 0, "←": 0}
        self.bytes = {"→": 0, "←": 0}
        self.samples: list[tuple[str, str, str]] = []
        self._seen: set[tuple[str, str]] = set()
        self._asked: dict[tuple[str, str, int], int] = {}

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Listen to all connections that mosaik opens meanwhile."""
        tap = self

        class TappedChannel(Channel):
            def __init__(self, reader: Any, writer: Any, name: str = "") -> None:
                read, written = Direction(tap, "←", name), Direction(tap, "→", name)
                super().__init__(TappedReader(reader, read), TappedWriter(writer, written), name)  # type: ignore[arg-type]

        mosaik.starters.Channel = TappedChannel  # type: ignore[misc]
        try:
            yield
        finally:
            mosaik.starters.Channel = Channel  # type: ignore[misc]

    def count(self, arrow: str, sid: str, packet: bytes) -> None:
        self.messages[arrow] += 1
        self.bytes[arrow] += len(packet)
        text = packet[4:].decode()
        kind, ident, content = json.loads(text)
        if kind == 0:
            if (sid, content[0]) in self._seen:
                return
            self._seen.add((sid, content[0]))
            self._asked[arrow, sid, ident] = len(self.samples)
            self.samples.append((arrow, sid, text))
        elif self._asked.pop(("→" if arrow == "←" else "←", sid, ident), None) is not None:
            self.samples.append((arrow, sid, text))


class TappedReader:
    def __init__(self, reader: Any, direction: Direction) -> None:
        self._reader = reader
        self._direction = direction

    async def readexactly(self, size: int) -> bytes:
        data: bytes = await self._reader.readexactly(size)
        self._direction.feed(data)
        return data


class TappedWriter:
    def __init__(self, writer: Any, direction: Direction) -> None:
        self._writer = writer
        self._direction = direction

    def write(self, data: bytes) -> None:
        self._direction.feed(data)
        self._writer.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._writer, name)
