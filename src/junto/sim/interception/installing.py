"""Replacing functions of the process by those that ask a host, and putting all back.

The parts of the simulation register what they replace: ``@replaces("time", "monotonic")``. `install` puts
the replacements in, at their own place and wherever a module has bound the same object by a
``from time import monotonic``. They stay in from the first run on, for looking through all modules takes too
long to be done for each run; where `here.host` is None, they do what the original does.

What modules of `junto.sim` have bound stays as it is: they need the originals.
"""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from importlib.machinery import BuiltinImporter, ExtensionFileLoader
from types import ModuleType
from typing import Any, TypeVar

from junto.sim.interception.builtin_types import set_attribute

__all__ = ["install", "installed", "originals", "replace", "replaces", "uninstall", "when_imported"]

T = TypeVar("T")


@dataclass(frozen=True)
class _Replacement:
    module: str
    path: str  # a name, or a class and the name of a method
    wrapper: object
    everywhere: bool
    keep: frozenset[str]
    inherited: bool

    def owner(self) -> Any:
        """Find the module or class in whose namespace the name is, or None while there is none."""
        owner: Any = sys.modules.get(self.module)
        *classes, name = self.path.split(".")
        for class_name in classes:
            owner = getattr(owner, class_name, None)
        if self.inherited:
            return owner if hasattr(owner, name) else None
        return owner if owner is not None and name in vars(owner) else None


@dataclass(frozen=True)
class _Place:
    """Where a name was bound to something else."""

    owner: Any
    name: str
    original: object
    wrapper: object
    inherited: bool = False

    def put_back(self) -> None:
        if self.inherited:
            delattr(self.owner, self.name)
        else:
            set_attribute(self.owner, self.name, self.original)


_lock = threading.RLock()
_wanted: dict[tuple[str, str], _Replacement] = {}
_expected: dict[str, list[Callable[[ModuleType], object]]] = {}
_installed: dict[tuple[str, str], _Place] = {}
_elsewhere: list[_Place] = []
_seen: dict[str, ModuleType] = {}


def replace(
    module: str,
    path: str,
    wrapper: object,
    *,
    everywhere: bool = True,
    keep: Collection[str] = (),
    inherited: bool = False,
) -> None:
    """Have a function, class or method of the process replaced from the next `install` on.

    The wrapper asks ``here.host`` at each call, and does what the original does if that is None. It binds the
    original when its own module is imported.

    Args:
        module: The module's full name. While it is not imported, and for a name
            that this Python does not have, nothing happens.
        path: The name in the module, or ``Class.method``.
        wrapper: What stands there instead, as in the namespace: with a
            ``staticmethod`` or ``classmethod`` around it if need be.
        everywhere: Whether other modules that bound the same object get the
            wrapper too; not so for methods and values, for
            a number is the same object wherever it stands.
        keep: Modules, or ``module.name``, that keep the original all the same.
        inherited: Whether a class has it from another one, and gets one of its
            own; then modules that bound that method get the wrapper too.
    """
    with _lock:
        everywhere = everywhere and ("." not in path or inherited) and callable(wrapper)
        _wanted[module, path] = _Replacement(module, path, wrapper, everywhere, frozenset(keep), inherited)


def replaces(module: str, path: str, *, keep: Collection[str] = ()) -> Callable[[T], T]:
    """Do as `replace`, with the decorated function."""

    def register(wrapper: T) -> T:
        # A reference to it is pickled by its name, and that must be the one under which it is found.
        if callable(wrapper):
            for attribute, value in (
                ("__module__", module),
                ("__qualname__", path),
                ("__name__", path.rpartition(".")[2]),
            ):
                setattr(wrapper, attribute, value)
        replace(module, path, wrapper, keep=keep)
        return wrapper

    return register


def when_imported(module: str, prepare: Callable[[ModuleType], object]) -> None:
    """Have *prepare* called once with a module, at the first `install` that finds it imported.

    It registers what needs the module to be there; the module is not imported for it.
    """
    with _lock:
        _expected.setdefault(module, []).append(prepare)


def installed() -> bool:
    """Tell whether anything is replaced."""
    return bool(_installed)


def originals() -> Iterator[tuple[str, object]]:
    """List what is replaced now: its full name, and the original as it stood in the namespace."""
    for (module, path), place in list(_installed.items()):
        yield f"{module}.{path}", place.original


