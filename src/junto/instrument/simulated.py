"""Simulated instruments over sockets, for tests and demonstrations of every flavour.

::

    with SimulatedInstrument({"*IDN?": "ACME,Box,1,0"}) as device:
        assert junto.sync.TCP("127.0.0.1", device.port).query("*IDN?") == "ACME,Box,1,0"

A device lives in a thread of its own, so that a program of any kind can talk to it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Self

from junto.address import Address
from junto.instrument.device import Device
from junto.instrument.script import Answers, Script, load_script
from junto.runtimes.instruments import reset
from junto.runtimes.threads import ThreadsRuntime

__all__ = ["SimulatedInstrument"]


class SimulatedInstrument:
    """A device at a port of this machine, for as long as its context lasts."""

    def __init__(
        self,
        answers: Answers | Script | str | PathLike[str] | type | Any,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        **options: Any,
    ) -> None:
        """Prepare; `start` begins, or entering with ``with`` or ``async with``.

        Args:
            answers: A mapping, a function, a script, the path of a TOML file, or an object or a class
                with a method ``answer``; see `junto.instrument.script`.
            host: Where to listen; only this machine can connect unless it is told otherwise.
            port: The port; 0 lets the system choose.
            **options: Those of `junto.instrument.script.Script`.

        Raises:
            ValueError: The file is not of the right form.
            OSError: The file cannot be read.
        """
        self._device = Device(_script(answers, options), reset)
        self._address = Address("tcp", host, port)
        self._runtime: ThreadsRuntime | None = None

    def start(self) -> None:
        """Begin to answer, in a thread of its own.

        Raises:
            ConnectionFailed: The address cannot be used.
        """
        runtime = ThreadsRuntime()
        try:
            self._address = runtime.call(self._device.start, runtime, self._address)
        except BaseException:
            runtime.close()
            raise
        self._runtime = runtime
        runtime.start_thread("junto simulated instrument")

    def stop(self) -> None:
        """Answer no more, and close all connections; doing so twice is fine. It can be started again."""
        runtime, self._runtime = self._runtime, None
        if runtime is not None:
            runtime.call(self._device.stop)
            runtime.call(runtime.stop)
            runtime.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self.stop()

    @property
    def port(self) -> int:
        """The port at which it listens."""
        return self._address.port

    @property
    def url(self) -> str:
        """Where it listens, for ``socket_for_url``."""
        return str(self._address)

    @property
    def requests(self) -> list[str]:
        """What was asked so far, in order, without terminators."""
        return list(self._device.requests)

    @property
    def connections(self) -> int:
        """How many connections were accepted so far."""
        return self._device.connections

    @property
    def faults(self) -> list[Exception]:
        """What went wrong in the script itself."""
        return list(self._device.faults)

    def send(self, data: bytes) -> None:
        """Send what nobody asked for to all who are connected."""
        self._call(self._device.send, data)

    def disconnect(self, *, reset: bool = False) -> None:
        """Close all connections, or break them; who connects again is welcome."""
        self._call(self._device.disconnect, reset=reset)

    def expect(self, dialogue: Sequence[tuple[str, bytes | str]]) -> None:
        """Check that there were just these requests and replies, and in this order; no reply is ``""``.

        Raises:
            AssertionError: One is missing, or there is one more, or they are in another order.
        """
        self._device.expect(dialogue)

    def _call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        if self._runtime is None:
            raise RuntimeError("the simulated instrument was not started")
        self._runtime.call(function, *args, **kwargs)


def _script(answers: Any, options: dict[str, Any]) -> Script:
    if isinstance(answers, Script):
        return answers
    if isinstance(answers, str | Path | PathLike):
        return load_script(Path(answers))
    if isinstance(answers, type):
        answers = answers()
    return Script(getattr(answers, "answer", answers), **options)
