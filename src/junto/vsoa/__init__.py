"""VSOA: services for vehicles. Requests by URL, publishing, datagrams, streams, and a name service.

Import a flavour: `junto.vsoa.aio`, `junto.vsoa.sync`, `junto.vsoa.trio` or `junto.vsoa.simpy`; what is the
same for all of them is here. A client and a server made of it speak with those of the package ``vsoa`` 1.0.4,
whose own names are in ``junto.compat.vsoa``.
"""

from junto.sansio.vsoa.payloads import Payload
from junto.sansio.vsoa.positions import Position, Query
from junto.vsoa.backlog import Policy
from junto.vsoa.emitters import EventEmitter
from junto.vsoa.messages import Message, PasswordRefused, Reply, Response, StatusError
from junto.vsoa.workqueues import WorkQueue

__all__ = [
    "EventEmitter",
    "Message",
    "PasswordRefused",
    "Payload",
    "Policy",
    "Position",
    "Query",
    "Reply",
    "Response",
    "StatusError",
    "WorkQueue",
]
