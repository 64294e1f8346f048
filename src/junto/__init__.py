"""junto: one networking library for programs that talk, in whatever way they wait.

Import a flavour, which says how your program waits:

- `junto.aio` for asyncio programs, ``await peer.remote.add(3, 4)``;
- `junto.sync` for plain blocking programs and threads, ``peer.remote.add(3, 4)``;
- `junto.trio` for trio programs, ``await peer.remote.add(3, 4)``;
- `junto.simpy` for SimPy processes in real time, ``yield peer.remote.add(3, 4)``.

Each has the same functions: ``connect`` and ``serve`` for remote procedure calls, ``open_channel``
and ``serve_channels`` for bare requests and replies. What is the same for all of them is here.

Where things are: ``sansio`` holds the protocols, bytes to events and back, without any I/O;
``runtimes`` moves bytes and time; the modules between (`junto.channel`, `junto.rpc`) are written once
and know neither. ``cli`` is the ``junto`` command, `junto.vsoa` speaks the protocol for vehicles,
`junto.agents` makes systems of many agents, `junto.mosaik` speaks to the framework of that name,
`junto.instrument` is the client for instruments that the flavours offer. `junto.sim` runs whole programs in
simulated worlds; ``compat`` has the names of older libraries.

What junto does not do: it finds no peers, keeps no messages for peers that are not there, and
does not repeat a request whose reply was lost, since nobody knows whether it was handled.

Importing junto starts no thread, opens nothing, and imports no event loop.
"""

from junto.address import Address
from junto.custom_types import CustomType, serializable
from junto.errors import (
    BufferFull,
    CodecError,
    ConnectionFailed,
    ConnectionLost,
    IncompleteRead,
    JuntoError,
    LimitExceeded,
    LocalProtocolError,
    NoResult,
    Overloaded,
    PacketTooLarge,
    ProtocolError,
    ProtocolFinished,
    ProtocolViolation,
    RemoteError,
    RemoteProtocolError,
    RequestTimeout,
)
from junto.exposing import ServiceDict, expose
from junto.options import MOSAIK, MOSAIK_2, SIMPYIO, ChannelOptions, Options

__all__ = [
    "MOSAIK",
    "MOSAIK_2",
    "SIMPYIO",
    "Address",
    "BufferFull",
    "ChannelOptions",
    "CodecError",
    "ConnectionFailed",
    "ConnectionLost",
    "CustomType",
    "IncompleteRead",
    "JuntoError",
    "LimitExceeded",
    "LocalProtocolError",
    "NoResult",
    "Options",
    "Overloaded",
    "PacketTooLarge",
    "ProtocolError",
    "ProtocolFinished",
    "ProtocolViolation",
    "RemoteError",
    "RemoteProtocolError",
    "RequestTimeout",
    "ServiceDict",
    "expose",
    "serializable",
]
