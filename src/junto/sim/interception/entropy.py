"""What a program takes from the system's source of randomness, drawn from its host's own stream.

`secrets`, ``random.SystemRandom``, ``uuid.uuid4`` and numpy's default seeding end at `os.urandom`, most of
them by a name that their module has bound. What reads the system in C, as ``random.Random()`` does, is given
a seed.
"""

from __future__ import annotations

import operator
import os
import random
import ssl
import sys
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from junto.sim.here import here
from junto.sim.interception.installing import replaces

if TYPE_CHECKING:
    from junto.sim.host import Host

__all__ = ["draw"]

_urandom = os.urandom
_seed = random.Random.seed
_rand_bytes = ssl.RAND_bytes


def draw(host: Host, count: int, label: str = "entropy") -> bytes:
    """Draw bytes for code of a host, from its stream with a label."""
    # What the simulator itself does to make a stream is not done by the host's code.
    here.host = None
    try:
        return host.choices(label).bytes(count)
    finally:
        here.host = host


@replaces("os", "urandom")
def urandom(size: int, /) -> bytes:
    """Return random bytes, of the host's own."""
    host = here.host
    if host is None:
        return _urandom(size)
    size = operator.index(size)
    if size < 0:
        raise ValueError("negative argument not allowed")
    return draw(host, size)


if sys.platform == "linux":
    _getrandom = os.getrandom

    @replaces("os", "getrandom")
    def getrandom(size: int, flags: int = 0) -> bytes:
        """Return random bytes, of the host's own."""
        return _getrandom(size, flags) if here.host is None else urandom(size)


@replaces("ssl", "RAND_bytes")
def rand_bytes(num: int, /) -> bytes:
    """Return random bytes, of the host's own."""
    return _rand_bytes(num) if here.host is None else urandom(num)


@replaces("random", "Random.seed")
def seed(self: random.Random, a: Any = None, version: int = 2) -> None:
    """Seed a generator, without a seed from the host's own stream."""
    if a is None:
        host = here.host
        if host is not None:
            a = int.from_bytes(draw(host, 32), "little")
    _seed(self, a, version)


def _uuid_by_time(function: Callable[..., uuid.UUID], *memory: str) -> Callable[..., uuid.UUID]:
    """Make a version of a function that makes UUIDs from the time, and never two of the same time.

    Args:
        function: A function of `uuid`.
        memory: The globals of `uuid` in which it keeps what it made last; each
            host has its own.
    """
    namespace = uuid.__dict__

    def make(*args: Any, **options: Any) -> uuid.UUID:
        host = here.host
        if host is None:
            return function(*args, **options)
        if function is _uuid1 and not args and "node" not in options:
            options["node"] = uuid.getnode()  # or it would ask a generator in C
        before = {name: namespace[name] for name in memory}
        key = function.__name__
        namespace.update(host.process.get(key) or dict.fromkeys(memory))
        try:
            return function(*args, **options)
        finally:
            host.process[key] = {name: namespace[name] for name in memory}
            namespace.update(before)

    make.__doc__ = function.__doc__
    return make


_uuid1 = uuid.uuid1
for _name, _memory in {
    "uuid1": ("_last_timestamp",),
    "uuid6": ("_last_timestamp_v6",),
    "uuid7": ("_last_timestamp_v7", "_last_counter_v7"),
}.items():
    if hasattr(uuid, _name):  # the later ones are there from Python 3.14 on
        replaces("uuid", _name)(_uuid_by_time(getattr(uuid, _name), *_memory))
