"""Routers: what a service offers, and where it is in a tree of services."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

__all__ = ["Router", "Service", "ServiceDict", "expose", "is_service"]

F = TypeVar("F", bound=Callable[..., Any])

_MARK = "__rpc__"


def expose(func: F) -> F:
    """Let peers call a function; raises `ValueError` if it is none."""
    if not callable(func):
        raise ValueError(f"{func!r} is not callable")
    setattr(func, _MARK, True)
    return func


def is_service(obj: Any) -> bool:
    """Tell whether *obj* has a router."""
    # A proxy has every attribute, but no router in its class.
    return isinstance(getattr(obj, "router", None), Router)


def _is_exposed(obj: Any) -> bool:
    return getattr(obj, _MARK, False) is True or is_service(obj)


class Router:
    """Finds what is at a path of one service.

    Attributes:
        obj: The service.
        name: What it is called in its parent; empty for a root.
        parent: The router above; ``None`` for a root.
    """

    def __init__(self, obj: Any) -> None:
        self.obj = obj
        self.name = ""
        self.parent: Router | None = None

    @property
    def root(self) -> Router:
        """The router at the top of the tree."""
        router = self
        while router.parent is not None:
            router = router.parent
        return router

    @property
    def path(self) -> str:
        """The names from the root to here, joined by slashes."""
        names = []
        router = self
        while router.parent is not None:
            names.append(router.name)
            router = router.parent
        return "/".join(reversed(names))

    def resolve(self, path: str) -> Any:
        """Find what is at *path*; it is looked up anew each time.

        Raises:
            LookupError: There is nothing, or it is not exposed.
        """
        obj = self.obj
        for name in path.split("/"):
            obj = _member(obj, name)
            if not _is_exposed(obj):
                raise LookupError(f"{name!r} of {path!r} is not exposed")
        return obj

    def expose(self, func: F) -> F:
        """Do as `expose`."""
        return expose(func)

    def add(self, name: str) -> None:
        """Make the service in the attribute *name* a part of this one."""
        self.set_sub_router(getattr(self.obj, name).router, name)

    def set_sub_router(self, router: Router, name: str) -> None:
        """Make the service of *router* a part of this one; raises `ValueError` if it is part of another."""
        if not isinstance(router, Router):
            raise ValueError(f"{router!r} is no router")
        if router.parent is not None:
            raise ValueError(f"{router.obj!r} is a part of {router.parent.obj!r} already")
        router.name = name
        router.parent = self


def _member(obj: Any, name: str) -> Any:
    if isinstance(obj, ServiceDict):
        if name in obj.dict:
            return obj.dict[name]
    # The code of a property is not run for whoever asks.
    elif not isinstance(getattr(type(obj), name, None), property):
        try:
            return getattr(obj, name)
        except AttributeError:
            pass
    raise LookupError(f"nothing is called {name!r} there")


class Service:
    """Gives each object of a class a router, as its attribute ``router``."""

    def __init__(self, sub_routers: Iterable[str] = ()) -> None:
        """Make the attributes *sub_routers* parts of the service."""
        self._names = tuple(sub_routers)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        router = instance.__dict__.get("router")
        if router is None:
            router = instance.__dict__["router"] = Router(instance)
            for name in self._names:
                router.add(name)
        return router

    def __set__(self, instance: Any, value: Any) -> None:
        raise AttributeError("a service's router cannot be replaced")

    def expose(self, func: F) -> F:
        """Do as `expose`."""
        return expose(func)


class ServiceDict:
    """Makes a service of a dictionary of exposed functions and services.

    Attributes:
        dict: The dictionary.
        router: Its router.
    """

    def __init__(self, dict: dict[str, Any] | None = None) -> None:
        self.dict: Any = {} if dict is None else dict
        self.router = Router(self)
        for name, value in self.dict.items():
            if is_service(value):
                self.router.set_sub_router(value.router, name)
