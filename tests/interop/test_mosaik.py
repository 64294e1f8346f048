"""The real mosaik runs co-simulations with simulators of ours, which it starts or connects to."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mosaik as real_mosaik
import mosaik_api_v3
import mosaik_simulators as simulators
import pytest
from loguru import logger

from junto import MOSAIK, ConnectionFailed, mosaik, sync
from junto.address import Address

logger.remove()  # it would write to the terminal

pytestmark = pytest.mark.timeout(30)

PROGRAM = Path(simulators.__file__)
IN_PROCESS = {"python": "mosaik_simulators:Chain"}


def started(name: str) -> dict[str, str]:
    return {"cmd": f"%(python)s {PROGRAM} {name} %(addr)s"}


@contextlib.contextmanager
def make_world(**config: dict[str, str]) -> Iterator[real_mosaik.World]:
    with real_mosaik.World(config, skip_greetings=True, configure_logging=False) as world:
        yield world
        # When a simulation is aborted, mosaik leaves the tasks of the other simulators behind.
        left = [task for task in asyncio.all_tasks(world.loop) if task.get_name().startswith("Runner for")]
        for task in left:
            task.cancel()
        world.loop.run_until_complete(asyncio.wait_for(asyncio.gather(*left, return_exceptions=True), 5))


@pytest.fixture
def errors() -> Iterator[list[str]]:
    """What mosaik logs as errors: it tells only there why a simulation was aborted."""
    messages: list[str] = []
    logger.enable("mosaik")
    sink = logger.add(lambda message: messages.append(message.record["message"]), level="ERROR")
    yield messages
    logger.remove(sink)
    logger.disable("mosaik")


class Listening:
    """A simulator in a thread, that waits for mosaik to connect."""

    def __init__(self, simulator: Any) -> None:
        self.error: BaseException | None = None
        addresses: queue.SimpleQueue[Address] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, args=(simulator, addresses.put))
        self._thread.start()
        self.address = addresses.get(timeout=10)
        self.config = {"connect": f"{self.address.host}:{self.address.port}"}

    def _run(self, simulator: Any, listening: Callable[[Address], object]) -> None:
        try:
            mosaik.run(simulator, "tcp://127.0.0.1:0", listen=True, timeout=10, listening=listening)
        except Exception as error:
            self.error = error

    def end(self) -> None:
        self._thread.join(10)
        assert not self._thread.is_alive()
        if self.error is not None:
            raise self.error


def run_chain(world: real_mosaik.World, source: str, sink: str) -> None:
    """Let *sink* sum up what *source* counts; look at the result and call an extra method."""
    first = world.start(source, step_size=1)
    second = world.start(sink, step_size=2)
    count = first.Node.create(2, start=10)[1]
    total = second.Node.create(1)[0]
    world.connect(count, total, ("value", "total"))
    world.run(until=20, print_progress=False)
    data = world.get_data([count, total], "value", "total")
    assert data[count]["value"] == 10 + 20
    assert data[total]["total"] == sum(10 + time + 1 for time in range(0, 20, 2))
    assert first.report("log:") == ["log:", "setup_done"]


@pytest.mark.parametrize("name", ["Chain", "AsyncChain"])
def test_mosaik_starts_a_simulator_and_runs_it_with_one_of_its_own_process(name: str) -> None:
    with make_world(Ours=started(name), Own=IN_PROCESS) as world:
        run_chain(world, "Ours", "Own")
    with make_world(Ours=started(name), Own=IN_PROCESS) as world:
        run_chain(world, "Own", "Ours")


def test_mosaik_starts_two_simulators() -> None:
    with make_world(Plain=started("Chain"), Awaiting=started("AsyncChain")) as world:
        run_chain(world, "Plain", "Awaiting")


@pytest.mark.parametrize("kind", [simulators.Chain, simulators.AsyncChain])
def test_mosaik_connects_to_a_simulator_that_listens(kind: type) -> None:
    listening = Listening(kind())
    with make_world(Ours=listening.config, Own=IN_PROCESS) as world:
        run_chain(world, "Ours", "Own")
    listening.end()


class PlainObject(mosaik_api_v3.Simulator):
    """Written with mosaik's own package."""

    def __init__(self) -> None:
        super().__init__({**simulators.CHAIN, "extra_methods": ["report"]})
        self.chain = simulators.Chain()
        self.report = self.chain.report
        self.finalized = 0

    def create(self, num: int, model: str, **params: Any) -> list[dict[str, Any]]:
        return self.chain.create(num, model, **params)

    def setup_done(self) -> None:
        self.chain.setup_done()

    def step(self, time: int, inputs: dict[str, Any], max_advance: int) -> int:
        self.chain.step_size = 1
        return self.chain.step(time, inputs, max_advance)

    def get_data(self, outputs: dict[str, list[str]]) -> dict[str, Any]:
        return self.chain.get_data(outputs)

    def finalize(self) -> None:
        self.finalized += 1


