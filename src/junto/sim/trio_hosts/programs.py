"""Functions of trio that run on a host, from each of its starts on, and how they end."""

from __future__ import annotations

import asyncio
from typing import Any

from junto.sim.errors import HostDied
from junto.sim.programs import Program
from junto.sim.trio_hosts.guest import Guest

__all__ = ["TrioProgram"]


class TrioProgram(Program):
    """An async function that runs on a host as ``trio.run`` would run it."""

    _guest: Guest | None = None

    def start(self) -> None:
        """Begin it, for the first time or again."""
        self._guest = Guest(self.host, self.main, self.args, self._has_ended)

    def done(self) -> bool:
        """Tell whether it has ended, or its host was killed."""
        return self._guest is None or self._guest.over

    def result(self) -> Any:
        """Return what it returned, or raise what it raised.

        Raises:
            HostDied: Its host was killed before it ended, or it ended its process.
            asyncio.InvalidStateError: It runs.
        """
        guest = self._guest
        if guest is None:
            raise HostDied(f"{self.host.name} was killed")
        if not guest.over:
            raise asyncio.InvalidStateError(f"{_name(self.main)} runs")
        if isinstance(guest.error, SystemExit | KeyboardInterrupt):  # which would end the one who asks, too
            how = "was interrupted"
            if isinstance(guest.error, SystemExit):
                how = f"exited with {guest.error.code!r}"
            raise HostDied(f"{self.host.name} {how}") from guest.error
        if guest.error is not None:
            raise guest.error
        return guest.value

    def died(self) -> None:
        """Its host was killed: there is no result."""
        if not self.done():
            self._guest = None
        self._tell()

    def _has_ended(self) -> None:
        try:
            self.result()
        except HostDied as died:
            exit = died.__cause__
            if isinstance(exit, SystemExit) and exit.code not in (None, 0):
                self.host.record_error(exit, f"{_name(self.main)} failed", self)
            self.host.exit()
        except BaseException as error:
            self.host.record_error(error, f"{_name(self.main)} failed", self)
        self._tell()


def _name(main: Any) -> str:
    return str(getattr(main, "__name__", main))
