"""Programs with bugs stand in a module of their own, which other processes import by its name."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
