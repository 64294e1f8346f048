"""Mutual authentication with the helpers of `junto.tls`, on each runtime."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme

from junto import tls
from junto.errors import ConnectionFailed, ConnectionLost
from junto.options import Options
from junto.server import open_channel, serve_channels


@dataclass
class Files:
    """The three files of each side, and those of a stranger."""

    authority: str
    server: str
    client: str
    elsewhere: str
    other_authority: str
    other_client: str


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    place = tmp_path_factory.mktemp("tls")
    ours, others = trustme.CA(), trustme.CA()

    def write(name: str, authority: trustme.CA, *hosts: str) -> str:
        path = place / name
        authority.issue_cert(*hosts).private_key_and_cert_chain_pem.write_to_path(str(path))
        return str(path)

    def write_authority(name: str, authority: trustme.CA) -> str:
        path: Path = place / name
        authority.cert_pem.write_to_path(str(path))
        return str(path)

    return Files(
        authority=write_authority("ca.pem", ours),
        server=write("server.pem", ours, "127.0.0.1", "localhost"),
        client=write("client.pem", ours, "client.example"),
        elsewhere=write("elsewhere.pem", ours, "elsewhere.example"),
        other_authority=write_authority("other-ca.pem", others),
        other_client=write("other-client.pem", others, "client.example"),
    )


async def attempt(rt: Any, server: ssl.SSLContext, client: ssl.SSLContext) -> str:
    """Make one request over TLS, and tell the version."""
    async with await serve_channels(
        rt, lambda content: content, ["tls://127.0.0.1:0"], Options(), tls=server
    ) as serving:
        channel = await open_channel(rt, serving.addresses[0], Options(), tls=client)
        try:
            assert await channel.request("x", timeout=5.0) == "x"
            # The other side saw a certificate too.
            peer = serving.connections[0].get_extra_info("peercert")
            assert ("DNS", "client.example") in peer["subjectAltName"]
            assert channel.get_extra_info("peercert")["subjectAltName"]
            return str(channel.get_extra_info("cipher")[1])
        finally:
            await channel.close()


@pytest.mark.parametrize(
    ("server_only", "client_only", "version"),
    [
        (None, None, "TLSv1.3"),
        ("1.2", None, "TLSv1.2"),
        (None, "1.2", "TLSv1.2"),
        ("1.3", None, "TLSv1.3"),
        (None, "1.3", "TLSv1.3"),
        ("1.2", "1.2", "TLSv1.2"),
    ],
)
def test_both_versions_are_spoken_and_either_can_be_pinned(
    scene: Any, files: Files, server_only: Any, client_only: Any, version: str
) -> None:
    async def scenario(rt: Any) -> None:
        server = tls.server_context(files.authority, files.server, only=server_only)
        client = tls.client_context(files.authority, files.client, only=client_only)
        assert await attempt(rt, server, client) == version

    scene(scenario)


def test_versions_that_do_not_meet_are_refused(scene: Any, files: Files) -> None:
    async def scenario(rt: Any) -> None:
        server = tls.server_context(files.authority, files.server, only="1.2")
        client = tls.client_context(files.authority, files.client, only="1.3")
        with pytest.raises(ConnectionFailed):
            await attempt(rt, server, client)

    scene(scenario)


@pytest.mark.parametrize("only", ["1.2", "1.3"])
def test_a_client_without_a_certificate_of_the_authority_is_refused(
    scene: Any, files: Files, only: Any
) -> None:
    async def scenario(rt: Any) -> None:
        server = tls.server_context(files.authority, files.server, only=only)
        without = ssl.create_default_context(cafile=files.authority)
        # It trusts our server, and shows what another authority has signed.
        stranger = tls.client_context(files.authority, files.other_client)
        for client in (without, stranger):
            # With TLS 1.3 a client learns it only when it reads.
            with pytest.raises((ConnectionFailed, ConnectionLost)):
                await attempt(rt, server, client)

    scene(scenario)


def test_a_server_of_another_authority_or_host_is_refused(scene: Any, files: Files) -> None:
    async def scenario(rt: Any) -> None:
        client = tls.client_context(files.authority, files.client)
        for server in (
            tls.server_context(files.other_authority, files.other_client),
            tls.server_context(files.authority, files.elsewhere),
        ):
            with pytest.raises(ConnectionFailed) as caught:
                await attempt(rt, server, client)
            assert isinstance(caught.value.__cause__, ssl.SSLError)

    scene(scenario)


def test_a_server_goes_on_after_refused_clients(scene: Any, files: Files) -> None:
    async def scenario(rt: Any) -> None:
        server = tls.server_context(files.authority, files.server)
        good = tls.client_context(files.authority, files.client)
        bad = tls.client_context(files.authority, files.other_client)
        async with await serve_channels(
            rt, lambda content: content, ["tls://127.0.0.1:0"], Options(), tls=server
        ) as serving:
            for _ in range(3):
                with pytest.raises((ConnectionFailed, ConnectionLost)):
                    channel = await open_channel(rt, serving.addresses[0], Options(), tls=bad)
                    await channel.request("x", timeout=5.0)
                async with await open_channel(rt, serving.addresses[0], Options(), tls=good) as channel:
                    assert await channel.request("x") == "x"

    scene(scenario)


def test_files_that_are_not_there_or_wrong_are_told_at_once(files: Files, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("nothing")
    for make in (tls.server_context, tls.client_context):
        with pytest.raises(OSError):
            make(tmp_path / "nothing", files.server)
        with pytest.raises(OSError):
            make(files.authority, tmp_path / "nothing")
        with pytest.raises(OSError):
            make(files.authority, wrong)
        with pytest.raises(OSError):
            make(files.authority, files.authority)
