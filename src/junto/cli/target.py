"""From ``module:Service`` to the service."""

from __future__ import annotations

import difflib
import importlib
import inspect
import os
import sys
import traceback
from typing import Any

from junto.cli.failures import Failure
from junto.exposing import as_service, is_service

__all__ = ["find_target", "make_service"]


def find_target(target: str) -> Any:
    """Import what *target* names, with the current directory searched first.

    Args:
        target: A module's name, a colon, and the names that lead to an attribute of it.

    Raises:
        Failure: There is no such thing, or importing it failed.
    """
    module_name, separator, attribute = target.partition(":")
    if not separator or not all(f"{module_name}.{attribute}".split(".")):
        raise Failure("input", f"{target!r} is not of the form module:Service")
    here = os.getcwd()
    if sys.path[0] not in ("", here):
        sys.path.insert(0, here)
    found: Any = _import(module_name)
    for name in attribute.split("."):
        try:
            found = getattr(found, name)
        except AttributeError as error:
            close = difflib.get_close_matches(name, dir(found), 1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            where = f"module {module_name!r}" if found is sys.modules[module_name] else repr(found)
            raise Failure("input", f"{where} has no {name!r}{hint}") from error
    return found


def _import(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            sentence = f"there is no module {error.name!r}, neither in {os.getcwd()} nor installed"
            raise Failure("input", sentence) from error
        raise _failed(f"importing {name!r}", error) from error
    except (Exception, SystemExit) as error:
        raise _failed(f"importing {name!r}", error) from error


async def make_service(target: str, found: Any) -> Any:
    """Make a service of what was found: in the event loop, which it may want to use.

    Args:
        target: What the user called it.
        found: A service; a class or a function that makes one; or a dictionary.

    Raises:
        Failure: Making it failed, or it is no service.
    """
    if hasattr(found, "__junto_exposed__"):
        raise Failure("input", f"{target} is a function; give the object or dictionary that it is offered in")
    if not is_service(found) and callable(found):
        try:
            found = found()
            if inspect.isawaitable(found):
                found = await found
        except Exception as error:
            raise _failed(f"making the service with {target}()", error) from error
    service = as_service(found)
    if not is_service(service):
        raise Failure("input", f"{target} is no service: none of its members is marked with @expose")
    return service


def _failed(doing: str, error: BaseException) -> Failure:
    """Say where, in the user's code, an error came from."""
    what = traceback.format_exception_only(error)[-1].strip()
    steps = traceback.extract_tb(error.__traceback__)
    if isinstance(error, SyntaxError):
        where = f"{error.filename}, line {error.lineno}"
    else:
        where = f"{steps[-1].filename}, line {steps[-1].lineno}"
    return Failure("input", f"{doing} failed: {what} ({where})")
