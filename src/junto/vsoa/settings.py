"""What can be set for a server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

from junto.vsoa.backlog import Policy, check_policy

__all__ = ["ServerOptions", "ServerSettings"]


class ServerOptions(TypedDict, total=False):
    """The keyword arguments that every function takes which opens a server; see `ServerSettings`."""

    policy: Policy
    backlog: int
    max_clients: int
    max_handlers: int
    greeting_timeout: float
    hold_back: float
    send_timeout: float | None
    handshake_timeout: float


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """The settings of a server.

    Attributes:
        policy: What is done with what is published for a client that does not take it as fast.
        backlog: How many bytes of that may wait for one client.
        max_clients: How many clients there may be.
        max_handlers: How many handlers of one client may run at once; then no more of it is read.
        greeting_timeout: Seconds that a client has to show itself.
        hold_back: Seconds for which what the server itself wants to say waits after the answer to
            a greeting, if the client says nothing meanwhile: clients of VSOA 1.0.4 lose it otherwise.
        send_timeout: Seconds that a client has to take something of what is sent, when it has fallen behind;
            then it is sent away. ``None`` gives it all the time, and the policy decides alone.
        handshake_timeout: Seconds that a client has for the handshake of TLS.
    """

    policy: Policy = "drop-oldest"
    backlog: int = 1024 * 1024
    max_clients: int = 1_000_000
    max_handlers: int = 1024
    greeting_timeout: float = 5.0
    hold_back: float = 0.02
    send_timeout: float | None = None
    handshake_timeout: float = 1.0

    def __post_init__(self) -> None:
        check_policy(self.policy)
        for name in ("backlog", "max_clients", "max_handlers"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)!r}")
        for name in ("greeting_timeout", "handshake_timeout"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0 seconds, not {getattr(self, name)!r}")
        if self.send_timeout is not None and not self.send_timeout > 0:
            raise ValueError(f"send_timeout must be above 0 seconds, or None, not {self.send_timeout!r}")
        if not self.hold_back >= 0:
            raise ValueError(f"hold_back must not be negative, as {self.hold_back!r} is")
