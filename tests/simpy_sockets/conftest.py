"""The fixture `world`: by default every backend, with and without TLS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from .worlds import WORLDS, World


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "world" in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker("parametrize")
        if marker is None or "world" not in str(marker.args[0]):
            metafunc.parametrize("world", getattr(metafunc.module, "WORLDS", WORLDS), indirect=True)


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    name: Any = request.param
    made = World(name)
    yield made
    made.env.close()
