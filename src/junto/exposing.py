"""What can be called from outside: members marked with `expose`, and nothing else.

A service is an object of a plain class with exposed members. Services nest: an attribute that
holds a service is part of the path, as are the entries of a `ServiceDict`. Names that begin with
an underscore are never reachable. Paths are looked up at each call, so that a replaced member
is seen at once; a property is not evaluated.
"""

from __future__ import annotations

import inspect
import typing
from collections import UserDict
from collections.abc import Callable, Iterable, Iterator
from types import FunctionType, SimpleNamespace
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import msgspec

__all__ = [
    "Exposed",
    "Router",
    "ServiceDict",
    "as_service",
    "describe",
    "expose",
    "find_path",
    "is_service",
    "resolve",
    "resolve_service",
]

F = TypeVar("F", bound=Callable[..., Any])

_MARK = "__junto_exposed__"
_MISSING: Any = object()
_BOUND_BY_ACCESS = (FunctionType, staticmethod, classmethod)

# Values of these classes have exactly that class when they come off the wire.
_EXACT = frozenset({bool, int, float, str, bytes, list, dict, type(None)})


class ServiceDict(UserDict[str, Any]):
    """A service whose members are the entries of a dictionary: exposed functions, services.

    Entries may be put in and taken out at any time. A plain dictionary among the entries is
    taken for a service too.
    """


def expose(member: F) -> F:
    """Let peers call a function or method.

    Arguments are converted to what its annotations say, as `msgspec.convert` does, and the
    caller gets a failure that names the argument where that is not possible.

    Returns:
        The member itself, marked.

    Raises:
        ValueError: It is not callable, or cannot be marked.
    """
    function: Any = member
    if isinstance(function, staticmethod | classmethod):
        function = function.__func__
    if not callable(function):
        raise ValueError(f"only what is callable can be exposed, not {member!r}")
    try:
        setattr(function, _MARK, Exposed(function))
    except AttributeError:  # a function written in C, a bound method
        raise ValueError(f"{member!r} cannot be marked; wrap it in a function and expose that") from None
    return member