def install() -> bool:
    """Put in all replacements that are not in yet.

    A second call costs next to nothing, unless modules were imported or replacements registered since.

    Returns:
        Whether there was anything new.
    """
    with _lock:
        if not _something_new():
            return False
        for name in list(_expected):
            module = sys.modules.get(name)
            if module is not None:
                for prepare in _expected.pop(name):
                    prepare(module)
        added = [(key, found) for key, found in _wanted.items() if key not in _installed]
        before = len(_installed)
        for key, found in added:
            owner = found.owner()
            if owner is not None:
                name = found.path.rpartition(".")[2]
                original = getattr(owner, name) if found.inherited else vars(owner)[name]
                place = _Place(owner, name, original, found.wrapper, found.inherited)
                set_attribute(owner, name, found.wrapper)
                _installed[key] = place
        # New replacements concern all modules, known ones only those imported since.
        modules = _modules_of_programs(new_only=len(_installed) == before)
        exchange = {
            id(_installed[key].original): (found.wrapper, found.keep)
            for key, found in _wanted.items()
            if key in _installed and found.everywhere
        }
        for name, namespace, module in modules:
            if not exchange.keys().isdisjoint(map(id, tuple(namespace.values()))):
                for attribute, value in tuple(namespace.items()):
                    wrapper, keep = exchange.get(id(value), (None, ()))
                    if wrapper is not None and not (name in keep or f"{name}.{attribute}" in keep):
                        namespace[attribute] = wrapper
                        _elsewhere.append(_Place(module, attribute, value, wrapper))
        return True


def uninstall() -> None:
    """Put back the originals, also in modules that have bound a wrapper since.

    A place where somebody else has put something since is left as it is, and a warning names it. Nothing
    happens if nothing is installed.
    """
    with _lock:
        left = []
        exchange = {
            id(place.wrapper): place.original
            for key, place in _installed.items()
            if callable(place.wrapper) and ("." not in key[1] or place.inherited)
        }
        for place in reversed([*_installed.values(), *_elsewhere]):
            if vars(place.owner).get(place.name) is place.wrapper:
                place.put_back()
            elif vars(place.owner).get(place.name) is not place.original:
                left.append(f"{getattr(place.owner, '__name__', place.owner)}.{place.name}")
        for _, namespace, _ in _modules_of_programs(new_only=False):
            if not exchange.keys().isdisjoint(map(id, tuple(namespace.values()))):
                for attribute, value in tuple(namespace.items()):
                    if id(value) in exchange:
                        namespace[attribute] = exchange[id(value)]
        _installed.clear()
        _elsewhere.clear()
        _seen.clear()
    if left:
        warnings.warn(f"replaced by others and left so: {', '.join(left)}", RuntimeWarning, stacklevel=2)


_state: tuple[object, ...] = ()


def _something_new() -> bool:
    """Tell whether there are modules or replacements that the last `install` did not see."""
    global _state
    last = next(reversed(sys.modules))
    state = (len(sys.modules), last, id(sys.modules[last]), len(_wanted), len(_expected))
    if _installed and state == _state:
        return False
    _state = state
    return True


def _modules_of_programs(*, new_only: bool) -> list[tuple[str, dict[str, Any], ModuleType]]:
    """List the modules whose names may be exchanged, with their namespaces."""
    found = []
    for name, module in list(sys.modules.items()):
        if new_only and _seen.get(name) is module:
            continue
        _seen[name] = module
        # Not `isinstance`, which believes what only calls itself a module, as cffi's libraries do.
        if issubclass(type(module), ModuleType) and not f"{name}.".startswith("junto.sim."):
            # Not by the module's own `__getattribute__`: that of a lazy module would import it.
            namespace = ModuleType.__getattribute__(module, "__dict__")
            if not _is_in_c(name, namespace):
                found.append((name, namespace, module))
    return found


def _is_in_c(name: str, namespace: dict[str, Any]) -> bool:
    """Tell whether a module of the standard library is written in C: it is where the originals are."""
    if name.partition(".")[0] not in sys.stdlib_module_names:
        return False
    loader = namespace.get("__loader__")
    return loader is BuiltinImporter or isinstance(loader, ExtensionFileLoader)
