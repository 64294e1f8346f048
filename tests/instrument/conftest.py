from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from .worlds import WORLDS, Scenario


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "run" in metafunc.fixturenames:
        mark = metafunc.definition.get_closest_marker("worlds")
        names = list(WORLDS) if mark is None else mark.args
        metafunc.parametrize("run", [WORLDS[name] for name in names], ids=names)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "worlds(*names): the worlds in which this is so; all without it")


Run = Callable[[Scenario], Any]


@pytest.fixture(scope="package", autouse=True)
def only_new_garbage() -> Iterator[None]:
    """Let the collection after each scenario look at what is new, not at all that pytest holds."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
