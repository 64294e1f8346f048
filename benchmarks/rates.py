"""Counting calls per second: each contestant in turn, round after round."""

from __future__ import annotations

from contextlib import ExitStack

from benchmarks.plan import Plan
from benchmarks.processes import ChildFailed, Pair
from benchmarks.report import Progress
from benchmarks.results import LEFT_OUT, Figures, Outcome
from benchmarks.workloads import Contestant, Rate


def measure_rate(workload: Rate, plan: Plan, progress: Progress) -> Outcome:
    outcome = Outcome(workload.name, workload.title, "calls/s")
    racers: list[tuple[Contestant, Figures]] = []
    for contestant in workload.contestants:
        if not plan.wants(contestant.name):
            continue
        figures = Figures(contestant.name, contestant.bars)
        outcome.figures.append(figures)
        if (library := contestant.missing()) is None:
            racers.append((contestant, figures))
        else:
            figures.note = f"{LEFT_OUT}: {library} is not installed"
    with ExitStack() as kept:
        pairs: dict[str, Pair] = {}
        for lap in range(plan.rounds):
            for contestant, figures in racers:
                if figures.failed:
                    continue
                progress.tell(f"{workload.name}: round {lap + 1} of {plan.rounds}: {contestant.name}")
                try:
                    with ExitStack() as stack:
                        pair = pairs.get(contestant.name) or Pair(
                            stack if plan.fresh else kept,
                            contestant.server,
                            contestant.client,
                            plan.placement,
                            contestant.work,
                            workload.connections,
                        )
                        if not plan.fresh:
                            pairs[contestant.name] = pair
                        measured = pair.measure(workload.driver, warm_up=plan.warm_up, seconds=plan.seconds)
                except ChildFailed as error:
                    figures.failed = str(error)
                    continue
                figures.values.append(measured.rate)
                figures.client_cpu.append(measured.client_cpu)
                figures.server_cpu.append(measured.server_cpu)
    return outcome
