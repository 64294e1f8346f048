"""Parsers as one would write them by hand for one protocol: one buffer, an offset, one trim for each feed."""

from __future__ import annotations

from struct import Struct

_LENGTH = Struct(">I")


class LineEcho:
    """Sends each line back."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._output: list[bytes] = []

    def send(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        output = self._output
        at = 0
        while True:
            end = buffer.find(b"\n", at) + 1
            if not end:
                break
            output.append(bytes(buffer[at:end]))
            at = end
        if at:
            del buffer[:at]

    def read(self) -> bytes:
        data = b"".join(self._output)
        self._output.clear()
        return data


class LengthEcho:
    """Sends each body back, with its length in front."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._output: list[bytes] = []

    def send(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        output = self._output
        at = 0
        size = len(buffer)
        while size - at >= 4:
            end = at + 4 + _LENGTH.unpack_from(buffer, at)[0]
            if end > size:
                break
            head = bytes(buffer[at : at + 4])
            body = bytes(buffer[at + 4 : end])
            output.append(head + body)
            at = end
        if at:
            del buffer[:at]

    def read(self) -> bytes:
        data = b"".join(self._output)
        self._output.clear()
        return data
