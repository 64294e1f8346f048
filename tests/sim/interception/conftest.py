from __future__ import annotations

from collections.abc import Iterator

import pytest

from junto.sim import interception

from .fake_host import FakeHost


@pytest.fixture(autouse=True)
def installed() -> Iterator[None]:
    interception.install()
    yield
    interception.uninstall()


@pytest.fixture
def host() -> FakeHost:
    return FakeHost()
