"""The demo runs from anywhere, gets the right result, and writes a page that needs nothing else."""

from __future__ import annotations

import hashlib
import html.parser
import json
import subprocess
import sys
from pathlib import Path

import pytest

from junto.vsoa import StatusError, sync

DEMO = Path(__file__).parent.parent.parent / "examples" / "mosaik_demo"
RUN = DEMO / "run.py"
ENERGIES = {"generated", "consumed", "to_grid", "from_grid", "lost", "stored"}

pytestmark = pytest.mark.timeout(60)


class Links(html.parser.HTMLParser):
    """Finds what a page would load, and whether its tags are closed."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loaded += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "data")]
        if tag not in ("meta", "line"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in ("meta", "line"):
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_demo_is_right_and_tells_what_it_measured(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(RUN), "--quick", "--json", "--output", "out"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["equal"] is True
    assert result["steps"] == 96
    assert result["kwh"].keys() == ENERGIES
    # The stop is not answered, all else is; 96 steps, each with its data, of two simulators.
    wire = result["wire"]
    assert wire["messages_to_simulators"] == wire["messages_to_mosaik"] + 2
    assert wire["messages_to_mosaik"] > 4 * 96
    assert wire["bytes_to_simulators"] > wire["bytes_to_mosaik"] > 10_000
    flavours = {f"junto.{flavour}" for flavour in ("aio", "trio", "sync", "simpy")}
    assert result["times"].keys() == {"junto", *flavours, "mosaik-api", "in-process"}
    assert all(times["seconds"] > 0 for times in result["times"].values())

    instruments = result["instruments"]
    assert instruments.keys() == {"roof", "household", "grid"}
    for read in instruments.values():
        assert read["read"] > 30  # of 150, on whatever machine
        assert read["wrong"] == 0
        assert read["connections"] > 1
    assert {read["client"] for read in instruments.values()} == {"aio", "sync"}

    vehicle = result["vehicle"]
    assert [one["flavour"] for one in vehicle["subscribers"]] == ["aio", "sync", "trio"]
    assert vehicle["subscribers"][0]["urls"] == ["/drive/"]
    times = vehicle["subscribers"][1]["messages"]
    assert [one["messages"] for one in vehicle["subscribers"]] == [3 * times, times, 2 * times]
    assert all(one["lost"] == one["wrong"] == 0 for one in vehicle["subscribers"])
    assert vehicle["request"]["road"] == "harbour"
    assert vehicle["seconds"] > vehicle["seconds_planned"] + 60  # that road is longer and slower
    log = Path(result["log"]).read_bytes()
    assert hashlib.sha256(log).hexdigest() == vehicle["log"]["sha256"]
    assert log.count(b"\n") == vehicle["log"]["steps"] + 1

    page = tmp_path / "out" / "mosaik.html"
    assert result["page"] == str(page.resolve())
    links = Links()
    links.feed(page.read_text(encoding="utf-8"))
    assert links.open == []
    assert links.loaded == []


def test_the_car_waits_for_its_listeners_and_knows_its_roads() -> None:
    command = [sys.executable, str(DEMO / "vehicle.py"), "--listeners", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as vehicle:
        try:
            assert vehicle.stdout is not None
            url = vehicle.stdout.readline().split()[-1]
            with sync.connect(url, request_timeout=10) as client:
                with pytest.raises(StatusError) as caught:
                    client.fetch("/drive/road", "bridge", method="SET")
                assert caught.value.status == 128
                assert client.fetch("/drive/road").param == {"road": "main", "step": 0}
        finally:
            vehicle.kill()


def test_a_wrong_option_is_refused_with_a_sentence(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(RUN), "--slow"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
