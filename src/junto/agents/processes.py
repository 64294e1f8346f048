"""Containers in processes of their own: started, watched, by choice started anew, ended."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from junto.agents.addresses import Place
from junto.agents.children import Child
from junto.agents.supervision import Failure, Recovery, Restart
from junto.errors import ConnectionFailed, ConnectionLost, RequestTimeout
from junto.runtime import Future
from junto.waiting import Shared, within

if TYPE_CHECKING:
    from junto.agents.container import Container

__all__ = ["Care", "ContainerProcess", "ProcessFacade", "name_of"]


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


@dataclass(frozen=True, slots=True)
class Care:
    """What is done for a process that ends with a failure; see `junto.agents.launching.spawn_containers`."""

    timeout: float | None
    restart: Restart | None
    on_crash: Callable[[ContainerProcess], object] | None
    on_restart: Callable[[ContainerProcess], object] | None


class ContainerProcess:
    """A container in a process of its own, as who started it sees it.

    Attributes:
        url: The container's base URL.
        urls: All of them; a process that is started anew listens at the same.
        restarts: How often it was started anew.
    """

    def __init__(self, container: Container, settings: dict[str, Any], care: Care) -> None:
        """Start it for *container*; *settings* are those of `junto.agents.hosting.run`."""
        self.urls: list[str] = []
        self.restarts = 0
        self._container = container
        self._runtime = container.runtime
        self._settings = settings
        self._care = care
        self._stopping = False
        self._stopped: Shared[None] = Shared(self._runtime)
        self._over: Shared[None] = Shared(self._runtime)
        self._child = Child(self._runtime, settings)
        container.run_apart(self._keep())

    @property
    def url(self) -> str:
        """The first of `urls`; empty before it listens."""
        return self.urls[0] if self.urls else ""

    @property
    def pid(self) -> int:
        """The number of the process; another one after each restart."""
        return self._child.pid

    @property
    def exit_code(self) -> int | None:
        """What the process ended with: negative for a signal; ``None`` while it runs."""
        return self._child.exit_code

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
            ConnectionError: The process has ended.
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
        """End the container in order and for good, and wait for the end of its process.

        Args:
            timeout: Seconds after which the process is killed; ``None`` for never.

        Returns:
            What the process ended with.
        """
        self._stopping = True
        self._stopped.set_result(None)
        self._child.let_end()
        try:
            return await within(self._runtime, timeout, self.wait(), "stopping a container")
        except RequestTimeout:
            self.kill()
            return await self.wait()

    def abandon(self) -> None:
        """End the process at once and for good."""
        self._stopping = True
        self._stopped.set_result(None)
        self._child.kill()

    def kill(self) -> None:
        """End the process at once; that is a crash, unless it is being stopped."""
        self._child.kill()

    async def wait(self) -> int:
        """Wait until the process has ended, and is not started anew; gives what it ended with."""
        await self._over.wait()
        return await self._child.ended.wait()

    async def listening(self, timeout: float | None) -> None:
        """Wait until the container listens.

        Raises:
            ConnectionFailed: It did not within *timeout* seconds, or has ended; then its process has, too.
            ConnectionLost: The container that it belongs to was closed meanwhile.
        """
        try:
            urls = await self._child.listening(timeout)
            if self._container.is_closing():
                raise ConnectionLost("the container was closed")
        except BaseException:
            self._stopping = True
            raise
        self.urls = urls

    async def _keep(self) -> None:
        """Watch the process, and start it anew where that is wanted, until it has ended for good.

        It is let end when the container that it belongs to is closed.
        """
        recovery = Recovery(self._care.restart)
        try:
            while True:
                began = self._runtime.time()
                code = await self._child.ended.wait()
                # Who starts one that never listens is told of that.
                if self._stopping or code == 0 or not self.urls:
                    return
                pause = recovery.pause_after(self._runtime.time() - began)
                self._crashed(code, pause)
                if pause is None or await self._is_stopped_within(pause):
                    return
                await self._begin_anew()
        finally:
            self._stopping = True
            self._child.let_end()
            self._over.set_result(None)

    def _crashed(self, code: int, pause: float | None) -> None:
        error = ConnectionLost(f"the process of the container at {self.url} ended with {code}")
        self._container.report(Failure(None, f"the container at {self.url}", error, pause))
        if self._care.on_crash is not None:
            try:
                self._care.on_crash(self)
            except Exception as failure:
                self._container.report(Failure(None, "on_crash", failure))

    async def _is_stopped_within(self, seconds: float) -> bool:
        try:
            await within(self._runtime, seconds, self._stopped.wait(), "the pause")
        except RequestTimeout:
            return False
        return True

    async def _begin_anew(self) -> None:
        chosen = [Place.parse(url).port for url in self.urls]
        asked = map(Place.parse, self._settings["urls"])
        urls = [replace(place, port=port).base for place, port in zip(asked, chosen, strict=True)]
        self._child = Child(self._runtime, {**self._settings, "urls": urls})
        try:
            await self._child.listening(self._care.timeout)
        except ConnectionFailed:  # it has ended, which counts as a crash too
            return
        self.restarts += 1
        if self._care.on_restart is not None:
            self._container.run_apart(self._run_on_restart(self._care.on_restart))

    async def _run_on_restart(self, on_restart: Callable[[ContainerProcess], object]) -> None:
        try:
            await self._container.supervisor.outcome(on_restart, (self,))
        except Exception as error:
            self._container.report(Failure(None, "on_restart", error))

    def __repr__(self) -> str:
        state = "running" if self.exit_code is None else f"ended with {self.exit_code}"
        return f"<ContainerProcess {self.pid} at {self.url or 'no address yet'}, {state}>"


class ProcessFacade:
    """A process, in a flavour that waits otherwise: what it tells without waiting."""

    def __init__(self, runtime: Any, inner: ContainerProcess) -> None:
        self._runtime = runtime
        self._inner = inner

    @property
    def url(self) -> str:
        """The container's base URL."""
        return self._inner.url

    @property
    def urls(self) -> list[str]:
        """All of them; a process that is started anew listens at the same."""
        return self._inner.urls

    @property
    def restarts(self) -> int:
        """How often it was started anew."""
        return self._inner.restarts

    @property
    def pid(self) -> int:
        """The number of the process; another one after each restart."""
        return self._inner.pid

    @property
    def exit_code(self) -> int | None:
        """What the process ended with: negative for a signal; ``None`` while it runs."""
        return self._inner.exit_code

    def __repr__(self) -> str:
        return repr(self._inner)
