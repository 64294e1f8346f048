"""The command at vsoa:// addresses."""

from __future__ import annotations

import re
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from junto import expose
from junto.vsoa import Position, sync

from .conftest import BOUND, Commands, Run


class Car:
    @expose
    def drive(self, speed: int, direction: str = "north") -> dict[str, Any]:
        """Drive."""
        return {"speed": speed, "direction": direction}


@pytest.fixture
def server() -> Iterator[sync.Server]:
    with sync.serve("vsoa://127.0.0.1:0", service=Car(), password="secret") as server:
        server.command("/plain")(lambda request: request.param)
        server.start_thread()
        yield server


SECRET = ("--password", "secret")


def test_call_calls_functions_and_commands(junto: Run, server: sync.Server) -> None:
    url = server.addresses[0]
    done = junto("call", url, "drive", "3", "direction=south", "--json", *SECRET)
    assert (done.code, done.json) == (0, {"speed": 3, "direction": "south"})
    done = junto("call", url, "/plain", "a=1", "b=x", "--json", *SECRET)
    assert (done.code, done.json) == (0, {"a": 1, "b": "x"})
    done = junto("call", url, "nothing", "--json", *SECRET)
    assert done.code == 3
    assert "nothing handles this URL" in done.error["message"]


def test_a_wrong_password_is_told(junto: Run, server: sync.Server) -> None:
    done = junto("call", server.addresses[0], "drive", "3")
    assert done.code == 1
    assert "not authenticated" in done.err


def test_a_path_behind_the_place_of_a_server_is_refused(junto: Run, server: sync.Server) -> None:
    done = junto("call", server.addresses[0] + "/plain", "5", *SECRET)
    assert (done.code, "has a path" in done.err) == (2, True)
    assert junto("call", server.addresses[0] + "/", "/plain", "a=5", *SECRET).code == 0


def test_ping_and_inspect(junto: Run, server: sync.Server) -> None:
    url = server.addresses[0]
    done = junto("ping", url, "--count", "2", "--interval", "0", "--json", *SECRET)
    assert (done.code, done.json["received"], done.json["url"]) == (0, 2, url)
    done = junto("inspect", url, "--json", *SECRET)
    assert (done.code, done.json[0]["path"]) == (0, "drive")
    with sync.serve("vsoa://127.0.0.1:0") as plain:
        plain.start_thread()
        done = junto("inspect", plain.addresses[0], "--json")
        assert done.code == 3
        assert "no junto peer" in done.error["message"]


def test_sub_shows_what_is_published(junto: Run, server: sync.Server) -> None:
    def publish() -> None:
        while not stop.wait(0.01):
            if server.is_subscribed("/a/x"):
                server.publish("/a/x", {"km/h": 80}, b"xyz")
                server.publish("/b", b"\xff\x1b")

    stop = threading.Event()
    thread = threading.Thread(target=publish)
    thread.start()
    try:
        url = server.addresses[0]
        done = junto("sub", url, "/a/", "--count", "2", *SECRET)
        assert (done.code, done.out) == (0, '/a/x {"km/h": 80} (3 bytes of data)\n' * 2)
        done = junto("sub", f"{url}/a/x", "--count", "1", "--json", *SECRET)
        assert done.json == {"url": "/a/x", "param": {"km/h": 80}, "data": "78797a", "quick": False}
        done = junto("sub", url, "--count", "4", *SECRET)
        assert "/b" in done.out
        assert "\x1b" not in done.out
    finally:
        stop.set()
        thread.join(BOUND)
    done = junto("sub", url, "/never", "--timeout", "0.2", *SECRET)
    assert done.code == 1
    assert "no message within 0.2 s" in done.err
    assert junto("sub", url, "never", *SECRET).code == 2
    assert junto("sub", "tcp://127.0.0.1:5").code == 2


def test_sub_ends_by_ctrl_c(commands: Commands, server: sync.Server) -> None:
    process = commands.start("sub", server.addresses[0], "/a", *SECRET)
    for _ in range(1000):
        if server.is_subscribed("/a"):
            break
        threading.Event().wait(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=BOUND)
    assert (process.returncode, out, err.strip()) == (130, "", "")


def test_pub_publishes_lines_and_values(commands: Commands) -> None:
    import subprocess

    process = commands.start("pub", "vsoa://127.0.0.1:0", stdin=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stderr is not None
    url = process.stderr.readline().split()[-1]
    with sync.connect(url, timeout=BOUND) as client, client.subscribe("/") as subscription:
        process.stdin.write('/a {"x": 1}\n\n/b parked\n/c\n')
        process.stdin.flush()
        got = [subscription.receive(BOUND) for _ in range(3)]
        assert [(message.url, message.param) for message in got] == [
            ("/a", {"x": 1}),
            ("/b", "parked"),
            ("/c", None),
        ]
    _, err = process.communicate("no topic\n", timeout=BOUND)
    assert process.returncode == 2
    assert "no topic" in err

    process = commands.start("pub", "vsoa://127.0.0.1:0", "/t", "5", "--interval", "0.01", "--count", "3")
    assert process.stderr is not None
    url = process.stderr.readline().split()[-1]
    with sync.connect(url, timeout=BOUND) as client, client.subscribe("/t") as subscription:
        assert [subscription.receive(BOUND).param for _ in range(3)] == [5, 5, 5]
    process.communicate(timeout=BOUND)
    assert process.returncode == 0


def test_position_serves_a_table_and_finds(commands: Commands, junto: Run, tmp_path: Path) -> None:
    table = tmp_path / "table.toml"
    table.write_text(
        '[Car]\nhost = "127.0.0.1"\nport = 3005\n[safe]\nhost = "::1"\nport = 3006\nsecurity = true\n'
    )
    process = commands.start("position", "serve", str(table), "--at", "vsoa://127.0.0.1:0")
    assert process.stdout is not None
    said = process.stdout.readline()
    match = re.fullmatch(r"telling 2 positions at (vsoa://127\.0\.0\.1:(\d+))\n", said)
    assert match is not None
    assert sync.lookup("CAR", servers=[("127.0.0.1", int(match[2]))]) == Position("127.0.0.1", 3005)
    done = junto("position", "find", "safe", "--server", match[1])
    assert (done.code, done.out) == (0, "vsoa://[::1]:3006 (TLS)\n")
    done = junto("position", "find", "car", "--server", match[1], "--json")
    assert done.json == {"host": "127.0.0.1", "port": 3005, "security": False}
    done = junto("position", "find", "plane", "--server", match[1])
    assert done.code == 3
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=BOUND)
    assert process.returncode == 130
    table.write_text('[car]\nhost = "nowhere"\nport = 1\n')
    done = junto("position", "serve", str(table))
    assert done.code == 2
    assert "'car'" in done.err
    table.write_text("nonsense")
    assert junto("position", "serve", str(table)).code == 2


def test_serve_takes_addresses_of_several_schemes(commands: Commands, junto: Run, tmp_path: Path) -> None:
    (tmp_path / "car.py").write_text(
        "from junto import expose\nclass Car:\n    @expose\n    def drive(self, speed: int) -> int:\n        return speed\n"
    )
    process = commands.start(
        "serve", "car:Car", "--at", "tcp://127.0.0.1:0", "--at", "vsoa://127.0.0.1:0", "--json"
    )
    assert process.stdout is not None
    import json

    addresses = json.loads(process.stdout.readline())["addresses"]
    for url in addresses:
        assert junto("call", url, "drive", "5", "--json").json == 5
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=BOUND)
    assert process.returncode == 0
