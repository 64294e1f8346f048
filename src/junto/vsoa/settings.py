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
    """

    policy: Policy = "drop-oldest"
    backlog: int = 1024 * 1024
    max_clients: int = 1_000_000
    max_handlers: int = 1024
    greeting_timeout: float = 5.0
    hold_back: float = 0.02

    def __post_init__(self) -> None:
        check_policy(self.policy)
        for name in ("backlog", "max_clients", "max_handlers"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)!r}")
        if not self.greeting_timeout > 0:
            raise ValueError(f"greeting_timeout must be above 0 seconds, not {self.greeting_timeout!r}")
        if not self.hold_back >= 0:
            raise ValueError(f"hold_back must not be negative, as {self.hold_back!r} is")
