"""Feed any bytes to a connection's messages: events come out, or the one error, and nothing else.

    python tests/fuzz/fuzz_messages.py -runs=100000

The first byte chooses the codec and what was agreed before, the second where the rest is cut. The
arguments are those of libFuzzer: ``-max_total_time=60``, a folder to keep the inputs in, or a file to
run again.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports():
    from junto.blosc import MsgPackBlosc
    from junto.codecs import JSON, MsgPack
    from junto.custom_types import DATETIME
    from junto.errors import RemoteError, RemoteProtocolError
    from junto.sansio.kinds import BAD_CONTENT, BROKEN, FAILURE, REQUEST
    from junto.sansio.messages import MessageProtocol

CODECS = (JSON, MsgPack, MsgPackBlosc)
LIMIT = 1 << 16


def make(choice: int) -> MessageProtocol:
    codec = CODECS[choice % 3]([DATETIME])
    protocol = MessageProtocol(codec, receive_limit=LIMIT, send_limit=LIMIT, extensions=bool(choice & 4))
    if choice & 8:
        protocol.send_request("hello")
    return protocol


def feed(data: bytes) -> None:
    """Read *data*, and answer what is a request.

    Raises:
        AssertionError: What came out breaks the contract.
    """
    if len(data) < 2:
        return
    choice, step = data[0], data[1] or len(data)
    data = data[2:]
    if choice & 16:  # one packet: most inputs would end at an impossible length otherwise
        data = len(data).to_bytes(4, "big") + data
    protocol = make(choice)
    broken = False
    for start in range(0, len(data), step):
        for kind, ident, content in protocol.receive_data(data[start : start + step]):
            assert not broken, "an event after the last one"
            if kind == BROKEN:
                assert isinstance(content, RemoteProtocolError)
                broken = True
            elif kind == REQUEST:
                protocol.send_failure(ident, ValueError("no"))
            elif kind == BAD_CONTENT:
                protocol.send_failure(ident[1], content)
            elif kind == FAILURE:
                str(RemoteError(content))
    protocol.receive_eof()
    for chunk in protocol.data_to_send():
        assert chunk


if __name__ == "__main__":
    atheris.Setup(sys.argv, feed)
    atheris.Fuzz()
