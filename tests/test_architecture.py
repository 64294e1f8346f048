"""The architecture, read from the imports of the package.

    applications -> flavours -> layers -> waiting, clock -> runtime -> address -> errors
                                layers -> sansio -> codecs -> errors
                    flavours -> runtimes -> sansio.tls, runtime, address, errors
                                never layers <-> runtimes

The rules stand first. Then the checks: each returns the faults it found, as sentences. Then the tests, which
ask the checks about junto, and see each check fail on a tree that breaks its rule.
"""

from __future__ import annotations

import ast
import graphlib
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# A module's place is that of the longest name that fits: sansio.tls is found before sansio. What is not named
# is a layer, the place with the narrowest choice: neither a flavour nor a runtime is in its reach.
PLACES = {
    "": "front",
    "__main__": "application",
    "address": "address",
    "agents.aio": "flavour",
    "agents.hosting": "application",
    "agents.simpy": "flavour",
    "agents.simpycontainers": "binding",
    "agents.sync": "flavour",
    "agents.trio": "flavour",
    "aio": "flavour",
    "blosc": "codec",
    "cli": "application",
    "clock": "waiting",
    "codecs": "codec",
    "compat": "application",
    "compat.aiomas": "binding",
    "custom_types": "codec",
    "errors": "errors",
    "instrument.aio": "binding",
    "instrument.errors": "errors",
    "instrument.simulated": "flavour",
    "instrument.sync": "binding",
    "instrument.trio": "binding",
    "mosaik": "application",
    "pytest_plugin": "application",
    "piping": "runtime",
    "runtime": "runtime",
    "runtimes": "runtimes",
    "sansio": "sansio",
    "sansio.tls": "sansio.tls",
    "sim": "sim",
    "sim.__main__": "application",
    "sim.errors": "errors",
    "simpy": "flavour",
    "simpy.facades": "binding",
    "simpy.virtual": "virtual",
    "sync": "flavour",
    "testing": "application",
    "trio": "flavour",
    "vsoa.aio": "flavour",
    "vsoa.simpy": "flavour",
    "vsoa.simpyclients": "binding",
    "vsoa.simpyservers": "binding",
    "vsoa.sync": "flavour",
    "vsoa.trio": "flavour",
    "waiting": "waiting",
}

BELOW_FLAVOURS = frozenset({"layer", "waiting", "sansio", "codec", "runtime", "address", "errors"})

# From a place to those that it may import from. Only an application imports an application or a flavour.
ARROWS: dict[str, frozenset[str]] = {
    "errors": frozenset({"errors"}),
    "address": frozenset({"errors"}),
    "runtime": frozenset({"runtime", "address", "errors"}),
    "codec": frozenset({"codec", "errors"}),
    "sansio": frozenset({"sansio", "codec", "errors"}),
    "sansio.tls": frozenset({"sansio", "errors"}),
    "waiting": frozenset({"waiting", "runtime", "address", "errors"}),
    "runtimes": frozenset({"runtimes", "sansio.tls", "runtime", "address", "errors"}),
    "layer": BELOW_FLAVOURS,
    "front": BELOW_FLAVOURS,
    "binding": BELOW_FLAVOURS | {"binding", "runtimes"},
    "flavour": BELOW_FLAVOURS | {"binding", "runtimes", "sansio.tls"},
    "sim": frozenset({"sim", "sansio", "codec", "runtimes", "errors"}),
    # The one way of a flavour into the simulated world: SimPy's users know a virtual network as a backend.
    "virtual": BELOW_FLAVOURS | {"runtimes", "sim"},
    "application": BELOW_FLAVOURS | {"sim", "virtual"} | {"application", "flavour", "front"},
}

WORLDS = frozenset({"asyncio", "select", "selectors", "simpy", "socket", "socketserver", "trio", "uvloop"})
IMPURE = WORLDS | {
    "concurrent",
    "multiprocessing",
    "random",
    "secrets",
    "ssl",
    "subprocess",
    "threading",
    "time",
}

