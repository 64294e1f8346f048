"""numpy is no dependency of the tests, so a stand-in has what is replaced in it."""

from __future__ import annotations

import sys
from random import Random
from types import ModuleType
from typing import Any

import pytest

from junto.sim import interception

from .fake_host import FakeHost, on


class RandomState:
    def __init__(self, seed: Any = None) -> None:
        self.seed(seed)

    def seed(self, seed: Any = None) -> None:
        self.source = Random(None if seed is None else repr(seed))

    def rand(self, *shape: int) -> float:
        return self.source.random()


class Numpy(ModuleType):
    """It imports its generators when it is first asked for them."""

    def __getattr__(self, name: str) -> Any:
        if name != "random":
            raise AttributeError(name)
        module: Any = ModuleType("numpy.random")
        module.mtrand = ModuleType("numpy.random.mtrand")
        module.mtrand._rand = state = RandomState()
        module.RandomState = RandomState
        module.rand = state.rand
        module.seed = lambda seed=None: state.seed(seed)
        sys.modules["numpy.random"] = self.random = module
        return module


def test_the_old_functions_of_numpy_draw_from_a_generator_of_each_host(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    installing: Any = sys.modules["junto.sim.interception.installing"]
    monkeypatch.setattr(installing, "_wanted", dict(vars(installing)["_wanted"]))
    monkeypatch.setattr(installing, "_expected", {"numpy": [vars(interception.generators)["_numpy"]]})
    numpy: Any = Numpy("numpy")
    monkeypatch.setitem(sys.modules, "numpy", numpy)
    monkeypatch.setitem(sys.modules, "numpy.random", ModuleType("numpy.random"))  # taken out again at the end
    interception.install()

    def drawn(host: FakeHost) -> list[float]:
        with on(host):
            return [numpy.random.rand(), numpy.random.rand(2)]

    one, two = FakeHost("n1"), FakeHost("n2")
    first = drawn(one)
    assert first == drawn(FakeHost("n1"))
    assert first != drawn(two)
    with on(one):
        numpy.random.seed(5)
        assert numpy.random.rand() == RandomState(5).rand()
    assert numpy.random.rand() != RandomState(5).rand()
