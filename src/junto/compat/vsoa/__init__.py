"""The names of the package ``vsoa``: its programs run with ``from junto.compat import vsoa``.

Return codes, callbacks and threads are as they were; what was a fault is not. The modern names are in
`junto.vsoa`.
"""

from junto.compat.vsoa import parser
from junto.compat.vsoa.client import Client
from junto.compat.vsoa.fetching import fetch
from junto.compat.vsoa.payloads import Header, Payload, Request
from junto.compat.vsoa.positions import Position, lookup, pos
from junto.compat.vsoa.server import Server
from junto.compat.vsoa.timers import Timer
from junto.compat.vsoa.toolbox import EventEmitter, WorkQueue, resource_recycle

__all__ = [
    "CLIENT_DEF_TIMEOUT",
    "METHOD_GET",
    "METHOD_SET",
    "Client",
    "EventEmitter",
    "Header",
    "Payload",
    "Position",
    "Request",
    "Server",
    "Timer",
    "WorkQueue",
    "__version__",
    "fetch",
    "lookup",
    "parser",
    "pos",
    "resource_recycle",
]

METHOD_GET = 0
METHOD_SET = 1
CLIENT_DEF_TIMEOUT = 60.0
__version__ = "1.0.4"
