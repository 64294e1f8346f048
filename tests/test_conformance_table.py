"""The table of layers by runtimes in the documentation, which a run of the conformance suite writes."""

from __future__ import annotations

import re
from pathlib import Path

from tests.conformance.table import LAYERS, TRANSPORTS, Table
from tests.conformance.worlds import WORLDS

ROOT = Path(__file__).parent.parent


class Parameter:
    def __init__(self, name: str) -> None:
        self.name = name


def test_every_module_of_the_suite_has_its_line() -> None:
    modules = {path.stem for path in (ROOT / "tests/conformance").glob("test_*.py")}
    assert modules == LAYERS.keys()


def test_outcomes_are_counted_by_layer_transport_and_runtime() -> None:
    table = Table(["here", "there"])
    table.add("test_rpc", {"run": Parameter("here"), "place": "tls"}, passed=True)
    table.add("test_rpc", {"run": Parameter("here")}, passed=True)
    table.add("test_rpc", {"run": Parameter("there")}, passed=False)
    table.add("test_rpc", {}, passed=True)
    lines = str(table).splitlines()
    assert "| procedure calls | 2 | 1 of 1 fail |" in lines
    assert "| any layer, over TLS | 1 | 0 |" in lines


def test_the_table_in_the_documentation_names_all_runtimes_and_no_failure() -> None:
    head, _, *rows = (ROOT / "docs/reference/layers-by-runtimes.inc").read_text().splitlines()
    assert re.findall(r"[\w-]+(?= \|)", head)[1:] == [world.name for world in WORLDS]
    assert len(rows) == len(dict.fromkeys(LAYERS.values())) + len(TRANSPORTS)
    for row in rows:
        cells = row.split(" | ")[1:]
        assert all(re.fullmatch(r"[1-9]\d*( \|)?", cell) for cell in cells), row
