from __future__ import annotations

import datetime
import os
import random
import subprocess
import sys
import threading
import time
from time import monotonic
from types import ModuleType
from typing import Any

import pytest

from junto.sim import interception

from .fake_host import START, FakeHost, on

SECOND = 10**9


def module_with(name: str, source: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make a module as if it were imported now."""
    module = ModuleType(name)
    monkeypatch.setitem(sys.modules, name, module)
    exec(source, vars(module))
    return module


def test_what_a_module_bound_early_is_replaced_there_too(host: FakeHost) -> None:
    with on(host):
        assert monotonic() == START / SECOND


def test_outside_of_a_host_everything_is_real() -> None:
    before = vars(interception.clocks)["_monotonic"]()
    assert before <= time.monotonic() <= monotonic() <= before + 60
    assert os.getpid() == vars(interception.identity)["_getpid"]()


def test_another_thread_is_outside(host: FakeHost) -> None:
    found: list[float] = []
    on_host = threading.Event()

    def look() -> None:
        on_host.wait(10)
        found.append(time.time())

    thread = threading.Thread(target=look)
    thread.start()
    with on(host):
        on_host.set()
        while not found:
            host.elapsed += 1
    thread.join(10)
    assert abs(found[0] - time.time()) < 60


def test_uninstalling_restores_every_original_by_identity() -> None:
    interception.uninstall()
    originals = [
        time.time,
        monotonic,
        os.urandom,
        random.random,
        random.Random.seed,
        vars(threading)["_counter"],
    ]
    method = vars(datetime.datetime)["now"]
    interception.install()
    assert time.time is not originals[0]
    interception.uninstall()
    assert originals == [
        time.time,
        monotonic,
        os.urandom,
        random.random,
        random.Random.seed,
        vars(threading)["_counter"],
    ]
    assert vars(datetime.datetime)["now"] is method
    assert type(time.time).__name__ == "builtin_function_or_method"
    assert vars(random)["_urandom"] is os.urandom


def test_installing_and_uninstalling_twice_are_fine() -> None:
    wrapper = time.time
    interception.install()
    assert time.time is wrapper
    interception.uninstall()
    interception.uninstall()
    assert not interception.installed()


def test_modules_imported_since_are_walked_at_the_next_install(
    host: FakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = vars(interception.clocks)["_monotonic"]
    late = module_with("late_module", "", monkeypatch)
    late.clock = real
    interception.install()
    with on(host):
        assert late.clock() == START / SECOND
    interception.uninstall()
    assert late.clock is real


def test_a_wrapper_bound_since_is_put_back_too(monkeypatch: pytest.MonkeyPatch) -> None:
    late = module_with("late_module", "from time import monotonic", monkeypatch)
    interception.uninstall()
    assert late.monotonic is time.monotonic is vars(interception.clocks)["_monotonic"]


def test_what_somebody_else_replaced_is_left_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 0.0)
    with pytest.warns(RuntimeWarning, match=r"time\.time"):
        interception.uninstall()
    assert time.time() == 0.0
    monkeypatch.setattr(time, "time", vars(interception.clocks)["_time"])
    interception.install()


def test_modules_of_the_simulation_keep_what_they_bound() -> None:
    assert type(vars(interception.clocks)["_time"]).__name__ == "builtin_function_or_method"
    assert type(vars(interception.entropy)["_urandom"]).__name__ == "builtin_function_or_method"


@pytest.fixture
def roots(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A module with two names for one function, and the registry as it is now."""
    installing: Any = sys.modules["junto.sim.interception.installing"]
    monkeypatch.setattr(installing, "_wanted", dict(vars(installing)["_wanted"]))
    monkeypatch.setattr(installing, "_expected", {})
    return module_with("roots", "def sqrt(x): return x ** .5\nroot = sqrt", monkeypatch)


def test_a_part_registers_its_own_replacement_and_names_that_keep_the_original(
    roots: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = roots.sqrt
    user = module_with("user_of_roots", "from roots import sqrt, root", monkeypatch)

    @interception.replaces("roots", "sqrt", keep=["roots.root"])
    def sqrt(x: float) -> str:
        return "replaced"

    interception.install()
    assert roots.sqrt is user.sqrt is user.root is sqrt
    assert roots.root is real
    assert (sqrt.__module__, sqrt.__qualname__) == ("roots", "sqrt")
    interception.uninstall()
    assert roots.sqrt is user.sqrt is user.root is real


def test_a_value_is_replaced_where_it_stands_and_nowhere_else(
    roots: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    roots.limit = 1
    user = module_with("user_of_roots", "from roots import limit\ntwo = 2", monkeypatch)
    interception.replace("roots", "limit", 2)
    interception.install()
    assert (roots.limit, user.limit, user.two) == (2, 1, 2)
    interception.uninstall()
    assert (roots.limit, user.limit, user.two) == (1, 1, 2)


def test_a_module_that_is_not_there_is_waited_for(roots: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[ModuleType] = []
    interception.replace("not_there_yet", "value", 2)
    interception.replace("roots", "no_such_name", 2)
    interception.when_imported("not_there_yet", seen.append)
    interception.install()
    assert not seen
    late = module_with("not_there_yet", "value = 1", monkeypatch)
    interception.install()
    interception.install()
    assert seen == [late]
    assert late.value == 2
    assert not hasattr(roots, "no_such_name")
    interception.uninstall()
    assert late.value == 1


def test_a_method_is_replaced_in_its_class(roots: Any) -> None:
    class Speaker:
        @staticmethod
        def speak() -> str:
            return "real"

    roots.Speaker = Speaker
    raw = vars(Speaker)["speak"]
    interception.replace("roots", "Speaker.speak", staticmethod(lambda: "replaced"))
    interception.install()
    assert Speaker.speak() == Speaker().speak() == "replaced"
    interception.uninstall()
    assert vars(Speaker)["speak"] is raw


ALL = """
import sys
import asyncio, concurrent.futures, datetime, email, http.server, logging, multiprocessing, platform, random
import secrets, select, selectors, signal, socket, ssl, subprocess, tempfile, threading, time, urllib.request, uuid
import junto.sim
from junto.sim import interception

interception.uninstall()

def found():
    things = {}
    for name, module in list(sys.modules.items()):
        if name.startswith("junto") or name == "__main__":
            continue
        for key, value in list(vars(module).items()):
            things[name, key] = value
            if isinstance(value, type):
                things.update(((name, f"{key}.{inner}"), raw) for inner, raw in list(vars(value).items()))
    return things

random.seed("text")  # what the standard library imports only when it needs it
async def fail(world):
    world.host("n1").run(asyncio.sleep, 1)
    await world.sleep(0.5)
    raise KeyError

before = found()
outcome = junto.sim.run(fail)
assert outcome.failed
within = found()
changed = [key for key, value in before.items() if within.get(key) is not value]
interception.uninstall()
after = found()
state = {"_abc_impl", "__annotations__"}
left = [key for key, value in before.items() if after.get(key) is not value and key in changed]
print(len(changed), left)
"""


def test_after_a_run_that_failed_each_original_can_be_restored_by_identity() -> None:  # R5
    done = subprocess.run([sys.executable, "-c", ALL], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    count, _, left = done.stdout.strip().partition(" ")
    assert int(count) > 100
    assert left == "[]"