# From a place to the modules from elsewhere that it must do without.
FORBIDDEN: dict[str, frozenset[str]] = {
    "errors": IMPURE,
    "address": IMPURE,
    "codec": IMPURE,
    "sansio": IMPURE,
    "sansio.tls": IMPURE - {"ssl"},
    "runtime": WORLDS,
    "waiting": WORLDS,
    "layer": WORLDS,
    "front": WORLDS,
}

# Names that say where code was put, not what it is.
EMPTY_NAMES = frozenset({"base", "common", "core", "helpers", "misc", "util", "utils"})
MAX_LINES = 400

# Each tells one story in several modules: a program of its own, or what one optional dependency is wrapped in.
WHOLE_PACKAGES = (
    "junto.cli",
    "junto.runtimes.simpy",
    "junto.runtimes.trio",
    "junto.sim.trio_hosts",
    "junto.simpy",
)


@dataclass(frozen=True)
class Import:
    """One imported name, and whether importing its module is enough to need it."""

    target: str
    line: int
    at_once: bool


@dataclass(frozen=True)
class Module:
    name: str
    is_package: bool
    source: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.source)

    @property
    def place(self) -> str:
        name = self.name.partition(".")[2]
        while name not in PLACES and "." in name:
            name = name.rpartition(".")[0]
        return PLACES.get(name, "layer")


class Package:
    """The modules of ``src/junto`` under *root*, by name."""

    def __init__(self, root: Path) -> None:
        self.modules: dict[str, Module] = {}
        for path in sorted((root / "src").rglob("*.py")):
            parts = path.relative_to(root / "src").with_suffix("").parts
            is_package = parts[-1] == "__init__"
            name = ".".join(parts[:-1] if is_package else parts)
            self.modules[name] = Module(name, is_package, path.read_text(encoding="utf-8"))

    def imports(self, module: Module) -> Iterator[Import]:
        """Find all imports of *module*, in functions and for types too."""
        yield from self._imports(module, module.tree, at_once=True)

    def _imports(self, module: Module, node: ast.AST, *, at_once: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                for alias in child.names:
                    yield Import(alias.name, child.lineno, at_once)
            elif isinstance(child, ast.ImportFrom):
                source = self._absolute(module, child)
                for alias in child.names:
                    name = f"{source}.{alias.name}"
                    yield Import(name if name in self.modules else source, child.lineno, at_once)
            elif (
                isinstance(child, ast.Call)
                and ast.unparse(child.func).rpartition(".")[2] in ("import_module", "__import__")
                and child.args
                and isinstance(child.args[0], ast.Constant)
            ):
                yield Import(str(child.args[0].value), child.lineno, at_once=False)
            else:
                later = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) or (
                    isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
                )
                yield from self._imports(module, child, at_once=at_once and not later)

    def _absolute(self, module: Module, node: ast.ImportFrom) -> str:
        if node.level == 0:
            return node.module or ""
        parts = module.name.split(".")
        parts = parts[: len(parts) - node.level + module.is_package]
        return ".".join([*parts, node.module] if node.module else parts)

    def is_own(self, target: str) -> bool:
        return target.partition(".")[0] == "junto"

    def place_of(self, target: str) -> str:
        return self.modules.get(target, Module(target, False, "")).place


def wrong_arrows(package: Package) -> list[str]:
    return [
        f"{module.name}:{found.line} ({module.place}) must not import {found.target} "
        f"({package.place_of(found.target)})"
        for module in package.modules.values()
        for found in package.imports(module)
        if package.is_own(found.target)
        and package.place_of(found.target) not in ARROWS[module.place]
        and not (found.target.startswith("junto.") and one_place(found.target) == one_place(module.name))
    ]


def forbidden_imports(package: Package) -> list[str]:
    return [
        f"{module.name}:{found.line} ({module.place}) must do without {found.target}"
        for module in package.modules.values()
        for found in package.imports(module)
        if found.target.partition(".")[0] in FORBIDDEN.get(module.place, ())
    ]


