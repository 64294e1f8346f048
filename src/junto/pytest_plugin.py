"""The plugin of pytest: tests of `junto.sim.test` run with many seeds, and a failure is told as one.

It is loaded wherever junto is installed, so it imports the simulated world only for a test that wants it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from junto.sim.exploring import Settings
    from junto.sim.scenarios import Scenario
    from junto.sim.trace import Level
    from junto.sim.workers import MakeWorker

__all__ = ["pytest_addoption", "pytest_pyfunc_call", "pytest_terminal_summary", "sim_loop"]

_PIPES = "JUNTO_SIM_PIPES"  # as in junto.sim.serving
_LINE = "junto.sim"  # the name of the property under which a test's line goes to the summary


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options whose names begin with ``--sim``."""
    group = parser.getgroup("sim", "simulated worlds (junto.sim)")
    group.addoption("--sim-seeds", type=int, metavar="N", help="how many seeds each test runs")
    group.addoption("--sim-seed", type=int, metavar="S", help="run this seed only")
    group.addoption(
        "--sim-time",
        type=float,
        metavar="SECONDS",
        help="search so long in each test, instead of a number of seeds",
    )
    group.addoption(
        "--sim-jobs",
        type=int,
        metavar="N",
        help="how many processes search  [one on each processor, 1 under xdist]",
    )
    group.addoption("--sim-replay", metavar="FILE", help="make the run of a .sim.json again")
    group.addoption(
        "--sim-mode",
        choices=("natural", "adversarial"),
        default="natural",
        help="whether only orders occur that the standard loop produces  [natural]",
    )
    group.addoption(
        "--sim-trace",
        choices=("off", "net", "turns", "all"),
        default="net",
        help="what is recorded of a failure  [net]",
    )
    group.addoption("--sim-audit", action="store_true", help="find what bypasses the simulation")
    group.addoption(
        "--sim-check",
        action="store_true",
        help="run each seed twice, the second time in a fresh process, and compare",
    )
    group.addoption("--sim-no-shrink", action="store_true", help="report a failure as it was found")
    group.addoption("--sim-dir", default=".sim", metavar="DIRECTORY", help="where failures are kept  [.sim]")


@pytest.fixture
def sim_loop() -> None:
    """Run this coroutine function in virtual time, in a simulated world of one seed."""


