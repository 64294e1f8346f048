"""A simulator on mosaik's own package, in mosaik's process: it keeps all that it is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mosaik_api_v3

META = {
    "type": "time-based",
    "models": {"Series": {"public": True, "any_inputs": True, "params": [], "attrs": []}},
}


class Recorder(mosaik_api_v3.Simulator):
    """Keeps, for each attribute that is connected to it, its value at each step."""

    def __init__(self, progress: Callable[[int], object]) -> None:
        super().__init__(META)
        self.progress = progress
        self.times: list[int] = []
        self.series: dict[str, list[float]] = {}

    def init(self, sid: str, time_resolution: float = 1.0, step_size: int = 60) -> dict[str, Any]:
        self.step_size = step_size
        return self.meta

    def create(self, num: int, model: str) -> list[dict[str, Any]]:
        return [{"eid": "series", "type": model}]

    def step(self, time: int, inputs: dict[str, Any], max_advance: int) -> int:
        self.times.append(time)
        for attribute, values in inputs["series"].items():
            for source, value in values.items():
                self.series.setdefault(f"{source.partition('.')[2]}.{attribute}", []).append(value)
        self.progress(time + self.step_size)
        return time + self.step_size