def circles(package: Package) -> list[str]:
    """Find modules that need each other to be imported at all."""
    graph = {
        module.name: {
            found.target
            for found in package.imports(module)
            if found.at_once and found.target in package.modules and found.target != module.name
        }
        for module in package.modules.values()
    }
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return [f"these import each other: {' <- '.join(error.args[1])}"]
    return []


def declared_dependencies(root: Path) -> tuple[set[str], set[str]]:
    """Read the names that junto always has and those that come with an extra."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    def names(requirements: list[str]) -> set[str]:
        return {re.split(r"[^\w-]", requirement)[0].replace("-", "_") for requirement in requirements}

    extras = project.get("optional-dependencies", {}).values()
    return names(project["dependencies"]), set().union(*map(names, extras))


def one_place(name: str) -> str:
    """Name the package that counts as one place for a module, or the module itself."""
    for package in WHOLE_PACKAGES:
        if name == package or name.startswith(f"{package}."):
            return package
    return name


def misplaced_dependencies(package: Package, required: set[str], optional: set[str]) -> list[str]:
    """Find what is imported and not declared, and extras that are imported in more than one place.

    The simulated world stands beside all the rest, so it has places of its own.
    """
    faults = []
    users: dict[tuple[str, bool], set[str]] = {}
    for module in package.modules.values():
        for found in package.imports(module):
            name = found.target.partition(".")[0]
            if name in optional:
                in_world = module.name.startswith("junto.sim.")
                users.setdefault((name, in_world), set()).add(one_place(module.name))
            elif name not in required | {"junto"} | sys.stdlib_module_names:
                faults.append(
                    f"{module.name}:{found.line} imports {name}, which pyproject.toml does not name"
                )
    faults += [
        f"{name} is optional, and imported in {' and in '.join(sorted(modules))}"
        for (name, _), modules in users.items()
        if len(modules) > 1
    ]
    return faults


def constants_classes_functions(name: str) -> tuple[int, str]:
    """Sort as ruff does."""
    return (0 if name.isupper() else 1 if name[:1].isupper() else 2, name)


def bad_exports(package: Package) -> list[str]:
    """Find modules whose ``__all__`` is missing, computed or out of order, and imports of ``*``."""
    faults = []
    for module in package.modules.values():
        body = module.tree.body
        if any(
            isinstance(node, ast.ImportFrom) and node.names[0].name == "*" for node in ast.walk(module.tree)
        ):
            faults.append(f"{module.name} imports *")
        only_text = all(isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) for node in body)
        if only_text or module.name.endswith("__main__"):
            continue
        values = [
            node.value
            for node in body
            if isinstance(node, ast.Assign)
            and [ast.unparse(target) for target in node.targets] == ["__all__"]
        ]
        try:
            (value,) = values
            names = ast.literal_eval(value)
        except ValueError:
            faults.append(f"{module.name} needs one __all__, written out")
            continue
        in_order = sorted(set(names), key=constants_classes_functions)
        if list(names) != in_order:
            faults.append(f"{module.name} has an __all__ out of order; it should be {in_order}")
    return faults


def warehouses(package: Package) -> list[str]:
    """Find modules with more than one story, or a name that tells none."""
    faults = []
    for module in package.modules.values():
        lines = module.source.count("\n")
        if lines > MAX_LINES:
            faults.append(
                f"{module.name} has {lines} lines, more than {MAX_LINES}: look for the second story"
            )
        # A predecessor's module has the name that its programs import.
        theirs = module.name.startswith("junto.compat.")
        if not theirs and module.name.rpartition(".")[2].strip("_") in EMPTY_NAMES:
            faults.append(f"{module.name} needs a name that says what it is")
    return faults


@pytest.fixture(scope="module")
def junto() -> Package:
    return Package(ROOT)


def test_there_is_something_to_read(junto: Package) -> None:
    assert {"junto.errors", "junto.runtime", "junto.sansio", "junto.runtimes"} <= junto.modules.keys()


@pytest.mark.parametrize(
    "check",
    [wrong_arrows, forbidden_imports, circles, bad_exports, warehouses],
    ids=lambda check: check.__name__,
)
def test_junto_keeps_to_its_architecture(check: Callable[[Package], list[str]], junto: Package) -> None:
    assert check(junto) == []


def test_dependencies_are_declared_and_an_optional_one_has_one_place(junto: Package) -> None:
    assert misplaced_dependencies(junto, *declared_dependencies(ROOT)) == []


def run_fresh(program: str) -> str:
    """Run *program* in a Python that has imported nothing yet; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("module", ["junto", "junto.sync"])
