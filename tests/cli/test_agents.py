"""``junto agents serve``."""

from __future__ import annotations

import asyncio
import json
import textwrap
from pathlib import Path

import pytest

from junto import RemoteError
from junto.agents import aio, sync

from .conftest import BOUND, Certificates, Commands, Run, first_line, interrupt

TRADERS = """
    from junto import expose
    from junto.agents import aio

    class Trader(aio.Agent):
        @expose
        async def wait(self):
            await self.container.clock.sleep(5)
            return self.container.clock.time()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "traders.py").write_text(textwrap.dedent(TRADERS))
    return tmp_path


def test_a_container_is_run_until_it_is_interrupted(commands: Commands, folder: Path) -> None:
    process = commands.start("agents", "serve", "--at", "tcp://127.0.0.1:0", "--allow", "traders:*")
    url = first_line(process).removeprefix("manager at ").strip()
    with sync.open_container() as container:
        manager = container.connect(url)
        trader, trader_url = manager.spawn("traders:Trader")
        assert trader_url == f"{url[:-1]}1"
        assert "TraderProxy" in repr(trader)
        with pytest.raises(RemoteError, match="PermissionError"):
            manager.spawn("os:system")
    interrupt(process)
    assert process.wait(BOUND) == 0


def test_its_manager_stops_it_and_sets_its_clock(commands: Commands, folder: Path) -> None:
    words = [
        "--clock",
        "2016-01-01",
        "--allow",
        "traders:Trader",
        "--codec",
        "msgpack",
        "--heartbeat",
        "5",
        "--json",
    ]
    process = commands.start("agents", "serve", "--at", f"unix://{folder}/s", *words)
    told = json.loads(first_line(process))
    assert told == {"containers": [f"ipc://[{folder}/s]/"], "manager": f"ipc://[{folder}/s]/0"}

    async def main() -> None:
        async with asyncio.timeout(BOUND), aio.open_container(codec="msgpack") as container:
            manager = await container.connect(told["manager"])
            trader = (await manager.spawn("traders:Trader"))[0]
            waiting = trader.wait()
            await manager.set_time(0)
            await manager.set_time(7)
            assert await waiting == 7
            await manager.stop()

    asyncio.run(main())
    assert process.wait(BOUND) == 0


def test_containers_show_certificates(commands: Commands, folder: Path, certificates: Certificates) -> None:
    words = ["--cafile", certificates.ca, "--certfile", certificates.server]
    process = commands.start("agents", "serve", "--at", "tls://127.0.0.1:0", *words)
    url = first_line(process).removeprefix("manager at ").strip()
    with sync.open_container(tls=(certificates.ca, certificates.client, certificates.client)) as container:
        assert container.connect(url).stop() is None
    assert process.wait(BOUND) == 0


def test_wrong_input_is_told(junto: Run, folder: Path) -> None:
    for words in (
        ["--at", "nonsense"],
        ["--at", "local://here"],
        ["--at", "tcp://127.0.0.1:0", "--heartbeat", "0"],
        ["--at", "tls://127.0.0.1:0"],
        ["--at", "tcp://127.0.0.1:0", "--allow", "nonsense"],
        ["--at", "tcp://127.0.0.1:0", "--cafile", str(folder / "traders.py")],
        ["--at", "tcp://127.0.0.1:0", "--clock", "yesterday"],
        ["--at", "tcp://127.0.0.1:0", "--types", "json:nothing"],
        ["--at", "tcp://127.0.0.1:0", "--types", "no.such.module:x"],
    ):
        assert junto("agents", "serve", *words).code == 2
    assert junto("agents", "serve", "--at", "unix:///no/such/folder/s").code == 1