class Exposed:
    """How to call one function with arguments from the wire; found out at the first call.

    Attributes:
        free: Whether it takes whatever comes, as far as its annotations tell.
        classes: The classes of the arguments that need no look at all, where the
            annotations are that simple.
    """

    __slots__ = ("_function", "_hints", "_parameters", "_ready", "_required", "_signature", "classes", "free")

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._ready = False
        self._hints: dict[str, Any] = {}
        self._signature = inspect.Signature()
        # If arguments can be told by their place alone: the names, and how many must be there.
        self._parameters: list[str] | None = None
        self._required = 0
        self.free = False
        self.classes: list[type] | None = None

    def call(self, function: Callable[..., Any], args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Call *function*, which is the exposed one, bound.

        Raises:
            TypeError: The arguments do not suit the signature or its annotations.
        """
        self.prepare(function)
        if self.free:
            return function(*args, **kwargs)
        names = self._parameters
        if names is not None and not kwargs and self._required <= len(args) <= len(names):
            return function(*map(self._convert, names, args))
        try:
            bound = self._signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(str(error)) from None  # without the steps inside `inspect`
        for name, value in bound.arguments.items():
            parameter = self._signature.parameters[name]
            if parameter.kind is parameter.VAR_POSITIONAL:
                bound.arguments[name] = tuple(self._convert(name, item) for item in value)
            elif parameter.kind is parameter.VAR_KEYWORD:
                bound.arguments[name] = {key: self._convert(name, item, key) for key, item in value.items()}
            else:
                bound.arguments[name] = self._convert(name, value)
        return function(*bound.args, **bound.kwargs)

    def prepare(self, function: Callable[..., Any]) -> None:
        """Find out how to call *function*, the exposed one, bound; only the first time."""
        if self._ready:
            return
        hints = _hints(self._function)
        self._hints = {name: hint for name, hint in hints.items() if hint is not Any and hint is not object}
        self.free = not self._hints
        self._signature = inspect.signature(function)
        parameters = self._signature.parameters.values()
        if all(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters):
            self._parameters = [parameter.name for parameter in parameters]
            self._required = sum(parameter.default is parameter.empty for parameter in parameters)
            classes = [self._hints.get(parameter.name, Any) for parameter in parameters]
            if _EXACT.issuperset(classes):
                self.classes = classes
        self._ready = True

    def _convert(self, name: str, value: Any, key: str | None = None) -> Any:
        hint = self._hints.get(name, Any)
        if hint is Any or type(value) is hint or _is_reference(value):
            return value
        try:
            return msgspec.convert(value, hint, str_keys=True)
        except msgspec.ValidationError as error:
            raise TypeError(f"argument {(key or name)!r}: {error}") from None
        except TypeError:  # an annotation that says nothing to msgspec
            return value


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    """Give the annotations of parameters, but for those that mean nothing at run time."""
    names: dict[str, Any] = getattr(function, "__annotations__", {})
    spaces = getattr(function, "__globals__", {})
    hints: dict[str, Any] = {}
    for name, annotation in names.items():
        if name != "return":
            # Each by itself: a class that is imported for type checkers only must not hide the others.
            one: Any = SimpleNamespace(__annotations__={name: annotation})
            try:
                hints.update(typing.get_type_hints(one, spaces, include_extras=True))
            except Exception:  # a name in a text that means nothing here
                continue
    return hints


def _is_reference(value: Any) -> bool:
    return getattr(type(value), "_junto_reference", False)


_service_classes: WeakKeyDictionary[type, bool] = WeakKeyDictionary()


def is_service(value: object) -> bool:
    """Tell whether *value* has members that can be called from outside."""
    if isinstance(value, ServiceDict):
        return True
    kind = type(value)
    known = _service_classes.get(kind)
    if known is None:
        members = (vars(base).values() for base in kind.__mro__)
        known = any(_exposed(member) is not None for values in members for member in values)
        _service_classes[kind] = known
    return known


def _exposed(member: Any) -> Exposed | None:
    exposed = getattr(member, _MARK, None)
    if exposed is None and isinstance(member, staticmethod | classmethod):
        exposed = getattr(member.__func__, _MARK, None)
    # A class answers for its instances' attributes; a mock answers everything.
    return exposed if type(exposed) is Exposed else None


def _member(service: Any, name: str) -> Any:
    """Get a member that may be reachable; `_MISSING` if it surely is not."""
    if not name or name[0] == "_":
        return _MISSING
    if isinstance(service, ServiceDict):
        return as_service(service.get(name, _MISSING))
    # Not `getattr(service, name)`: that would run the code of a property for anyone who asks.
    own = getattr(service, "__dict__", None)
    if own is not None and name in own:
        return own[name]
    for base in type(service).__mro__:
        if name in base.__dict__:
            member = base.__dict__[name]
            return getattr(service, name) if isinstance(member, _BOUND_BY_ACCESS) else member
    return _MISSING


def as_service(root: Any) -> Any:
    """Make a service of a plain dictionary; changes of the one are seen in the other."""
    if type(root) is not dict:
        return root
    service = ServiceDict()
    service.data = root
    return service


class Router:
    """Finds what is at a path of one service, and calls it."""

    __slots__ = ("_class_member", "_own", "_usual", "root")

    def __init__(self, root: Any) -> None:
        """Serve *root*, a service or a plain dictionary of them."""
        self.root = as_service(root)
        # Both look at what is there now, not at what was there when they were made.
        self._class_member = type(self.root).__dict__.get
        self._own: dict[str, Any] = getattr(self.root, "__dict__", {})
        # Methods of the root's class that were called: the function, and the classes of its arguments if
        # it cares.
        self._usual: dict[str, tuple[Callable[..., Any], list[type] | None]] = {}

    def call(self, path: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Call the function at *path*; raises as `resolve` and `Exposed.call` do, and what it raises."""
        bound, exposed = resolve(self.root, path)
        function = self._class_member(path)
        if type(function) is FunctionType and path not in self._own:
            exposed.prepare(bound)
            if exposed.free or exposed.classes is not None:
                self._usual[path] = (function, None if exposed.free else exposed.classes)
        return exposed.call(bound, args, kwargs)

    def shortcut(self, otherwise: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Make a handler that needs few steps for the usual call, and leaves all else to *otherwise*.

        Usual is a method of the root's own class that was called before, with arguments by place
        that need no conversion.
        """
        root = self.root
        own = self._own
        class_member = self._class_member
        usual = self._usual.get

        def handle(content: Any) -> Any:
            if type(content) is list and len(content) == 3:
                path, args, kwargs = content
                if type(path) is str and type(args) is list and kwargs == {}:
                    method = usual(path)
                    if method is not None and method[0] is class_member(path) and path not in own:
                        function, classes = method
                        if classes is None or classes == [*map(type, args)]:
                            return function(root, *args)
            return otherwise(content)

        return handle


def resolve(service: Any, path: str) -> tuple[Callable[..., Any], Exposed]:
    """Find the function at *path*.

    Args:
        service: The root.
        path: Names joined by ``/``.

    Returns:
        The function, bound, and how to call it.

    Raises:
        LookupError: There is none, or it is not exposed, or a service is there.
    """
    where, slash, name = path.rpartition("/")
    if where:
        service = resolve_service(service, where)
    member = _MISSING if slash and not where else _member(service, name)
    exposed = _exposed(member)
    if exposed is None:
        if is_service(member):
            raise LookupError(f"{path!r} is a service; a function in it can be called")
        raise LookupError(f"nothing is offered at {path!r}")
    return member, exposed


def resolve_service(service: Any, path: str) -> Any:
    """Find the service at *path*, the root at the empty one.

    Raises:
        LookupError: There is none.
    """
    if not path:
        return service
    for name in path.split("/"):
        service = _member(service, name)
        if not is_service(service):
            raise LookupError(f"no service is offered at {path!r}")
    return service


def _members(service: Any) -> Iterator[tuple[str, Any]]:
    names: Iterable[str]
    if isinstance(service, ServiceDict):
        names = list(service)
    else:
        own = getattr(service, "__dict__", {})
        names = dict.fromkeys(
            name for namespace in (*map(vars, type(service).__mro__), own) for name in namespace
        )
    for name in names:
        member = _member(service, name)
        if member is not _MISSING:
            yield name, member


def _walk(service: Any) -> Iterator[tuple[str, Any]]:
    """Give the paths and members of a tree of services, each service once."""
    seen = {id(service)}
    todo = [("", service)]
    while todo:
        prefix, current = todo.pop(0)
        for name, member in _members(current):
            path = f"{prefix}/{name}" if prefix else name
            if _exposed(member) is not None:
                yield path, member
            elif is_service(member) and id(member) not in seen:
                seen.add(id(member))
                todo.append((path, member))
                yield path, member


def find_path(root: Any, service: Any) -> str | None:
    """Tell the path of *service* in the tree of *root*; ``None`` if it is not there."""
    if service is root:
        return ""
    return next((path for path, member in _walk(root) if member is service), None)


def describe(root: Any) -> list[dict[str, Any]]:
    """Tell what a service offers.

    Returns:
        For each function its ``path``, ``signature`` and ``doc``, and whether it
        is a ``stream`` of results.
    """
    functions = []
    for path, member in _walk(root):
        if _exposed(member) is not None:
            stream = inspect.isgeneratorfunction(member) or inspect.isasyncgenfunction(member)
            functions.append(
                {
                    "path": path,
                    "signature": str(_signature(member)),
                    "doc": inspect.getdoc(member) or "",
                    "stream": stream,
                }
            )
    return functions


def _signature(function: Callable[..., Any]) -> inspect.Signature:
    try:
        # With ``from __future__ import annotations`` all are texts, and would be shown in quotes.
        return inspect.signature(function, eval_str=True)
    except Exception:  # a name that means nothing here
        return inspect.signature(function)
