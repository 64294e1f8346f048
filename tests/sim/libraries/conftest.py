"""Tests with libraries that only the environment of ``make test-sim`` has."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))  # for `pairs`

collect_ignore_glob = [] if find_spec("asyncpg") else ["test_*.py"]
