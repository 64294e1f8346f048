"""Proxies: what stands here for the functions and services of a peer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

__all__ = ["Proxy"]

R = TypeVar("R", covariant=True)

Call = Callable[[str, tuple[Any, ...], dict[str, Any], float | None], R]


class Proxy(Generic[R]):
    """Stands for what the peer has at a path; calling it calls that.

    Attribute access leads to the member of that name: ``peer.remote.math.add(3, 4)``. Item access
    does the same for names that are no attributes or begin with an underscore:
    ``peer.remote["funcs"]["_mul"]``. Proxies are equal if they belong to the same
    connection and have the same path.

    The keyword ``timeout`` of a call is how many seconds to wait for its result. For a function
    that has a parameter of that name, there is ``peer.call``.
    """

    # All public names are the peer's, so everything of our own begins with an underscore.
    _junto_reference = True

    def __init__(self, call: Call[R], path: str = "") -> None:
        self._call = call
        self._path = path

    def __call__(self, *args: Any, timeout: float | None = None, **kwargs: Any) -> R:
        if not self._path:
            raise AttributeError("the root of the peer's service cannot be called; a member of it can")
        return self._call(self._path, args, kwargs, timeout)

    def __getattr__(self, name: str) -> Proxy[R]:
        # Python itself, and every tool that shows objects, asks for names of this kind.
        if name.startswith("_"):
            raise AttributeError(
                f"{name!r} begins with an underscore; if the peer has that, use remote[{name!r}]"
            )
        child = self[name]
        self.__dict__[name] = child  # found without coming here the next time
        return child

    def __getitem__(self, name: str) -> Proxy[R]:
        if not isinstance(name, str) or not name:
            raise TypeError(f"a member's name is a text, not {name!r}")
        return Proxy(self._call, f"{self._path}/{name}" if self._path else name)

    # With `__getitem__` alone, Python would take a proxy for an endless sequence.
    __iter__ = None
    __contains__ = None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Proxy):
            return NotImplemented
        return self._call == other._call and self._path == other._path

    def __hash__(self) -> int:
        return hash((self._call, self._path))

    def __repr__(self) -> str:
        return f"<Proxy of {self._path!r}>"
