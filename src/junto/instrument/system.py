"""What a flavour tells a client of the system it runs on, which the client itself does not know."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from junto.instrument.errors import IncompleteReadError, LimitOverrunError
from junto.runtime import BufferedEndpoint, Runtime, Transport

if TYPE_CHECKING:
    from junto.instrument.settings import Settings

__all__ = ["Connector", "Flavour", "System"]

Connector = Callable[[Runtime, Callable[[], BufferedEndpoint]], Coroutine[Any, Any, Transport]]
"""A flow that opens one connection, with one attempt."""


class System(Protocol):
    """Sockets' options, the meaning of the system's errors, and errors that asyncio's users know."""

    def tune(self, transport: Transport, settings: Settings, /) -> None:
        """Set the options of a connection that was just made.

        Raises:
            OSError: The system refuses one.
        """
        ...

    def passes_by_itself(self, error: BaseException, /) -> bool:
        """Tell whether connecting may well succeed a little later."""
        ...

    def incomplete(self, partial: Any, expected: int | None, /) -> IncompleteReadError:
        """Make an error that those catch, too, who know only asyncio's."""
        ...

    def overrun(self, message: str, consumed: int, /) -> LimitOverrunError:
        """Make an error that those catch, too, who know only asyncio's."""
        ...

    def connect_child(self, command: str, /) -> Connector:
        """Give what starts *command* and connects to its input and output."""
        ...

    def connect_serial(self, url: str, settings: Mapping[str, Any], /) -> Connector:
        """Give what opens a serial line."""
        ...

    def caller(self) -> object:
        """Tell who runs, a task or a thread; ``None`` if nobody knows."""
        ...


class Flavour(NamedTuple):
    """What makes of the client that is not bound to any way of waiting one that is.

    Attributes:
        make_finder: Makes, for each client, what gives the runtime of whoever calls.
        system: Knows the system.
    """

    make_finder: Callable[[], Callable[[], Runtime]]
    system: System
