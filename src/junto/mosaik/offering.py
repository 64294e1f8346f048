"""What mosaik may call in a simulator, as a junto service."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from junto.exposing import ServiceDict, expose
from junto.mosaik.simulators import API

__all__ = ["offer"]

Guard = Callable[[Callable[..., Any], Callable[[Any], Any]], Callable[..., Any]]


def _guard(method: Callable[..., Any], then: Callable[[Any], Any]) -> Callable[..., Any]:
    """Make how to call *method*, and do with its result what *then* says, in plain code."""

    @functools.wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        return then(method(*args, **kwargs))

    return call


def offer(simulator: Any, stop: Callable[[], object] | None = None, guard: Guard = _guard) -> ServiceDict:
    """Make the service that mosaik calls.

    For programs that connect to mosaik in a flavour of their choice, with the options ``**junto.MOSAIK``.
    What such a program asks of mosaik, it asks by its peer.

    Args:
        simulator: Has the methods of a `junto.mosaik.Simulator`.
        stop: Called when mosaik says ``stop``, to which it takes no answer: ends the connection;
            ``None`` to do that in another way.
        guard: Makes of a method, and of what to do with its result, how to call it; the usual one
            is for plain methods.
    """
    service = ServiceDict()

    def add(name: str, method: Callable[..., Any], then: Callable[[Any], Any] = _same) -> None:
        service[name] = expose(guard(method, then))

    def begin(meta: Any) -> Any:
        if not isinstance(meta, dict):
            raise TypeError(f"init() must return the meta data, a dictionary, not {meta!r}")
        for name in meta.get("extra_methods", ()):
            add(name, getattr(simulator, name))
        return meta

    if stop is not None:
        add("stop", stop)
    add("init", _tolerant(simulator.init), begin)
    for name in API[1:]:
        add(name, getattr(simulator, name))
    return service


def _same(result: Any) -> Any:
    return result


def _tolerant(init: Callable[..., Any]) -> Callable[..., Any]:
    """Let mosaik call an `init` of the time of mosaik 2: it tells the time resolution to all."""
    parameters = inspect.signature(init).parameters.values()
    if any(p.name == "time_resolution" or p.kind is p.VAR_KEYWORD for p in parameters):
        return init

    def init_without(*args: Any, time_resolution: float = 1.0, **params: Any) -> Any:
        return init(*args, **params)

    return init_without
