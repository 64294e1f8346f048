"""``junto.cli.main``, before there is a command."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click
import pytest

from junto.cli.commands import _junto

from .conftest import Commands, Outcome, Run


@pytest.mark.parametrize("name", ["click", "rich"])
def test_a_missing_extra_is_told_with_what_to_install(
    name: str, junto: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    sentence = f"the junto command needs {name}: pip install 'junto[cli]'"
    outcome = junto("ping", "tcp://127.0.0.1:1")
    assert (outcome.code, outcome.out, outcome.err) == (2, "", f"junto: {sentence}\n")
    outcome = junto("ping", "tcp://127.0.0.1:1", "--json")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.error == {"kind": "input", "message": sentence, "exit_code": 2}


def test_without_the_extra_main_can_be_imported_in_a_new_process(commands: Commands) -> None:
    program = (
        "import sys; sys.modules.update(click=None, rich=None); from junto.cli import main; sys.exit(main())"
    )
    outcome = commands.run("--help", program=("-c", program))
    assert (outcome.code, outcome.err) == (
        2,
        "junto: the junto command needs click and rich: pip install 'junto[cli]'\n",
    )


@pytest.mark.parametrize("group", ["agents", "certs", "instrument", "position", "sim"])
def test_a_group_of_commands_without_the_name_of_one_shows_its_help(group: str, junto: Run) -> None:
    outcome = junto(group)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome == junto(group, "--help")


def helps(command: click.Command, *words: str) -> Iterator[tuple[str, ...]]:
    """Give the words for the help of *command* and of all below it."""
    yield *words, "--help"
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from helps(below, *words, name)


@pytest.mark.parametrize("words", list(helps(_junto)), ids=" ".join)
def test_help_is_laid_out(words: tuple[str, ...], junto: Run) -> None:
    outcome = junto(*words)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith(" ".join(["Usage: junto", *words[:-1]]))
    assert "\\b" not in outcome.out  # what tells click to keep lines as they are


def test_the_version_is_that_of_what_is_installed(junto: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.version", {"junto": "7.8.9"}.__getitem__)
    assert junto("--version") == Outcome(0, "junto 7.8.9\n", "")


@pytest.mark.parametrize(("name", "code"), [("add", 0), ("frobnicate", 3)])
def test_a_process_without_output_ends_as_any_other(
    name: str, code: int, commands: Commands, url: str
) -> None:
    program = "import sys; sys.stdout = sys.stderr = None; from junto.cli import main; sys.exit(main())"
    assert commands.run("call", url, name, "1", "2", program=("-c", program)) == Outcome(code, "", "")


def test_importing_it_imports_neither_an_extra_nor_an_event_loop(commands: Commands) -> None:
    program = "import sys, junto.cli; print({'click', 'rich', 'asyncio', 'ssl'} & sys.modules.keys())"
    assert commands.run(program=("-c", program)).out == "set()\n"