def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test in simulated worlds, if it is one for them."""
    function = pyfuncitem.obj
    if getattr(function, "scenario", None) is None:
        if "sim_loop" not in pyfuncitem.fixturenames:
            return None
        from junto.sim.decorating import simulated

        function = simulated(seeds=1)(function)
    scenario = _bound(pyfuncitem, function)
    if _PIPES in os.environ:
        from junto.sim.serving import serve_known

        serve_known(scenario)
        return True
    __tracebackhide__ = True
    if pyfuncitem.config.getoption("sim_replay"):
        _replay(pyfuncitem, scenario)
    else:
        _explore(pyfuncitem, scenario)
    return True


def _bound(item: pytest.Function, function: Any) -> Scenario:
    """Give a test its fixtures."""
    from dataclasses import replace

    from junto.sim.decorating import bind

    scenario: Scenario = function.scenario
    program = getattr(function, "__wrapped__", function)
    owner = getattr(item.obj, "__self__", None)
    args = () if owner is None or getattr(program, "__self__", None) is owner else (owner,)
    names = item._fixtureinfo.argnames  # pyright: ignore[reportPrivateUsage]  # as pytest itself does
    fixtures = {name: item.funcargs[name] for name in names}
    options = dict(scenario.options)
    options.update(_world_options(item.config))
    return replace(scenario, main=bind(program, args, fixtures), name=item.name, options=options, target=None)


def _world_options(config: pytest.Config) -> dict[str, Any]:
    """Tell the options of worlds that were given to pytest."""
    options: dict[str, Any] = {}
    if config.getoption("sim_audit"):
        options["audit"] = True
    if config.getoption("sim_mode") != "natural":
        options["mode"] = config.getoption("sim_mode")
    return options


def _settings(config: pytest.Config) -> Settings:
    from junto.sim.exploring import Settings

    jobs = config.getoption("sim_jobs")
    if jobs is None and "PYTEST_XDIST_WORKER" in os.environ:
        jobs = 1  # all processors are at work already
    return Settings(
        jobs=jobs,
        budget=config.getoption("sim_time"),
        directory=_directory(config),
        level=_level(config),
        check=bool(config.getoption("sim_check")),
        shrinking=not config.getoption("sim_no_shrink"),
        progress=config.get_verbosity() >= 0 and config.getoption("capture") == "no",
    )


def _level(config: pytest.Config) -> Level:
    level: Level = config.getoption("sim_trace") or "net"
    return level


def _directory(config: pytest.Config) -> Path:
    return config.rootpath / str(config.getoption("sim_dir"))


def _explore(item: pytest.Function, scenario: Scenario) -> None:
    __tracebackhide__ = True
    from junto.sim.exploring import ENDLESS, explore_scenario
    from junto.sim.investigating import SimFailure

    config = item.config
    one, count = config.getoption("sim_seed"), config.getoption("sim_seeds")
    settings = _settings(config)
    seeds = range(scenario.seeds if count is None else count)
    if one is not None:
        seeds = range(one, one + 1)
    elif settings.budget is not None:
        seeds = ENDLESS
    explored = explore_scenario(
        scenario,
        seeds,
        settings,
        program=item.nodeid,
        make_worker=_make_worker(item),
        replay=lambda path: f"pytest {_shown(item)} --sim-replay {path}",
    )
    found = explored.investigation
    if found is None:
        item.user_properties.append((_LINE, str(explored)))
        return
    if found.summary.output:
        item.add_report_section("call", "simulation", "\n".join(found.summary.output))
    _fail(item, SimFailure(found), found.text, found.failure.sentence)


def _replay(item: pytest.Function, scenario: Scenario) -> None:
    __tracebackhide__ = True
    from junto.sim.artefacts import Artefact
    from junto.sim.replaying import judge
    from junto.sim.report import report_text
    from junto.sim.running_here import Here
    from junto.sim.workers import fixed_hash_seed

    artefact = Artefact.read(str(item.config.getoption("sim_replay")))
    if artefact.program != item.nodeid:
        pytest.skip(f"the run to be repeated is one of {artefact.program}")
    make_worker = _make_worker(item)
    own = fixed_hash_seed()
    if make_worker is None or own == artefact.hash_seed:
        replayed = judge(artefact, Here(scenario), own)
    else:
        hash_seed = artefact.hash_seed or "0"
        with make_worker(hash_seed) as worker:
            replayed = judge(artefact, worker, hash_seed)
    if replayed.summary.output:
        item.add_report_section("call", "simulation", "\n".join(replayed.summary.output))
    if not replayed.summary.failed:
        item.user_properties.append((_LINE, str(replayed)))
        return
    text = f"{report_text(artefact.reported())}\n\n{replayed}\n\n{replayed.summary.traceback}"
    _fail(item, AssertionError(text), text, replayed.summary.signature or "")


def _make_worker(item: pytest.Function) -> MakeWorker | None:
    """Tell how to start another pytest that comes to the same test."""
    from junto.sim.workers_of_tests import worker_for_test

    config = item.config
    options = ["--rootdir", str(config.rootpath), f"--import-mode={config.getoption('importmode')}"]
    if config.inipath is not None:
        options += ["-c", str(config.inipath)]
    for plugin in config.getoption("plugins") or ():
        options += ["-p", plugin]
    for setting in config.getoption("override_ini") or ():
        options += ["-o", setting]
    # Of plugins that the project's own options may have set to work.
    for name, off in (("xdist", ["-n", "0"]), ("_cov", ["--no-cov"]), ("timeout", ["--timeout", "0"])):
        if config.pluginmanager.hasplugin(name):
            options += off
    for name in ("sim_audit", "sim_mode"):
        value = config.getoption(name)
        if value is True:
            options.append("--sim-audit")
        elif value and value != "natural":
            options += ["--sim-mode", value]
    test = "::".join([str(item.path), *item.nodeid.split("::")[1:]])
    return worker_for_test(test, options, config.invocation_params.dir)


def _shown(item: pytest.Function) -> str:
    """Tell the test's name as it is given to pytest where this one was started."""
    path = os.path.relpath(item.path, item.config.invocation_params.dir)
    name = "::".join([path, *item.nodeid.split("::")[1:]])
    return f'"{name}"' if set(name) & set(" []()'$&;*?<>|") else name


def _fail(item: pytest.Function, error: BaseException, text: str, sentence: str) -> None:
    __tracebackhide__ = True
    usual = item.repr_failure
    path, line, _ = item.location

    def repr_failure(excinfo: pytest.ExceptionInfo[BaseException]) -> Any:
        if excinfo.value is not error:
            return usual(excinfo)
        # pytest's own form, for pytest-xdist sends no other one whole: a text of our own, and a line of the
        # summary.
        told = excinfo.getrepr(style="native")
        told.reprtraceback.reprentries[0].lines = [f"{text}\n"]
        if told.reprcrash is not None:
            told.reprcrash.path, told.reprcrash.lineno = path, (line or 0) + 1
            told.reprcrash.message = sentence
        return told

    item.repr_failure = repr_failure  # type: ignore[method-assign]
    raise error


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell in a line what each test has run."""
    if terminalreporter.verbosity < 0:
        return
    lines = [
        f"{report.nodeid}: {value}"
        for report in terminalreporter.stats.get("passed", ())
        for name, value in getattr(report, "user_properties", ())
        if name == _LINE
    ]
    if lines:
        terminalreporter.section("simulated worlds", sep="-")
        for line in sorted(lines):
            terminalreporter.line(line)
