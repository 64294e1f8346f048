"""The fixture `world`: by default every backend, with and without TLS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from .worlds import WORLDS, World


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "world" in metafunc.fixturenames:
        markers = metafunc.definition.iter_markers("parametrize")
        if not any(marker.args[0] == "world" for marker in markers):
            metafunc.parametrize("world", getattr(metafunc.module, "WORLDS", WORLDS), indirect=True)


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    name: Any = request.param
    made = World(name)
    yield made
    made.env.close()
