"""Environments with the names that SimPy 3 had, too."""

from __future__ import annotations

from typing import Any

from junto.simpy import environments

__all__ = ["make_environment"]


def make_environment(backend: str, **options: Any) -> Any:
    """Make one by `junto.simpy.Environment`; `start` is `process` there, and `suspend` is `event`."""
    make: Any = environments.Environment
    env = make(backend, **options)
    env.start = env.process
    env.suspend = env.event
    return env
