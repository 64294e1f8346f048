"""``junto certs``: two commands, and containers trust one another."""

from __future__ import annotations

import asyncio
import importlib.util
import stat
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from junto import expose, tls
from junto.agents import aio
from junto.cli.authority import create_authority, issue
from junto.errors import ConnectionFailed

from .conftest import BOUND, Run


class Echo(aio.Agent):
    @expose
    def echo(self, value: Any) -> Any:
        return value


def files(folder: Path, name: str) -> tuple[str, str, str]:
    return str(folder / "ca.pem"), str(folder / f"{name}.pem"), str(folder / f"{name}.key")


async def talk(there: tuple[str, str, str], here: tuple[str, str, str], host: str = "127.0.0.1") -> None:
    async with asyncio.timeout(BOUND), aio.open_container("tls://127.0.0.1:0", tls=there) as server:
        url = Echo(server).url.replace("127.0.0.1", host)
        async with aio.open_container(tls=here) as client:
            assert await (await client.connect(url)).echo(3) == 3


def test_two_commands_make_what_containers_need(junto: Run, tmp_path: Path) -> None:
    folder = tmp_path / "certs"
    assert junto("certs", "ca", str(folder), "--json").json == {
        "cafile": str(folder / "ca.pem"),
        "keyfile": str(folder / "ca.key"),
    }
    for name in ("north", "south"):
        assert junto("certs", "issue", str(folder), name).out.split() == list(files(folder, name))
    for key in folder.glob("*.key"):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
    asyncio.run(talk(files(folder, "north"), files(folder, "south")))
    asyncio.run(talk(files(folder, "south"), files(folder, "north"), "localhost"))
    assert junto("certs", "issue", str(folder), "west", "--host", "10.0.0.1", "--json").json["certfile"]


def test_strangers_are_not_let_in(tmp_path: Path) -> None:
    for name in ("ours", "theirs"):
        create_authority(tmp_path / name)
        issue(tmp_path / name, "node")
    issue(tmp_path / "ours", "elsewhere", ["elsewhere.example"])
    ours, theirs = files(tmp_path / "ours", "node"), files(tmp_path / "theirs", "node")
    for there, here in (
        (ours, theirs),
        (ours, (ours[0], *theirs[1:])),
        (files(tmp_path / "ours", "elsewhere"), ours),  # it is not the host that was asked for
    ):
        with pytest.raises((ConnectionFailed, ConnectionError)):
            asyncio.run(talk(there, here))


def test_nothing_is_replaced_by_mistake(junto: Run, tmp_path: Path) -> None:
    folder = str(tmp_path)
    assert junto("certs", "issue", folder, "node").code == 2
    assert junto("certs", "ca", folder).code == 0
    before = (tmp_path / "ca.pem").read_bytes()
    assert "--replace" in junto("certs", "ca", folder).err
    assert (tmp_path / "ca.pem").read_bytes() == before
    assert junto("certs", "issue", folder, "node").code == 0
    assert junto("certs", "issue", folder, "node").code == 2
    assert junto("certs", "issue", folder, "node", "--replace", "--days", "3").code == 0
    assert junto("certs", "ca", folder, "--replace").code == 0
    assert (tmp_path / "ca.pem").read_bytes() != before
    tls.server_context(*files(tmp_path, "node"))


@pytest.mark.parametrize("name", ["", "a/b", "..", "ca"])
def test_names_of_files_are_checked(name: str, junto: Run, tmp_path: Path) -> None:
    create_authority(tmp_path)
    assert junto("certs", "issue", str(tmp_path), name).code == 2


def test_hosts_are_checked(junto: Run, tmp_path: Path) -> None:
    create_authority(tmp_path)
    assert "no host" not in junto("certs", "issue", str(tmp_path), "x", "--host", "*.example.org").err
    outcome = junto("certs", "issue", str(tmp_path), "y", "--host", "what is this", "--json")
    assert (outcome.code, outcome.error["kind"]) == (2, "input")
    create_authority(tmp_path / "other")
    (tmp_path / "ca.key").write_bytes((tmp_path / "other/ca.key").read_bytes())
    assert junto("certs", "issue", str(tmp_path), "z").code == 2


def test_an_authority_that_cannot_be_read_is_named(junto: Run, tmp_path: Path) -> None:
    create_authority(tmp_path)
    key, certificate = tmp_path / "ca.key", tmp_path / "ca.pem"
    plain = key.read_bytes()
    secret = serialization.load_pem_private_key(plain, None).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    for data in (secret, b"no key"):
        key.write_bytes(data)
        assert f"there is no key in {key}" in junto("certs", "issue", str(tmp_path), "node").err
    key.write_bytes(plain)
    certificate.write_bytes(b"none")
    assert f"there is no certificate in {certificate}" in junto("certs", "issue", str(tmp_path), "node").err
    assert {file.name for file in tmp_path.iterdir()} == {"ca.key", "ca.pem"}


def test_who_lacks_the_extra_is_told_so(junto: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "cryptography" else object()
    )
    assert "junto[certs]" in junto("certs", "ca", str(tmp_path)).err
