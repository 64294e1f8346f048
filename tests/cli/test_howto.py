"""The page about the command shows what the command does."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

from .conftest import Commands, bounded, interrupt

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/howto/command-line.md"
SERVICE = ROOT / "examples/command_line/math_service.py"
SHOWN = "tcp://127.0.0.1:5555"


def blocks(language: str) -> list[str]:
    return re.findall(
        rf"^```{language}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )


def without_times(text: str) -> str:
    return re.sub(r"\d+\.\d{3} ms", "0.000 ms", text)


def test_the_page_shows_what_the_command_writes(commands: Commands, tmp_path: Path) -> None:
    shutil.copy(SERVICE, tmp_path)
    serving, *others = blocks("console")
    line, *expected = serving.splitlines()
    server = commands.start(*shlex.split(line.removeprefix("$ junto ").replace(SHOWN, "tcp://127.0.0.1:0")))
    with bounded(server) as (out, _):
        first, *table = [out.readline().rstrip("\n") for _ in expected]
    url = first.removeprefix("serving at ")
    assert [first.replace(url, SHOWN), *table] == expected

    wrong: list[tuple[str, str]] = []
    for block in others:
        for shown in block.removeprefix("$ ").split("\n$ "):
            line, _, text = shown.partition("\n")
            outcome = commands.run(*shlex.split(line.removeprefix("junto ").replace(SHOWN, url)))
            written = (outcome.out + outcome.err).replace(url, SHOWN)
            if without_times(written).rstrip("\n") != without_times(text).rstrip("\n"):
                wrong.append((line, written))
    assert wrong == []
    assert interrupt(server).code == 0
