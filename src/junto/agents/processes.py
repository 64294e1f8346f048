"""Containers in processes of their own: started, watched, ended.

A process lives as long as its standard input is open, which the one that started it holds: so it ends with
that, however that ends. What it prints goes to standard error, for its standard output is how it tells where
it listens.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from junto.agents.addresses import Place
from junto.agents.agent import Host
from junto.agents.spawnable import AllowList
from junto.agents.supervision import Failure
from junto.codecs import Codec
from junto.errors import ConnectionFailed, ConnectionLost, JuntoError, RequestTimeout
from junto.runtime import Future
from junto.waiting import Deadline, Shared, within

if TYPE_CHECKING:
    from junto.agents.container import Container

__all__ = ["ContainerProcess", "name_of", "spawn_container", "spawn_containers"]

# In a line of its own, before anything is imported that may not be found without the path.
_PROGRAM = (
    "import json, sys; settings = json.loads(sys.stdin.readline()); sys.path[:] = settings.pop('path'); "
    "from junto.agents.hosting import run; run(**settings)"
)


def name_of(kind: str | Callable[..., Any]) -> str:
    """Tell the name by which another process finds a class or a function; of a text, that is the text."""
    if isinstance(kind, str):
        return kind
    module = kind.__module__
    if module == "__main__":  # which is another one there
        spec = getattr(sys.modules["__main__"], "__spec__", None)
        path = getattr(sys.modules["__main__"], "__file__", None)
        module = spec.name if spec is not None else Path(path).stem if path is not None else module
    return f"{module}:{kind.__qualname__}"


class ContainerProcess:
    """A container in a process of its own, as who started it sees it.

    Attributes:
        url: The container's base URL.
        urls: All of them.
        pid: The number of the process.
    """

    def __init__(self, container: Container, process: subprocess.Popen[str]) -> None:
        self.url = ""
        self.urls: list[str] = []
        self.pid = process.pid
        self._container = container
        self._process = process
        self._runtime = container.runtime
        self._told: Shared[list[str]] = Shared(self._runtime)
        self._ended: Shared[int] = Shared(self._runtime)
        self._stopping = False
        self._on_crash: Callable[[ContainerProcess], object] | None = None

    @property
    def exit_code(self) -> int | None:
        """What the process ended with: negative for a signal; ``None`` while it runs."""
        return self._process.poll()

    @property
    def manager(self) -> Any:
        """The proxy of its manager: `junto.agents.managing.Manager`."""
        return self._container.proxy(f"{self.url}0")

    async def spawn(self, kind: str | Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Make an agent there.

        Args:
            kind: A class, a function that makes an agent, or its name, ``module:object``; it is called with
                the container first.
            *args: What else it is called with.
            **kwargs: Likewise.

        Returns:
            A proxy of the agent.

        Raises:
            RemoteError: It may not be spawned, or that failed.
            ConnectionLost: The process has ended.
        """
        return (await self._call("spawn", name_of(kind), *args, **kwargs))[0]

    async def spawn_many(
        self, kind: str | Callable[..., Any], arguments: Iterable[Sequence[Any]]
    ) -> list[Any]:
        """Make an agent for each of *arguments*, and give their proxies; the rest is as for `spawn`."""
        proxies: list[Any] = await self._call("spawn_many", name_of(kind), list(map(list, arguments)))
        return proxies

    async def set_time(self, time: float) -> None:
        """Set the container's clock, which must be one that is set from outside."""
        await self._call("set_time", time)

    def _call(self, name: str, /, *args: Any, **kwargs: Any) -> Future[Any]:
        place = Place.parse(self.url)
        return self._container.connections.call(place, f"agents/0/{name}", args, kwargs, None)

    async def stop(self, timeout: float | None = 10.0) -> int:
        """End the container in order, and wait for the end of its process.

        Args:
            timeout: Seconds after which the process is killed; ``None`` for never.

        Returns:
            What the process ended with.
        """
        self._stopping = True
        self._let_end()
        try:
            return await within(self._runtime, timeout, self._ended.wait(), "stopping a container")
        except RequestTimeout:
            self.kill()
            return await self._ended.wait()

    def kill(self) -> None:
        """End the process at once."""
        if self._process.poll() is None:
            self._process.kill()

    async def wait(self) -> int:
        """Wait for the end of the process; gives what it ended with."""
        return await self._ended.wait()

    def _let_end(self) -> None:
        assert self._process.stdin is not None, "it is a pipe"
        try:
            self._process.stdin.close()
        except OSError:  # it has ended, and has not read what was for it
            pass

    def begin(self, settings: dict[str, Any], on_crash: Callable[[ContainerProcess], object] | None) -> None:
        """Tell the process what to do, and watch it."""
        self._on_crash = on_crash
        assert self._process.stdin is not None, "it is a pipe"
        try:
            self._process.stdin.write(f"{json.dumps(settings)}\n")
            self._process.stdin.flush()
        except OSError:  # it has ended already, which is noticed below
            pass
        # A daemon: who ends without closing its container must not wait for what waits for it.
        threading.Thread(target=self._watch, name=f"junto-process-{self.pid}", daemon=True).start()
        self._container.run_apart(self._hold())

    async def listening(self, timeout: float | None) -> None:
        """Wait until the container listens.

        Raises:
            ConnectionFailed: It did not within *timeout* seconds, or has ended; then its process has, too.
        """
        try:
            self.urls = await within(self._runtime, timeout, self._told.wait(), "starting a container")
            self.url = self.urls[0]
        except BaseException as error:
            self._stopping = True
            self.kill()
            if isinstance(error, RequestTimeout):
                raise ConnectionFailed(str(error)) from error
            raise

    async def _hold(self) -> None:
        """Let the process end when the container that it belongs to is closed."""
        try:
            await self._ended.wait()
        finally:
            self._stopping = True
            self._let_end()

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

    def _end(self, code: int) -> None:
        what = f"the process of the container at {self.url or 'no address yet'} ended with {code}"
        if not self._told.done():
            self._told.set_exception(ConnectionFailed(f"{what} before it listened"))
        elif not self._stopping and code != 0:
            self._container.report(Failure(None, f"the container at {self.url}", ConnectionLost(what)))
            if self._on_crash is not None:
                self._on_crash(self)
        self._ended.set_result(code)

    def __repr__(self) -> str:
        state = "running" if self.exit_code is None else f"ended with {self.exit_code}"
        return f"<ContainerProcess {self.pid} at {self.url or 'no address yet'}, {state}>"