def test_importing_starts_no_thread_and_loads_neither_asyncio_nor_an_extra(module: str) -> None:
    unwanted = {"asyncio", *declared_dependencies(ROOT)[1]}
    found = f"threading.active_count(), *({unwanted} & sys.modules.keys())"
    program = f"import sys, threading, {module}; print({found})"
    assert run_fresh(program) == "1"


# The checks themselves, on trees that break one rule each.


TREE = [
    "__init__.py",
    "address.py",
    "aio.py",
    "channel.py",
    "cli/__init__.py",
    "cli/output.py",
    "codecs.py",
    "errors.py",
    "mosaik.py",
    "runtime.py",
    "runtimes/__init__.py",
    "runtimes/threads.py",
    "sansio/__init__.py",
    "sansio/packets.py",
    "sansio/tls.py",
    "sync.py",
    "waiting.py",
]


def make_package(root: Path, files: dict[str, str]) -> Package:
    for name, source in files.items():
        path = root / "src" / "junto" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    return Package(root)


@pytest.mark.parametrize(
    ("path", "source", "target"),
    [
        ("channel.py", "from junto import aio", "junto.aio"),
        ("channel.py", "from junto.runtimes import threads", "junto.runtimes.threads"),
        ("channel.py", "from .runtimes.threads import ThreadsRuntime", "junto.runtimes.threads"),
        ("channel.py", "def late():\n    import junto.aio", "junto.aio"),
        ("channel.py", "import importlib\nimportlib.import_module('junto.aio')", "junto.aio"),
        ("channel.py", "from junto import expose", "junto"),
        ("runtimes/threads.py", "from junto.channel import Channel", "junto.channel"),
        ("runtimes/threads.py", "from ..channel import Channel", "junto.channel"),
        ("runtimes/threads.py", "from junto.sansio.packets import MAX_SIZE", "junto.sansio.packets"),
        ("runtimes/__init__.py", "from . import threads\nfrom .. import channel", "junto.channel"),
        ("sansio/packets.py", "from junto.waiting import Deadline", "junto.waiting"),
        ("sansio/packets.py", "from junto.runtime import Future", "junto.runtime"),
        ("codecs.py", "from junto.sansio import packets", "junto.sansio.packets"),
        ("waiting.py", "from junto.channel import Channel", "junto.channel"),
        ("runtime.py", "from junto.waiting import Deadline", "junto.waiting"),
        ("errors.py", "from junto.address import Address", "junto.address"),
        ("aio.py", "from junto import sync", "junto.sync"),
        ("aio.py", "from junto.cli import main", "junto.cli"),
        ("__init__.py", "from junto import sync", "junto.sync"),
        ("mosaik.py", "from junto.runtimes.threads import ThreadsRuntime", "junto.runtimes.threads"),
        ("unheard_of.py", "from junto.mosaik import Simulator", "junto.mosaik"),
    ],
)
def test_a_wrong_arrow_is_found(path: str, source: str, target: str, tmp_path: Path) -> None:
    package = make_package(tmp_path, dict.fromkeys(TREE, "") | {path: source})
    (fault,) = wrong_arrows(package)
    assert f"must not import {target} " in fault


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("aio.py", "from junto.runtimes import threads\nfrom junto.channel import Channel"),
        ("channel.py", "from junto.sansio import packets\nfrom junto.waiting import Deadline"),
        ("cli/__init__.py", "from junto import expose, sync\nfrom junto.cli import output"),
        ("mosaik.py", "from junto import aio, errors"),
        ("runtime.py", "if TYPE_CHECKING:\n    from junto.address import Address"),
        (
            "runtimes/threads.py",
            "from junto.sansio.tls import TLSFilter\nfrom junto.errors import JuntoError",
        ),
        ("sansio/messages.py", "from junto.codecs import Codec\nfrom .packets import PacketReader"),
    ],
)
def test_a_right_arrow_is_none_of_our_business(path: str, source: str, tmp_path: Path) -> None:
    package = make_package(tmp_path, dict.fromkeys(TREE, "") | {path: source})
    assert wrong_arrows(package) == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("sansio/packets.py", "import time"),
        ("sansio/packets.py", "from socket import socket"),
        ("sansio/messages.py", "def later():\n    import asyncio.events"),
        ("sansio/messages.py", "import ssl"),
        ("sansio/tls.py", "import ssl, select"),
        ("codecs.py", "import random"),
        ("channel.py", "if TYPE_CHECKING:\n    import asyncio"),
    ],
)
def test_a_forbidden_import_is_found(path: str, source: str, tmp_path: Path) -> None:
    assert len(forbidden_imports(make_package(tmp_path, {path: source}))) == 1


