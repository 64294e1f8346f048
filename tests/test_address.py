from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from junto.address import Address


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("tcp://127.0.0.1:5555", Address("tcp", "127.0.0.1", 5555)),
        ("tcp://example.org:0", Address("tcp", "example.org", 0)),
        ("tcp://:65535", Address("tcp", "", 65535)),
        ("tls://example.org:5555", Address("tls", "example.org", 5555)),
        # CH-27
        ("tcp://[::1]:5555", Address("tcp", "::1", 5555)),
        ("tcp://[fe80::1%eth0]:5555", Address("tcp", "fe80::1%eth0", 5555)),
        ("unix:///run/math.sock", Address("unix", path="/run/math.sock")),
        ("unix://relative.sock", Address("unix", path="relative.sock")),
        ("unix://with space:5/ä", Address("unix", path="with space:5/ä")),
    ],
)
def test_a_url_is_read_and_written(url: str, address: Address) -> None:
    assert Address.parse(url) == address
    assert str(address) == url


def test_an_address_is_returned_as_it_is() -> None:
    address = Address("tcp", "localhost", 1)
    assert Address.parse(address) is address


def test_a_slash_at_the_end_means_nothing() -> None:
    assert Address.parse("tcp://localhost:5555/") == Address("tcp", "localhost", 5555)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:5555",
        "http://localhost:80",
        "TCP://localhost:80",
        "tcp:localhost:80",
        "tcp://localhost",
        "tcp://localhost:",
        "tcp://localhost:-1",
        "tcp://localhost:65536",
        "tcp://localhost:5e3",
        "tcp://localhost:٣",
        "tcp://localhost: 80",
        "tcp://localhost:80/path",
        "tcp://user@localhost:80",
        "tcp://local host:80",
        "tcp://local\thost:80",
        "tcp://local\nhost:80",
        "tcp://localhost\x00:80",
        "tcp://::1",
        "tcp://::1:80",
        "tcp://[::1:80",
        "tcp://::1]:80",
        "tcp://[[::1]]:80",
        "tcp://[localhost]:80",
        "tcp://[]:80",
        "unix://",
        "unix://a\0b",
        "tcp://localhost:" + "9" * 5000,
    ],
)
def test_what_is_no_address_is_refused_with_a_sentence(url: str) -> None:
    with pytest.raises(ValueError, match=r"begin|port|path|host"):
        Address.parse(url)


@pytest.mark.parametrize("url", [None, 5555, ("127.0.0.1", 5555), b"tcp://127.0.0.1:5555"])
def test_what_is_no_text_is_refused(url: Any) -> None:
    with pytest.raises(ValueError, match="an address is a text"):
        Address.parse(url)


@given(st.one_of(st.text(), st.text().map("tcp://{}".format), st.text().map("tcp://{}:1".format)))
def test_any_text_is_an_address_or_refused_and_what_is_written_is_read_again(text: str) -> None:
    try:
        address = Address.parse(text)
    except ValueError:
        return
    assert Address.parse(str(address)) == address


def test_a_port_can_be_put_in() -> None:
    assert Address.parse("tcp://[::1]:0").with_port(7) == Address("tcp", "::1", 7)
