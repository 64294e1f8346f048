"""Environments with the names that SimPy 3 had, too."""

from __future__ import annotations

from typing import Any

from junto.simpy import environments
from junto.simpy.environments import Backend

__all__ = ["make_environment"]


def make_environment(backend: Backend) -> Any:
    """Make an environment in real time; `start` is `process` there, and `suspend` is `event`."""
    env: Any = environments.Environment(backend)
    env.start = env.process
    env.suspend = env.event
    return env
