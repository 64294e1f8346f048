from __future__ import annotations

import os
import platform
import socket
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from junto.sim.interception.identity import PROCESSORS

from .fake_host import FakeHost, on


def test_a_process_has_the_number_of_its_host(host: FakeHost) -> None:
    with on(host):
        assert os.getpid() == host.pid
        assert os.getppid() == 1
    assert os.getpid() != host.pid


@pytest.mark.parametrize(
    "name",
    [
        lambda: socket.gethostname(),
        lambda: socket.getfqdn(),
        lambda: platform.node(),
        lambda: platform.uname().node,
        lambda: platform.uname()[1],
        lambda: os.uname().nodename,
        lambda: socket.getfqdn("0.0.0.0"),
        lambda: socket.getfqdn("n1"),
    ],
)
def test_a_computer_has_the_name_of_its_host(host: FakeHost, name: Callable[[], Any]) -> None:
    real = name()
    with on(host):
        assert name() == "n1"
    assert name() == real


def test_the_rest_of_the_system_is_described_as_it_is(host: FakeHost) -> None:
    outside = platform.uname()
    with on(host):
        inside = platform.uname()
    assert (inside.system, inside.release, inside.machine) == (
        outside.system,
        outside.release,
        outside.machine,
    )


def test_a_hardware_address_follows_from_the_name_and_was_given_by_hand() -> None:
    found = []
    for name in ("n1", "n1", "n2"):
        with on(FakeHost(name)):
            found.append(uuid.getnode())
    assert found[0] == found[1] != found[2]
    assert all(address < 1 << 48 and address >> 40 & 3 == 2 for address in found)


def test_each_host_has_the_same_number_of_processors(host: FakeHost) -> None:
    with on(host):
        assert os.cpu_count() == len(os.sched_getaffinity(0)) == PROCESSORS
        assert ThreadPoolExecutor()._max_workers == PROCESSORS + 4
