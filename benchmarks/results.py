"""What was measured, and how it compares."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import Any, Literal

LEFT_OUT = "left out"
"""How a note begins that tells why there are no figures, and that nobody is to blame."""


@dataclass(frozen=True)
class Bar:
    """What a contestant is to reach.

    Attributes:
        baseline: Whom it is compared with: the best of these in each round; nobody if empty, and then
            the figure itself is looked at.
        limit: What is asked for; ``None`` to compare only.
        sense: Which side of the limit is good.
        how: Whether figures are divided, or the baseline's is subtracted.
    """

    baseline: tuple[str, ...] = ()
    limit: float | None = None
    sense: Literal["at least", "at most"] = "at least"
    how: Literal["ratio", "difference"] = "ratio"

    @property
    def against(self) -> str:
        return " or ".join(self.baseline)


@dataclass
class Figures:
    """One contestant's figures, one for each round.

    Attributes:
        values: In the workload's unit.
        client_cpu: Processor time of the client, in seconds per call.
        server_cpu: The server's.
        failed: Why there are no (more) figures.
        note: What else there is to say.
    """

    name: str
    bars: tuple[Bar, ...] = ()
    values: list[float] = field(default_factory=list)
    client_cpu: list[float] = field(default_factory=list)
    server_cpu: list[float] = field(default_factory=list)
    failed: str = ""
    note: str = ""


@dataclass(frozen=True)
class Comparison:
    """A figure beside its bar.

    Attributes:
        value: The median of what was compared round by round.
        by_cpu: The same ratio if only processor time counted: the baseline's by the contestant's. A
            busy machine hardly touches it.
    """

    bar: Bar
    value: float
    by_cpu: float | None = None

    @property
    def met(self) -> bool | None:
        if self.bar.limit is None:
            return None
        return self.value >= self.bar.limit if self.bar.sense == "at least" else self.value <= self.bar.limit


@dataclass
class Outcome:
    """A workload that was measured."""

    name: str
    title: str
    unit: str
    figures: list[Figures] = field(default_factory=list)

    def compare(self, figures: Figures) -> list[Comparison]:
        """Compare round by round, so that a slow minute of the machine counts on both sides."""
        comparisons = []
        for bar in figures.bars:
            values, by_cpu = figures.values, None
            if bar.baseline:
                baselines = [other for other in self.figures if other.name in bar.baseline and other.values]
                # One that failed on the way has fewer rounds.
                best = [max(lap) for lap in zip(*(other.values for other in baselines), strict=False)]
                laps = zip(values, best, strict=False)
                values = [own / base if bar.how == "ratio" else own - base for own, base in laps]
                if best and bar.how == "ratio":
                    by_cpu = _by_cpu(max(baselines, key=lambda other: median(other.values)), figures)
            if values:
                comparisons.append(Comparison(bar, median(values), by_cpu))
        return comparisons

    def as_json(self) -> dict[str, Any]:
        rows = []
        for figures in self.figures:
            row: dict[str, Any] = {"name": figures.name, "values": figures.values}
            if figures.values:
                row["median"] = median(figures.values)
            if figures.client_cpu:
                row["cpu_seconds_per_call"] = {
                    "client": median(figures.client_cpu),
                    "server": median(figures.server_cpu),
                }
            if figures.failed:
                row["failed"] = figures.failed
            if figures.note:
                row["note"] = figures.note
            row["comparisons"] = [
                {
                    "baseline": list(comparison.bar.baseline),
                    "how": comparison.bar.how,
                    "value": comparison.value,
                    "value_by_cpu": comparison.by_cpu,
                    "sense": comparison.bar.sense,
                    "limit": comparison.bar.limit,
                    "met": comparison.met,
                }
                for comparison in self.compare(figures)
            ]
            rows.append(row)
        return {"name": self.name, "title": self.title, "unit": self.unit, "rows": rows}


def _by_cpu(base: Figures, own: Figures) -> float | None:
    laps = zip(base.client_cpu, base.server_cpu, own.client_cpu, own.server_cpu, strict=False)
    ratios = [
        (base_client + base_server) / (own_client + own_server)
        for base_client, base_server, own_client, own_server in laps
        if own_client + own_server > 0
    ]
    return median(ratios) if ratios else None
