"""One process with a container in it, from its start to its end.

A process lives as long as its standard input is open, which the one that started it holds: so it ends with
that, however that ends. What it prints goes to standard error, for its standard output is how it tells where
it listens.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

from junto.errors import ConnectionFailed, JuntoError, RequestTimeout
from junto.runtime import Runtime
from junto.waiting import Shared, within

__all__ = ["Child"]

# In a line of its own, before anything is imported that may not be found without the path.
_PROGRAM = (
    "import json, sys; settings = json.loads(sys.stdin.readline()); sys.path[:] = settings.pop('path'); "
    "from junto.agents.hosting import run; run(**settings)"
)


class Child:
    """A process, and a thread that watches it.

    Attributes:
        pid: The number of the process.
        ended: What it ended with.
    """

    def __init__(self, runtime: Runtime, settings: dict[str, Any]) -> None:
        """Start it; *settings* are those of `junto.agents.hosting.run`."""
        self._runtime = runtime
        self._told: Shared[list[str]] = Shared(runtime)
        self.ended: Shared[int] = Shared(runtime)
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
        )
        self.pid = self._process.pid
        assert self._process.stdin is not None, "it is a pipe"
        try:
            self._process.stdin.write(f"{json.dumps({'path': sys.path, **settings})}\n")
            self._process.stdin.flush()
        except OSError:  # it has ended already, which is noticed below
            pass
        # A daemon: who ends without closing its container must not wait for what waits for it.
        threading.Thread(target=self._watch, name=f"junto-process-{self.pid}", daemon=True).start()

    @property
    def exit_code(self) -> int | None:
        """What it ended with: negative for a signal; ``None`` while it runs."""
        return self._process.poll()

    async def listening(self, timeout: float | None) -> list[str]:
        """Wait until its container listens; gives the base URLs.

        Raises:
            ConnectionFailed: It did not within *timeout* seconds, or has ended; it is killed then.
        """
        try:
            return await within(self._runtime, timeout, self._told.wait(), "starting a container")
        except BaseException as error:
            self.kill()
            if isinstance(error, RequestTimeout):
                raise ConnectionFailed(str(error)) from error
            raise

    def let_end(self) -> None:
        """Have it end in order; doing so twice is fine."""
        assert self._process.stdin is not None, "it is a pipe"
        try:
            self._process.stdin.close()
        except OSError:  # it has ended, and has not read what was for it
            pass

    def kill(self) -> None:
        """End it at once."""
        if self._process.poll() is None:
            self._process.kill()

    # -- in the thread that watches --

    def _watch(self) -> None:
        process = self._process
        assert process.stdout is not None, "it is a pipe"
        try:
            urls = json.loads(process.stdout.readline())
        except ValueError:  # it has ended, or prints something else
            pass
        else:
            self._tell(self._told.set_result, urls)
        process.stdout.close()
        self._tell(self._end, process.wait())

    def _tell(self, callback: Callable[[Any], object], value: Any) -> None:
        try:
            self._runtime.call_soon_threadsafe(callback, value)
        except (JuntoError, RuntimeError):  # the world that wanted to know it is gone
            pass

    # -- in the runtime --

    def _end(self, code: int) -> None:
        self.let_end()  # which frees the pipe
        self._told.set_exception(
            ConnectionFailed(f"the process of a container ended with {code} before it listened")
        )
        self.ended.set_result(code)
