"""How the site is built; ``make docs`` builds it, and a warning fails it."""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parent))
import timelines

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "junto"
author = "The junto developers"
project_copyright = "The junto developers"
release = importlib.metadata.version("junto")
version = release

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx_design",
]
exclude_patterns = ["_build", "_templates"]
templates_path = ["_templates"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

# One page per module, made from the docstrings; it lists what the module's `__all__` promises.
autosummary_mock_imports = ["junto.__main__", "junto.sim.__main__"]  # to import them is to run the command
autosummary_ignore_module_all = (
    True  # a package has a page for each of its modules, also those it does not export
)
autodoc_member_order = "bysource"
napoleon_numpy_docstring = False
napoleon_use_ivar = True
# A name in a docstring leads to its page.
default_role = "py:obj"

nitpicky = True
nitpick_ignore_regex = [
    # What a docstring names may be a parameter, a method of a typing protocol or a builtin, and have no page.
    # A name that is written out in full is meant to lead there, and has to.
    (r"py:obj", r"(?!junto\.).*"),
    # Type variables have no page.
    (r"py:.*", r"junto\.(.*\.)?[A-Z](_co)?"),
    # An annotation without a module is an alias or a type variable; type checkers see to it that it exists.
    (r"py:class", r"\w+"),
    # A type in a text is cut at its comma.
    (r"py:class", r"\w+\[\w+"),
    # What an annotation of an inner module names, and only that module uses.
    (r"py:class", r"junto\.exposing\.Exposed"),
    # A private base class is shown, and has no page.
    (r"py:class", r"junto\.(.*\.)?_\w+"),
    # Inside the simulated world; what is offered of it is offered by these packages.
    (r"py:.*", r"junto\.sim\.(?!(network|standins)\.[A-Z])\w+\..*"),
    # The standard library, msgspec, SimPy and trio: their inventories would have to be fetched.
    (r"py:.*", rf"({'|'.join(sorted(sys.stdlib_module_names))}|msgspec|simpy|trio)\..*"),
]
# The flavours share their names, and an annotation that is imported for types only does not tell its module.
suppress_warnings = ["ref.python"]

FLAVOURS = {"aio", "simpy", "sync", "trio"}

html_theme = "furo"
html_title = "junto"


def keep_colons(_app: Sphinx, what: str, _name: str, _obj: Any, _options: Any, lines: list[str]) -> None:
    """Undo that napoleon takes what stands before a colon in an attribute's first line as its type."""
    types = [line for line in lines if line.startswith(":type: ")]
    if what in ("attribute", "data", "property") and types:
        lines.remove(types[0])
        lines[0] = f"{types[0].removeprefix(':type: ')}: {lines[0]}"


def keep_indented(_app: Sphinx, what: str, _name: str, _obj: Any, _options: Any, lines: list[str]) -> None:
    """Show code and tables in the text of a module as they stand there, and not as quotations."""
    apart = [
        number for number, line in enumerate(lines) if number and line[:4] == "    " and not lines[number - 1]
    ]
    for number in reversed(apart) if what == "module" else ():
        before = next(line for line in reversed(lines[:number]) if line)
        if not before.startswith(" ") and not before.endswith("::"):
            lines[number:number] = ["::", ""]


def write_timelines(app: Sphinx, exception: Exception | None) -> None:
    """Make the runs that the pages show, and write theirs."""
    if exception is None and app.builder.format == "html":
        folder = Path(app.outdir) / "simulation"
        folder.mkdir(exist_ok=True)
        for name in timelines.TIMELINES:
            (folder / f"{name}.html").write_text(timelines.page(name), encoding="utf-8", newline="\n")


def read_flavours_last(_app: Sphinx, _env: Any, names: list[str]) -> None:
    """Have each class described where it is before the flavours, several of them, offer it as theirs."""
    names.sort(key=lambda name: name.rpartition(".")[2] in FLAVOURS)


def setup(app: Sphinx) -> None:
    app.connect("env-before-read-docs", read_flavours_last)
    app.connect("autodoc-process-docstring", keep_colons, priority=600)  # after napoleon's 500
    app.connect("autodoc-process-docstring", keep_indented)
    app.connect("build-finished", write_timelines)
