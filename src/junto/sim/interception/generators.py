"""The functions of `random` and of ``numpy.random`` that share one hidden generator: each host has its own.

With one generator for all hosts, a fault on one of them would change what the others draw.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from junto.sim.here import here
from junto.sim.interception.entropy import draw
from junto.sim.interception.installing import replaces, when_imported

__all__ = ["for_each_host", "methods_of"]


def methods_of(generator: object, module: ModuleType) -> Iterator[tuple[str, Any]]:
    """List the functions of a module that are methods of one object."""
    for name, function in list(vars(module).items()):
        if getattr(function, "__self__", None) is generator:
            yield name, function


def for_each_host(module: str, functions: Iterator[tuple[str, Any]], make: Callable[[bytes], Any]) -> None:
    """Replace functions that share one generator.

    Args:
        module: The module, also the generator's name in a process.
        functions: Their names and the functions.
        make: Makes a generator of the same kind from 32 bytes.
    """
    for name, function in functions:
        replaces(module, name)(_dispatching(module, name, function, make))


def _dispatching(module: str, name: str, function: Any, make: Callable[[bytes], Any]) -> Any:
    def call(*args: Any, **options: Any) -> Any:
        host = here.host
        if host is None:
            return function(*args, **options)
        generator = host.process.get(module)
        if generator is None:
            generator = host.process[module] = make(draw(host, 32, "random"))
        return getattr(generator, name)(*args, **options)

    call.__doc__ = function.__doc__
    call.__wrapped__ = function  # type: ignore[attr-defined]  # read by inspect.signature
    return call


for_each_host(
    "random",
    methods_of(vars(random)["_inst"], random),
    lambda entropy: random.Random(int.from_bytes(entropy, "little")),
)


def _numpy(module: ModuleType) -> None:
    """Replace the old functions of numpy; its new generators draw their seeds from `secrets`."""
    legacy: Any = module.random  # it is imported when it is first asked for, and draws a seed then

    def make(entropy: bytes) -> Any:
        return legacy.RandomState(list(entropy))

    functions = dict(methods_of(legacy.mtrand._rand, legacy))
    # Not a method, though it does what the method does.
    functions["seed"] = legacy.seed
    for_each_host("numpy.random", iter(functions.items()), make)


when_imported("numpy", _numpy)
