"""Proxies: what stands here for the functions and services of a peer."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

__all__ = ["Proxy", "path_of"]

R = TypeVar("R", covariant=True)

Call = Callable[..., R]
"""Calls what is at a path: ``call(path, *args, timeout=None, **kwargs)``."""

# The call of a `partial` is made in C, and reads no attribute of the proxy: with a `__call__` of
# our own, each call would cost a fifth more.
if TYPE_CHECKING:

    class _Base(Generic[R]):
        def __call__(self, *args: Any, timeout: float | None = None, **kwargs: Any) -> R: ...

else:

    class _Base(partial):
        """A function and its first argument, the path."""


class Proxy(_Base[R]):
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
    _call: Call[R]
    _path: str

    def __new__(cls, call: Call[R], path: str = "") -> Proxy[R]:
        """Make a proxy of what *call* finds at *path*."""
        # mypy and pyright see the base above, which is no `partial`.
        made: Any = partial.__new__(cls, call, path) if path else partial.__new__(cls, _refuse_root)  # type: ignore[type-var]
        made._call = call
        made._path = path
        return made  # type: ignore[no-any-return]  # it is of this class

    # No proxy, for `inspect` follows the `func` of a partial for as long as that is a partial too.
    func = property(lambda self: self["func"].__call__)
    args = property(lambda self: self["args"])
    keywords = property(lambda self: self["keywords"])

    def __reduce__(self) -> NoReturn:
        raise TypeError("a proxy belongs to its connection: it can be neither copied nor pickled")

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


def _refuse_root(*args: Any, **kwargs: Any) -> NoReturn:
    raise AttributeError("the root of the peer's service cannot be called; a member of it can")


def path_of(proxy: Proxy[Any], call: Call[Any]) -> str | None:
    """Tell the path of *proxy* if it calls by *call*, which is to say, over the same connection."""
    # Not a method, for every public name of a proxy is the peer's.
    return proxy._path if proxy._call == call else None  # pyright: ignore[reportPrivateUsage]
