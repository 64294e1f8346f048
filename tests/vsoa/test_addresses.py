from __future__ import annotations

import pytest

from junto.vsoa.addresses import ServerURL, plain_host


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("vsoa://127.0.0.1:3000", ServerURL("127.0.0.1", 3000)),
        ("VSOA://127.0.0.1:3000/a/b", ServerURL("127.0.0.1", 3000, "/a/b")),
        ("vsoa://[::1]:0/", ServerURL("::1", 0, "/")),
        ("vsoa://myserver", ServerURL("myserver")),
        ("vsoa://myserver/a:b", ServerURL("myserver", None, "/a:b")),
        ("vsoa://host:5", ServerURL("host", 5)),
        ("vsoa://:5", ServerURL("", 5)),
        ("vsoa://localhost:5", ServerURL("localhost", 5)),
    ],
)
def test_urls_are_read(text: str, url: ServerURL) -> None:
    assert ServerURL.parse(text) == url
    assert ServerURL.parse(url) is url
    assert ServerURL.parse(str(url)) == url


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "127.0.0.1:5",
            "tcp://127.0.0.1:5",
            "vsoa://",
            "vsoa://127.0.0.1",
            "vsoa://localhost",
            "vsoa://a:b",
        ),
        *("vsoa://a:70000", "vsoa://a:", "vsoa://[::1]", "vsoa://::1:5", "vsoa://[x]:5", "vsoa://[::1:5"),
        *("vsoa://a b:5", "vsoa://a@b:5", "vsoa://[::1]5", "vsoa://[127.0.0.1]:5", 5),
    ],
)
def test_what_is_no_url_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        ServerURL.parse(text)


def test_a_number_or_localhost_needs_no_look_up() -> None:
    assert ServerURL("127.0.0.1", 5).is_direct
    assert ServerURL("LocalHost", 5).is_direct
    assert not ServerURL("car", 5).is_direct
    assert str(ServerURL("LocalHost", 5).to_address(tls=True)) == "tls://127.0.0.1:5"


def test_ipv4_in_the_form_of_ipv6_is_ipv4() -> None:
    assert plain_host("::ffff:10.0.0.1") == "10.0.0.1"
    assert plain_host("::1") == "::1"