async def spawn_container(
    container: Host,
    *,
    allow: Iterable[str],
    at: str | Sequence[str] = "tcp://127.0.0.1:0",
    clock: str | None = None,
    types: str | None = None,
    tls: Sequence[str] | None = None,
    timeout: float | None = 30.0,
    on_crash: Callable[[ContainerProcess], object] | None = None,
) -> ContainerProcess:
    """Start a container in a process of its own; see `spawn_containers`."""
    (started,) = await spawn_containers(
        container,
        1,
        allow=allow,
        at=at,
        clock=clock,
        types=types,
        tls=tls,
        timeout=timeout,
        on_crash=on_crash,
    )
    return started


async def spawn_containers(
    container: Host,
    count: int | None = None,
    *,
    allow: Iterable[str],
    at: str | Sequence[str] = "tcp://127.0.0.1:0",
    clock: str | None = None,
    types: str | None = None,
    tls: Sequence[str] | None = None,
    timeout: float | None = 30.0,
    on_crash: Callable[[ContainerProcess], object] | None = None,
) -> list[ContainerProcess]:
    """Start containers, each in a process of its own; they use the codec and the heartbeat of *container*.

    Each process ends when it is stopped, and at the latest with *container*.

    Args:
        container: To whom they belong.
        count: How many; ``None`` for one on each core.
        allow: What may be spawned there: names, ``module:Class``, or patterns, ``module:*``; see `AllowList`.
        at: Where each listens: one URL or several. With ports other than 0 there can be but one container.
        clock: The date at the time 0, for a clock that is set from outside and stands at -1; ``None`` for
            that of the machine.
        types: The name, ``module:object``, of the custom types, which are those of *container*.
        tls: The files of the authority, of a certificate and of its key, for ``tls://``.
        timeout: Seconds in which all must listen; ``None`` for any number.
        on_crash: Called with each whose process ends with a failure that nobody asked for. *container*
            reports that in any case.

    Returns:
        The processes, all of which listen.

    Raises:
        ConnectionFailed: One of them did not get so far; all are killed then.
        ValueError: One of *allow* is no pattern.
    """
    core = container.core
    codec = core.options.codec
    assert isinstance(codec, Codec), "a container's settings have made one"
    settings = {
        "path": sys.path,
        "urls": [at] if isinstance(at, str) else list(at),
        "allow": list(AllowList(allow).patterns),
        "codec": codec.name,
        "heartbeat": core.settings.heartbeat,
        "clock": clock,
        "types": types,
        "tls": None if tls is None else [os.fspath(file) for file in tls],
    }
    started: list[ContainerProcess] = []
    try:
        for _ in range(_cores() if count is None else count):
            started.append(ContainerProcess(core, _start()))
            started[-1].begin(settings, on_crash)
        deadline = Deadline(core.runtime, timeout)
        for one in started:
            await one.listening(deadline.remaining())
    except BaseException:
        for one in started:
            one.kill()
        raise
    return started


def _start() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
    )


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # Windows and macOS
        return os.cpu_count() or 1
