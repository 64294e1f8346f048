"""The names of the package ``aiomas``: its programs run with ``from junto.compat import aiomas``.

Futures, errors and the shape of data are as they were; what was a fault is not. The modern names are in
`junto.aio` and `junto.agents`.
"""

from junto.compat.aiomas import (
    agent,
    channel,
    clocks,
    codecs,
    exceptions,
    local_queue,
    rpc,
    subproc,
    util,
)
from junto.compat.aiomas.agent import Agent, Container, SSLCerts
from junto.compat.aiomas.clocks import AsyncioClock, ExternalClock
from junto.compat.aiomas.codecs import JSON, MsgPack, MsgPackBlosc, serializable
from junto.compat.aiomas.exceptions import AiomasError, RemoteException
from junto.compat.aiomas.local_queue import get_queue
from junto.compat.aiomas.rpc import expose
from junto.compat.aiomas.util import make_ssl_client_context, make_ssl_server_context, run

__all__ = [
    "JSON",
    "Agent",
    "AiomasError",
    "AsyncioClock",
    "Container",
    "ExternalClock",
    "MsgPack",
    "MsgPackBlosc",
    "RemoteException",
    "SSLCerts",
    "__version__",
    "agent",
    "channel",
    "clocks",
    "codecs",
    "exceptions",
    "expose",
    "get_queue",
    "local_queue",
    "make_ssl_client_context",
    "make_ssl_server_context",
    "rpc",
    "run",
    "serializable",
    "subproc",
    "util",
]

__version__ = "2.0.1"
