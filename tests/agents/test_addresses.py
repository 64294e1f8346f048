from __future__ import annotations

import pytest

from junto.address import Address
from junto.agents.addresses import Place, is_everywhere, split_url


@pytest.mark.parametrize(
    ("url", "place", "path"),
    [
        ("tcp://localhost:5555/0", Place("tcp", "localhost", 5555), "0"),
        ("tcp://[::1]:5555/0", Place("tcp", "::1", 5555), "0"),
        ("tcp://::1:5555/0", Place("tcp", "::1", 5555), "0"),
        ("tls://example.org:1/0/service", Place("tls", "example.org", 1), "0/service"),
        ("ipc://[b.sock]/0", Place("unix", "b.sock"), "0"),
        ("ipc://[/run/a]b.sock]/12", Place("unix", "/run/a]b.sock"), "12"),
        ("unix://[/run/b.sock]/0/x", Place("unix", "/run/b.sock"), "0/x"),
        ("unix:///run/b.sock/0", Place("unix", "/run/b.sock"), "0"),
        ("local://b/0", Place("local", "b"), "0"),
        ("local://b/any/thing", Place("local", "b"), "any/thing"),
    ],
)
def test_an_agents_url_is_its_containers_and_its_path(url: str, place: Place, path: str) -> None:
    assert split_url(url) == (place, path)
    assert split_url(f"{place.base}{path}") == (place, path)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "0",
        "http://localhost:5555/0",
        "tcp://localhost:5555",
        "tcp://localhost:5555/",
        "tcp://localhost:5555//0",
        "tcp://localhost:5555/0/",
        "tcp://localhost/0",
        "tcp://localhost:x/0",
        "tcp://localhost:70000/0",
        "ipc://b.sock/0",
        "ipc://[b.sock]",
        "ipc://[]/0",
        "unix://0",
        "local:///0",
        "local://b",
        "local://b/",
        None,
    ],
)
def test_what_is_no_agents_url_is_named(url: str) -> None:
    with pytest.raises(ValueError) as caught:
        split_url(url)
    assert repr(url) in str(caught.value)


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("tcp://127.0.0.1:5555", "tcp://127.0.0.1:5555/"),
        ("tcp://127.0.0.1:5555/", "tcp://127.0.0.1:5555/"),
        ("tcp://[::1]:5555", "tcp://[::1]:5555/"),
        ("unix://b.sock", "ipc://[b.sock]/"),
        ("unix:///run/b.sock", "ipc://[/run/b.sock]/"),
        ("ipc://[/run/b.sock]/", "ipc://[/run/b.sock]/"),
        ("local://b", "local://b/"),
        (Address("tls", "example.org", 7), "tls://example.org:7/"),
        (Place("local", "b"), "local://b/"),
    ],
)
def test_a_container_is_named_by_its_base_url(url: str | Address | Place, base: str) -> None:
    assert Place.parse(url).base == base
    assert Place.parse(base) == Place.parse(url)


@pytest.mark.parametrize("url", ["tcp://127.0.0.1:5555/0", "local://b/0", "local://", "x", "ipc://[x]/0"])
def test_what_is_no_containers_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        Place.parse(url)


def test_every_interface_is_no_place_to_connect_to() -> None:
    assert all(is_everywhere(Place("tcp", host, 1)) for host in ("", "0.0.0.0", "::"))
    assert not is_everywhere(Place("tcp", "127.0.0.1", 1))
    assert not is_everywhere(Place("local", ""))
    assert Place("unix", "x").address == Address("unix", path="x")
    assert Place("tcp", "::1", 2).with_host("h").address == Address("tcp", "h", 2)
