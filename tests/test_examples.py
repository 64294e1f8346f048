"""Whoever follows a page, command by command, sees what the page shows."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import permutations, takewhile
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import trustme

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
EXAMPLES = ROOT / "examples"
SHOWN = "tcp://127.0.0.1:5555"
FLAVOURS = ("aio", "sync", "trio", "simpy")
# These have tests of their own: a command's, and a program's that junto does not start.
ELSEWHERE = {"agents-at-large.md", "command-line.md", "mosaik.md"}
WITH_TESTS = {"agents_mosaik", "market", "mosaik_demo"}
# Those of simulated worlds are followed in tests/sim.
SHOWS = r"\{literalinclude\} (?!.*/examples/simulation/)"
PAGES = sorted(
    page
    for page in DOCS.glob("*/*.md")
    if page.name not in ELSEWHERE and re.search(SHOWS, page.read_text(encoding="utf-8"))
)
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
PROGRAMS = sorted(path for path in EXAMPLES.rglob("*.py") if "def main()" in path.read_text(encoding="utf-8"))


class Block(NamedTuple):
    """A fenced block, and for the readers of which flavour it is; "" for all."""

    flavour: str
    kind: str
    lines: list[str]


class Command(NamedTuple):
    flavour: str
    program: str
    output: list[str]

    @property
    def serves(self) -> bool:
        return self.output[0].startswith("serving at ")


def blocks(page: Path) -> Iterator[Block]:
    flavour = ""
    lines = iter(page.read_text(encoding="utf-8").splitlines())
    for line in lines:
        if line.startswith(":sync: "):
            flavour = line.removeprefix(":sync: ")
        elif line == ":::":
            flavour = ""
        elif line.startswith("```"):
            yield Block(flavour, line.removeprefix("```"), list(takewhile(lambda line: line != "```", lines)))


def commands(page: Path) -> Iterator[Command]:
    for flavour, kind, lines in blocks(page):
        if kind == "console":
            for shown in "\n".join(lines).removeprefix("$ ").split("\n$ "):
                line, *output = shown.split("\n")
                yield Command(flavour, line.removeprefix("python "), output)


def included(page: Path) -> list[Path]:
    paths = (
        kind.removeprefix("{literalinclude} ") for _, kind, _ in blocks(page) if "literalinclude" in kind
    )
    return [(page.parent / path).resolve() for path in paths]


def make_certificates(page: Path, folder: Path) -> None:
    (script,) = ("\n".join(lines) for _, kind, lines in blocks(page) if kind == "sh")
    if shutil.which("openssl"):
        subprocess.run(["sh", "-e", "-c", script], cwd=folder, check=True, capture_output=True, timeout=30)
        return
    # The commands cannot be tried here; the programs can.
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    for name in ("server", "client"):
        certificate = authority.issue_cert("localhost", "127.0.0.1", common_name=name)
        certificate.private_key_pem.write_to_path(folder / f"{name}.key")
        certificate.cert_chain_pems[0].write_to_path(folder / f"{name}.pem")


class Reader:
    """Follows a page in a folder of its own, one program after the other."""

    def __init__(self, page: Path, folder: Path) -> None:
        self.folder = folder
        # A name instead of a port, which somebody else could have.
        self.url = f"unix://{folder}/s"
        for path in included(page):
            text = path.read_text(encoding="utf-8").replace(SHOWN, self.url)
            (folder / path.name).write_text(text, encoding="utf-8")
        self.server: subprocess.Popen[str] | None = None

    def follow(self, command: Command) -> None:
        argv = [sys.executable, "-W", "error", command.program]
        if command.serves:
            self.stop()
            self.server = subprocess.Popen(
                argv, cwd=self.folder, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True
            )
            assert self.server.stdout is not None
            written = [self.server.stdout.readline().rstrip("\n") for _ in command.output]
        else:
            done = subprocess.run(
                argv, cwd=self.folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=30
            )
            assert (done.returncode, done.stderr) == (0, "")
            written = done.stdout.splitlines()
        assert [line.replace(self.url, SHOWN) for line in written] == command.output

    def stop(self) -> None:
        if self.server is not None:
            self.server.kill()
            self.server.communicate(timeout=10)


@contextmanager
def reading(page: Path, folder: Path) -> Iterator[Reader]:
    reader = Reader(page, folder)
    try:
        yield reader
    finally:
        reader.stop()


def readers() -> Iterator[Any]:
    """Give each page with each flavour that it has something of its own for."""
    for page in PAGES:
        for flavour in sorted({command.flavour for command in commands(page)} - {""}) or [""]:
            yield pytest.param(page, flavour, id="-".join(filter(None, (page.stem, flavour))))


@pytest.mark.parametrize(("page", "calling"), list(readers()))
def test_a_reader_sees_what_the_page_shows(page: Path, calling: str, tmp_path: Path) -> None:
    if page.name == "tls.md":
        make_certificates(page, tmp_path)
    with reading(page, tmp_path) as reader:
        for command in commands(page):
            if command.flavour in (calling, ""):
                reader.follow(command)


@pytest.mark.parametrize(("serving", "calling"), list(permutations(FLAVOURS, 2)))
def test_each_flavour_calls_each_other(serving: str, calling: str, tmp_path: Path) -> None:
    page = DOCS / "tutorial/call-a-function.md"
    with reading(page, tmp_path) as reader:
        for command in commands(page):
            if command.flavour == (serving if command.serves else calling):
                reader.follow(command)


def test_every_program_is_shown_and_run_on_a_page() -> None:
    shown = {path for page in PAGES for path in included(page)}
    run = {
        path for page in PAGES for path in included(page) for c in commands(page) if path.name == c.program
    }
    ours = {path for path in PROGRAMS if path.relative_to(EXAMPLES).parts[0] not in WITH_TESTS}
    assert ours - shown == set()
    assert ours - run == set()


def test_a_program_for_one_flavour_has_its_like_for_the_others() -> None:
    names = {str(path.relative_to(EXAMPLES).with_suffix("")) for path in PROGRAMS}
    in_aio, *others = (
        {name.removesuffix(f"_{f}") for name in names if name.endswith(f"_{f}")} for f in FLAVOURS
    )
    assert in_aio != set()
    for other in others:
        assert other == in_aio
