from __future__ import annotations

import ssl
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from junto.address import Address

from .endpoints import BufferedEcho, BufferedRecorder, Echo, Recorder
from .layers import scene
from .table import Table
from .worlds import WORLDS, World

__all__ = ["scene"]  # and the fixtures below


@pytest.fixture(params=WORLDS, ids=lambda world: world.name)
def run(request: pytest.FixtureRequest) -> World:
    """Run a scenario; one parameter per runtime."""
    return request.param  # type: ignore[no-any-return]  # one of WORLDS


@pytest.fixture(params=[(Recorder, Echo), (BufferedRecorder, BufferedEcho)], ids=["bytes", "buffered"])
def kinds(request: pytest.FixtureRequest) -> tuple[type[Recorder], type[Recorder]]:
    """Classes of endpoints: one that records, one that echoes."""
    return request.param  # type: ignore[no-any-return]  # one of the above


@dataclass(frozen=True)
class Contexts:
    authority: trustme.CA
    server: ssl.SSLContext
    client: ssl.SSLContext


@pytest.fixture(scope="session")
def contexts() -> Contexts:
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    return Contexts(authority, server, client)


@dataclass(frozen=True)
class Place:
    """Where to listen, and with what on each side."""

    address: Address
    server_tls: ssl.SSLContext | None = None
    client_tls: ssl.SSLContext | None = None


@pytest.fixture(params=["tcp", "unix", "tls"])
def place(request: pytest.FixtureRequest, tmp_path: Path, contexts: Contexts) -> Place:
    match request.param:
        case "tcp":
            return Place(Address("tcp", "127.0.0.1"))
        case "unix":
            return Place(Address("unix", path=str(tmp_path / "socket")))
        case _:
            return Place(Address("tls", "127.0.0.1"), contexts.server, contexts.client)


_table = pytest.StashKey[Table]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_table] = Table(world.name for world in WORLDS)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Function, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call" and hasattr(item, "callspec"):
        module = item.module.__name__.rpartition(".")[2]
        item.config.stash[_table].add(module, item.callspec.params, passed=report.passed)
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    path = session.config.getoption("--table")
    if path:
        session.config.stash[_table].write(Path(path))
