"""How containers in processes of their own are started: one, several, or one on each core."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence

from junto.agents.addresses import Place
from junto.agents.agent import Host
from junto.agents.processes import Care, ContainerProcess
from junto.agents.spawnable import AllowList
from junto.agents.supervision import Restart
from junto.codecs import Codec
from junto.errors import ConnectionLost
from junto.waiting import Deadline

__all__ = ["spawn_container", "spawn_containers"]


async def spawn_container(
    container: Host,
    *,
    allow: Iterable[str],
    at: str | Sequence[str] = "tcp://127.0.0.1:0",
    clock: str | None = None,
    types: str | None = None,
    tls: Sequence[str] | None = None,
    timeout: float | None = 30.0,
    restart: Restart | None = None,
    on_crash: Callable[[ContainerProcess], object] | None = None,
    on_restart: Callable[[ContainerProcess], object] | None = None,
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
        restart=restart,
        on_crash=on_crash,
        on_restart=on_restart,
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
    restart: Restart | None = None,
    on_crash: Callable[[ContainerProcess], object] | None = None,
    on_restart: Callable[[ContainerProcess], object] | None = None,
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
        restart: Whether a process that ends with a failure is started anew, after which pauses and how
            often; ``None`` for not. It listens at the same URLs; its agents are gone, but for its manager.
        on_crash: Called with each whose process ends with a failure that nobody asked for. *container*
            reports that in any case.
        on_restart: Called with each that was started anew, and listens, to make its agents again; may wait,
            as handlers may.

    Returns:
        The processes, all of which listen.

    Raises:
        ConnectionFailed: One of them did not get so far; all are killed then.
        ConnectionLost: *container* is closed.
        ValueError: One of *allow* is no pattern, or of *at* no address where processes meet.
    """
    core = container.core
    codec = core.options.codec
    assert isinstance(codec, Codec), "a container's settings have made one"
    if core.is_closing():
        raise ConnectionLost("the container is closed")
    places = [Place.parse(url) for url in ([at] if isinstance(at, str) else at)]
    if not places or any(place.scheme == "local" for place in places):
        raise ValueError("a process is reached at tcp://, tls:// or unix://; local:// is for one program")
    settings = {
        "urls": [place.base for place in places],
        "allow": list(AllowList(allow).patterns),
        "codec": codec.name,
        "heartbeat": core.settings.heartbeat,
        "clock": clock,
        "types": types,
        "tls": None if tls is None else [os.fspath(file) for file in tls],
    }
    care = Care(timeout, restart, on_crash, on_restart)
    started: list[ContainerProcess] = []
    try:
        for _ in range(_cores() if count is None else count):
            started.append(ContainerProcess(core, settings, care))  # noqa: PERF401  # known if the next fails
        deadline = Deadline(core.runtime, timeout)
        for one in started:
            await one.listening(deadline.remaining())
    except BaseException:
        for one in started:
            one.abandon()
        raise
    return started


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # Windows and macOS
        return os.cpu_count() or 1