def test_tls_may_import_ssl_and_runtimes_their_world(tmp_path: Path) -> None:
    files = {
        "sansio/tls.py": "import ssl",
        "runtimes/asyncio.py": "import asyncio",
        "channel.py": "import ssl",
    }
    assert forbidden_imports(make_package(tmp_path, files)) == []


def test_a_circle_is_found_unless_one_of_its_imports_is_late(tmp_path: Path) -> None:
    files = {"rpc.py": "from junto.proxy import Proxy", "proxy.py": "from junto import rpc"}
    (fault,) = circles(make_package(tmp_path, files))
    assert "junto.rpc" in fault
    assert "junto.proxy" in fault
    late = files | {
        "proxy.py": "if TYPE_CHECKING:\n    from junto import rpc\ndef make():\n    import junto.rpc"
    }
    assert circles(make_package(tmp_path, late)) == []


def test_dependencies_in_the_wrong_place_are_found(tmp_path: Path) -> None:
    files = {
        "aio.py": "import msgspec, uvloop",
        "runtimes/asyncio.py": "import asyncio, uvloop",
        "cli/__init__.py": "import click",
        "cli/output.py": "import click.testing\nimport requests",
    }
    faults = misplaced_dependencies(make_package(tmp_path, files), {"msgspec"}, {"click", "uvloop"})
    assert faults == [
        "junto.cli.output:2 imports requests, which pyproject.toml does not name",
        "uvloop is optional, and imported in junto.aio and in junto.runtimes.asyncio",
    ]


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("x = 1", "needs one __all__"),
        ("names = ['x']\n__all__ = names", "needs one __all__"),
        ("__all__ = ['x']\n__all__ = ['y']", "needs one __all__"),
        ("__all__ = ['beta', 'Alpha', 'ZERO']", "should be ['ZERO', 'Alpha', 'beta']"),
        ("__all__ = ['x', 'x']", "should be ['x']"),
        ("from junto.errors import *\n__all__ = []", "imports *"),
    ],
)
def test_a_bad_export_is_found(source: str, fault: str, tmp_path: Path) -> None:
    (found,) = bad_exports(make_package(tmp_path, {"channel.py": source}))
    assert fault in found


def test_a_package_that_is_only_a_text_needs_no_exports(tmp_path: Path) -> None:
    assert bad_exports(make_package(tmp_path, {"sansio/__init__.py": '"""Protocols."""\n', "b.py": ""})) == []


@pytest.mark.parametrize("path", ["utils.py", "_common.py", "sansio/core.py", "helpers/__init__.py"])
def test_an_empty_name_is_found(path: str, tmp_path: Path) -> None:
    (fault,) = warehouses(make_package(tmp_path, {path: ""}))
    assert "needs a name" in fault


def test_a_module_that_is_too_long_is_found(tmp_path: Path) -> None:
    files = {"long.py": "\n" * (MAX_LINES + 1), "short.py": "\n" * MAX_LINES}
    (fault,) = warehouses(make_package(tmp_path, files))
    assert fault.startswith("junto.long has 401 lines")
