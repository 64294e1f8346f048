"""The table in the documentation: layers by runtimes, written from a run of this suite.

    make table

A cell tells how many scenarios were run, and how many of them failed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

__all__ = ["LAYERS", "TRANSPORTS", "Table"]

# In the order of the rows: what a module of this folder is about.
LAYERS: Final = {
    "test_futures": "futures and tasks",
    "test_time": "time",
    "test_protocols": "protocols without I/O",
    "test_waiting": "ways to wait",
    "test_transports": "streams and datagrams",
    "test_tls": "TLS",
    "test_layers_tls": "TLS",
    "test_requests": "requests",
    "test_channel": "channels",
    "test_closing": "closing",
    "test_reconnect": "reconnection",
    "test_adopting": "handlers",
    "test_valves": "limits",
    "test_servers": "servers",
    "test_rpc": "procedure calls",
    "test_references": "references",
    "test_streams": "streams of results",
    "test_vsoa_requests": "VSOA: requests",
    "test_vsoa_sessions": "VSOA: sessions",
    "test_vsoa_publishing": "VSOA: publishing",
    "test_vsoa_slow": "VSOA: publishing",
    "test_vsoa_quick": "VSOA: quick channel",
    "test_vsoa_reconnect": "VSOA: reconnection",
    "test_vsoa_tunnels": "VSOA: streams",
    "test_vsoa_positions": "VSOA: positions",
    "test_vsoa_timers": "VSOA: timers",
    "test_vsoa_services": "VSOA: services",
    "test_agents_calls": "agents: calls",
    "test_agents_connections": "agents: connections",
    "test_agents_messages": "agents: messages",
    "test_agents_life": "agents: life",
}
TRANSPORTS: Final = {"tcp": "TCP", "unix": "unix sockets", "tls": "TLS"}
_BY_TRANSPORT: Final = "any layer, over"


class Table:
    """Counts the outcomes of scenarios, by layer and by runtime."""

    def __init__(self, worlds: Iterable[str]) -> None:
        self._worlds = list(worlds)
        self._run: Counter[tuple[str, str]] = Counter()
        self._failed: Counter[tuple[str, str]] = Counter()

    def add(self, module: str, params: Mapping[str, Any], *, passed: bool) -> None:
        """Count one scenario of *module*, by its parameters ``run`` and, if it has that, ``place``."""
        world = getattr(params.get("run"), "name", None)
        if world is None:
            return
        rows = [LAYERS.get(module, module)]
        if "place" in params:
            rows.append(f"{_BY_TRANSPORT} {TRANSPORTS[params['place']]}")
        for row in rows:
            self._run[row, world] += 1
            self._failed[row, world] += not passed

    def __str__(self) -> str:
        rows = [*dict.fromkeys(LAYERS.values()), *(f"{_BY_TRANSPORT} {name}" for name in TRANSPORTS.values())]
        lines = [
            "| scenarios of | " + " | ".join(self._worlds) + " |",
            "| --- |" + " ---: |" * len(self._worlds),
        ]
        lines += [
            f"| {row} | " + " | ".join(self._cell(row, world) for world in self._worlds) + " |"
            for row in rows
        ]
        return "\n".join(lines) + "\n"

    def _cell(self, row: str, world: str) -> str:
        failed = self._failed[row, world]
        return f"{failed} of {self._run[row, world]} fail" if failed else str(self._run[row, world])

    def write(self, path: Path) -> None:
        path.write_text(str(self), encoding="utf-8")
