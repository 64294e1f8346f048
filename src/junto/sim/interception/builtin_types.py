"""Setting an attribute of a class, also where the class is written in C and does not allow it.

``datetime.datetime`` could be replaced by a subclass instead. But then classes that were derived from it
before, C code and tables keyed by type keep the old one, and what is pickled or annotated with one of the two
is unknown to the other. A class whose one method was exchanged stays the same class for everybody.
"""

from __future__ import annotations

import ctypes
import gc
from typing import Any

__all__ = ["set_attribute"]

_IMMUTABLE = 1 << 8  # Py_TPFLAGS_IMMUTABLETYPE


def set_attribute(owner: Any, name: str, value: object) -> None:
    """Set an attribute that a module or class has in its own namespace.

    Args:
        owner: The module or class; of a builtin class, no special method.
        name: The attribute.
        value: What it is to be, as it stands in the namespace: a
            ``classmethod`` and not what it is bound to.
    """
    if not (isinstance(owner, type) and owner.__flags__ & _IMMUTABLE):
        setattr(owner, name, value)
        return
    # The namespace itself is all that its read-only view refers to.
    (namespace,) = gc.get_referents(owner.__dict__)
    namespace[name] = value
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(owner))  # what it remembers of lookups is out of date