def test_a_simulator_written_for_mosaiks_own_package_runs_and_is_finalized_once() -> None:
    simulator = PlainObject()
    listening = Listening(simulator)
    with make_world(Ours=listening.config, Own=IN_PROCESS) as world:
        run_chain(world, "Ours", "Own")
    listening.end()
    assert simulator.finalized == 1


# mosaik 3 can do it, and tells those who write scenarios that a later one will not.
@pytest.mark.filterwarnings("ignore:Connections using async_requests:DeprecationWarning")
@pytest.mark.parametrize("kind", [simulators.Asker, simulators.AsyncAsker])
def test_a_simulator_asks_mosaik_within_its_steps(kind: type) -> None:
    listening = Listening(kind())
    with make_world(Asker=listening.config, Chain=started("Chain")) as world:
        asker = world.start("Asker", step_size=1)
        chain = world.start("Chain", step_size=1)
        node = chain.Node.create(1, start=5)[0]
        asked = asker.Node.create(1)[0]
        world.connect(node, asked, async_requests=True)
        world.run(until=2, print_progress=False)
        nodes = ["Asker-0.n0", "Chain-0.n0"]
        progress, log = [], asker.report("log")[2:]
        for step in (0, 1):
            progress.append(log[4 * step])
            assert log[4 * step + 1 : 4 * step + 4] == [True, nodes, {"Chain-0.n0": {"value": 6 + step}}]
        assert 0 <= progress[0] < progress[1] < 100
        assert world.get_data([node], "total") == {node: {"total": 100}}
    listening.end()


def test_set_event_makes_steps_in_real_time() -> None:
    simulator = simulators.Events()
    listening = Listening(simulator)
    with make_world(Ours=listening.config) as world:
        ours = world.start("Ours")
        ours.Node.create(1)
        world.run(until=4, rt_factor=0.05, print_progress=False)
    listening.end()
    assert simulator.log == [1, 2]


def test_a_request_that_mosaik_refuses_raises_in_the_simulator(errors: list[str]) -> None:
    listening = Listening(simulators.Events())
    with make_world(Ours=listening.config) as world:
        world.start("Ours")
        world.run(until=4, print_progress=False)  # not in real time
    listening.end()
    (error,) = errors
    assert error.startswith(
        "Simulator Ours-0 aborted the simulation with error RemoteError(SimulationError: "
    )
    assert "in non-real-time mode" in error


@pytest.mark.parametrize("kind", [simulators.Refusing, simulators.AsyncRefusing])
def test_a_step_that_fails_ends_the_simulation_with_its_error(kind: type, errors: list[str]) -> None:
    listening = Listening(kind())
    with make_world(Ours=listening.config, Other=started("Chain")) as world:
        ours = world.start("Ours", step_size=1)
        other = world.start("Other", step_size=1)
        world.connect(ours.Node.create(1)[0], other.Node.create(1)[0], ("value", "total"))
        world.run(until=10, print_progress=False)
    listening.end()
    (error,) = errors
    assert error.startswith("Simulator Ours-0 aborted the simulation with error ValueError(no step today).")
    assert "mosaik_simulators.py" in error  # the traceback


def run_program(*args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(PROGRAM), "Chain", *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)


def test_a_program_that_finds_no_mosaik_says_so() -> None:
    done = run_program("127.0.0.1:1")
    assert done.returncode == 1
    assert "cannot connect to tcp://127.0.0.1:1" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_program_that_waits_in_vain_says_so() -> None:
    done = run_program("--remote", "127.0.0.1:0", "--timeout", "0.1")
    assert done.returncode == 1
    assert "mosaik did not connect" in done.stderr
    assert done.stdout.startswith("listening at 127.0.0.1:")


def test_a_program_with_a_wrong_address_tells_the_right_form() -> None:
    done = run_program("nowhere")
    assert done.returncode == 2
    assert "'nowhere' is no HOST:PORT" in done.stderr


@pytest.mark.parametrize("name", ["Chain", "AsyncChain"])
def test_an_interrupted_program_cleans_up_and_ends(name: str) -> None:
    command = [sys.executable, str(PROGRAM), name, "--listen", "127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        with sync.connect(f"tcp://{program.stdout.readline().split()[-1]}", **MOSAIK) as peer:
            peer.call("init", "Chain-0", timeout=10)
            program.send_signal(signal.SIGINT)
            _, errors = program.communicate(timeout=10)
    assert program.returncode == 130
    assert errors == "finalized\n"


def test_waiting_for_mosaik_ends_in_time_on_asyncio_too() -> None:
    with pytest.raises(ConnectionFailed, match="mosaik did not connect"):
        mosaik.run(simulators.AsyncChain(), "tcp://127.0.0.1:0", listen=True, timeout=0.05)


@pytest.mark.parametrize("base", [mosaik.Simulator, mosaik.AsyncSimulator])
def test_meta_data_are_completed(base: type) -> None:
    kind = simulators.Chain if base is mosaik.Simulator else simulators.AsyncChain
    assert kind().meta == {
        "api_version": "3.0",
        "type": "time-based",
        "extra_methods": ["report"],
        **simulators.CHAIN,
    }
