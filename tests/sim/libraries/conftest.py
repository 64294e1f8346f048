"""Tests with libraries that only the environment of ``make test-sim`` has."""

from __future__ import annotations

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("asyncpg") else ["test_*.py"]
