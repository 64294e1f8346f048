"""What the project says of itself: its pages, its commands, its version."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import re
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import junto
from junto.instrument.settings import ClientOptions, Settings

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FENCE = re.compile(r"^```([^\n`]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    return [block for name, block in FENCE.findall(text) if name == language]


def page_id(page: Path) -> str:
    return str(page.relative_to(ROOT))


@contextmanager
def running(program: str) -> Iterator[None]:
    with subprocess.Popen([sys.executable, "-c", program]) as process:
        try:
            yield
        finally:
            process.kill()


def test_installed_version_is_that_of_the_project() -> None:
    project = tomllib.loads(read("pyproject.toml"))["project"]
    assert importlib.metadata.version("junto") == project["version"]


def test_users_see_the_types() -> None:
    assert (ROOT / "src/junto/py.typed").is_file()


def test_changelog_names_the_version_or_says_that_it_is_to_come() -> None:
    version = tomllib.loads(read("pyproject.toml"))["project"]["version"]
    headings = re.findall(r"^## (.*)$", read("CHANGELOG.md"), re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert len(headings) == 1 or headings[1].startswith(version)


def test_the_table_of_errors_is_complete() -> None:
    errors = [
        name
        for name in junto.__all__
        if isinstance(found := getattr(junto, name), type) and issubclass(found, Exception)
    ]
    page = read("docs/reference/errors.md")
    assert [name for name in errors if f"junto.{name}`" not in page] == []


def test_the_table_of_options_tells_the_defaults() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `(.*?)` \|", read("docs/reference/options.md"), re.MULTILINE)
    defaults = {field.name: repr(field.default) for field in dataclasses.fields(junto.Options)}
    assert {name: value for name, value in rows if name in defaults} == defaults


def test_the_table_of_options_for_instruments_tells_the_defaults() -> None:
    section = read("docs/reference/options.md").partition("## Options of clients of instruments")[2]
    rows = dict(re.findall(r"^\| `(\w+)` \| `(.*?)` \|", section, re.MULTILINE))
    settings = Settings()
    assert rows == {name: repr(getattr(settings, name)) for name in ClientOptions.__annotations__}


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_every_make_command_on_a_page_is_a_target(page: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))
    commands = set(re.findall(r"^make ([a-z]+)|`make ([a-z]+)", read(page), re.MULTILINE))
    named = {name for pair in commands for name in pair if name}
    assert named
    assert named <= targets


def test_make_test_comes_second_after_make_demo() -> None:
    assert re.findall(r"^make \w+", read("README.md"), re.MULTILINE)[:2] == ["make demo", "make test"]


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_links_to_files_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!\w+:)([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_a_line_of_prose_holds_one_sentence(page: Path) -> None:
    prose = FENCE.sub("", page.read_text(encoding="utf-8"))
    lines = [line for line in prose.splitlines() if not line.startswith(("|", "- ", "  ", "#"))]
    numbered = re.compile(r"^\d+\. ")
    assert [
        line for line in lines if not numbered.match(line) and re.search(r"[.?!] (?=[A-Z`*])", line)
    ] == []


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_the_site_shows_no_code_of_its_own(page: Path) -> None:
    # Code on a page of the site is a file of examples/, included, so that it is run. The README cannot
    # include; what it shows is run below.
    if page != ROOT / "README.md":
        assert blocks(page.read_text(encoding="utf-8"), "python") == []


def wait_for_listener(path: Path, *, timeout: float = 20.0) -> None:
    """Wait until somebody accepts connections at *path*."""
    deadline = time.monotonic() + timeout
    while True:
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(str(path)) == 0:
                return
        assert time.monotonic() < deadline, f"nobody listens at {path}"
        time.sleep(0.01)


def run(program: str) -> None:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_examples_of_the_readme_run(tmp_path: Path) -> None:
    in_asyncio, server, in_trio, in_simpy, client = blocks(read("README.md"), "python")
    tcp = "tcp://127.0.0.1:5555"
    run(in_asyncio.replace(tcp, f"unix://{tmp_path}/aio.sock"))
    run(in_trio.replace(tcp, f"unix://{tmp_path}/trio.sock"))
    run(in_simpy.replace(tcp, f"unix://{tmp_path}/simpy.sock"))
    with running(server.replace(tcp, f"unix://{tmp_path}/sync.sock")):
        wait_for_listener(tmp_path / "sync.sock")
        run(client.replace(tcp, f"unix://{tmp_path}/sync.sock"))
