"""What all primitives are: objects that say what is to be done, and do it at ``yield from``."""

from __future__ import annotations

import sys
import warnings
from abc import abstractmethod
from collections.abc import Callable, Generator
from functools import lru_cache, update_wrapper
from typing import Any, Final, Generic, NoReturn, ParamSpec, TypeVar, cast

from junto.sansio.coroutines.protocol_io import SUSPENDED, Steps, Suspension

__all__ = ["DONE", "WATCHED", "Primitive", "at_once", "cached", "primitive"]

WATCHED: Final[bool] = sys.flags.dev_mode
"""Whether primitives that nobody uses are told."""

E = TypeVar("E")
P = ParamSpec("P")
T = TypeVar("T")
E_co = TypeVar("E_co", covariant=True)
T_co = TypeVar("T_co", covariant=True)

# An iterator at its end: there is nothing to wait for, and nothing to give.
DONE = cast(Steps[None], iter(()))


class Primitive(Generic[E_co, T_co]):
    """A step of a protocol, which emits events of type *E* and gives a *T*: ``result = yield from step``.

    It is no data itself. Whoever forgets the ``yield from`` and uses it as if it were gets a `TypeError`
    with its name; whoever does not use it at all gets a `ResourceWarning` in Python's development mode.
    """

    __slots__ = ()

    def __init_subclass__(cls) -> None:
        if WATCHED:
            _watch(cls)

    @abstractmethod
    def __iter__(self) -> Generator[Suspension[E_co], None, T_co]: ...


def _refuse(self: Primitive[Any, Any], *_: object) -> NoReturn:
    name = type(self).__name__
    raise TypeError(f"{name}() is no data but a step to be taken: write `yield from {name}(...)`")


# Whatever data can do. Not written in the class, where it would be a promise to type checkers.
_OPERATORS = "add and contains eq float ge getitem gt index int le len lt mod mul ne or radd rmul setitem sub"
for _name in [
    *(f"__{name}__" for name in (*_OPERATORS.split(), "bool", "bytes", "reversed")),
    *(name for kind in (bytes, tuple, int) for name in dir(kind) if not name.startswith("_")),
]:
    setattr(Primitive, _name, _refuse)


# What was made and not used yet, by its ids, in the development mode.
_unused: set[int] = set()


def _watch(cls: type[Primitive[Any, Any]]) -> None:
    """Warn of objects of *cls* that nobody used."""
    make = cls.__init__
    steps = cls.__iter__

    def make_and_note(self: Primitive[Any, Any], *args: Any, **kwargs: Any) -> None:
        make(self, *args, **kwargs)
        _unused.add(id(self))

    def strike_and_begin(self: Primitive[Any, Any]) -> Generator[Suspension[Any], None, Any]:
        _unused.discard(id(self))
        return steps(self)

    def complain(self: Primitive[Any, Any]) -> None:
        if id(self) in _unused:
            _unused.remove(id(self))
            name = type(self).__name__
            text = f"{name}() was never done: write `yield from {name}(...)`"
            warnings.warn(text, ResourceWarning, stacklevel=2, source=self)

    # Methods cannot be assigned to.
    for name, method in (("init", make_and_note), ("iter", strike_and_begin), ("del", complain)):
        setattr(cls, f"__{name}__", method)


def at_once(value: T) -> Steps[T]:
    """Give *value* without waiting."""
    return value
    yield SUSPENDED


def cached(make: Callable[P, T]) -> Callable[P, T]:
    """Keep the primitives that *make* returns, by their arguments, which saves to make them anew.

    They say what is to be done, and know nothing of having been done; so one may be used again and again. In
    the development mode, each use has its own, to see which are not used.
    """
    return make if WATCHED else cast(Callable[P, T], lru_cache(maxsize=256)(make))


def primitive(
    function: Callable[P, Generator[Suspension[E], None, T]],
) -> Callable[P, Primitive[E, T]]:
    """Make a primitive of a generator function that is made of others.

    What it adds is that a forgotten ``yield from`` is told.
    """

    class Composed(Primitive[Any, Any]):
        __slots__ = ("_args", "_kwargs")

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            self._args = args
            self._kwargs = kwargs

        def __iter__(self) -> Generator[Suspension[Any], None, Any]:
            return function(*self._args, **self._kwargs)

    # What C code says about a wrong argument has the name of its class in it.
    Composed.__name__ = function.__name__.lstrip("_")

    def make(*args: P.args, **kwargs: P.kwargs) -> Primitive[E, T]:
        return Composed(*args, **kwargs)

    return update_wrapper(make, function)
