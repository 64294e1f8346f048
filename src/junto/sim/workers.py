"""Other processes that make runs, with a fixed hash seed, so that the order of sets is the same in all."""

from __future__ import annotations

import base64
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, TypeAlias

import msgspec

from junto.sim.errors import SimError
from junto.sim.scenarios import Scenario
from junto.sim.serving import PIPES, Answer, Request, Start
from junto.sim.summaries import Order, Summary, Tally

__all__ = ["MakeWorker", "Worker", "WorkerLost", "fixed_hash_seed", "worker_for"]

_decode = msgspec.json.Decoder(Answer).decode
_encode = msgspec.json.Encoder().encode


class WorkerLost(SimError):
    """A process that made runs has ended, or could not begin; the text says how."""


def fixed_hash_seed() -> str | None:
    """Tell the hash seed of this process, or None if another process cannot have the same."""
    if not sys.flags.hash_randomization:
        return "0"
    seed = os.environ.get("PYTHONHASHSEED", "random")
    return seed if seed.isdecimal() else None


class Worker:
    """A process that makes runs.

    Attributes:
        hash_seed: Its hash seed.
    """

    def __init__(
        self,
        command: Sequence[str],
        start: Start,
        hash_seed: str,
        environment: Mapping[str, str],
        directory: Path | None = None,
    ) -> None:
        """Start it; it imports the program while this one goes on."""
        self.hash_seed = hash_seed
        theirs_in, ours_out = os.pipe()
        ours_in, theirs_out = os.pipe()
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # `close` closes it
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                pass_fds=(theirs_in, theirs_out),
                cwd=directory,
                env={
                    **environment,
                    "PYTHONHASHSEED": hash_seed,
                    PIPES: f"{theirs_in},{theirs_out}",
                },
            )
        finally:
            os.close(theirs_in)
            os.close(theirs_out)
        self._requests = os.fdopen(ours_out, "wb")
        self._answers = os.fdopen(ours_in, "rb")
        self._ready = False
        self._ran = False
        self._send(start)

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def run(self, order: Order) -> Summary:
        """Make one run, in a state in which the process has run nothing before.

        Raises:
            WorkerLost: The process has ended, or failed.
        """
        answer = self._ask(Request(order=order, fresh=not self._ran))
        assert answer.summary is not None
        return answer.summary

    def try_seeds(self, seeds: Iterable[int], until: float | None = None) -> Tally:
        """Run seeds up to the first that fails; see `junto.sim.running_here.Runner`.

        Raises:
            WorkerLost: The process has ended, or failed.
        """
        self._ran = True
        answer = self._ask(Request(seeds=list(seeds), until=until))
        assert answer.tally is not None
        return answer.tally

    def close(self) -> None:
        """End the process."""
        for pipe in (self._requests, self._answers):
            try:
                pipe.close()
            except OSError:  # it was not there any more when the rest was to be written
                pass
        self._process.kill()
        self._process.wait()
        self._log.close()

    def _ask(self, request: Request) -> Answer:
        if not self._ready:
            self._receive()
            self._ready = True
        self._send(request)
        return self._receive()

    def _send(self, message: msgspec.Struct) -> None:
        try:
            self._requests.write(_encode(message) + b"\n")
            self._requests.flush()
        except BrokenPipeError:
            pass  # its last words are read instead of an answer

    def _receive(self) -> Answer:
        line = self._answers.readline()
        if not line:
            code = self._process.wait()
            self._log.seek(0)
            said = self._log.read().decode(errors="replace").strip()[-4000:]
            raise WorkerLost(f"the process that makes runs ended with {code}" + f":\n{said}" * bool(said))
        answer = _decode(line)
        if answer.problem:
            raise WorkerLost(f"the process that makes runs failed:\n{answer.problem}")
        return answer


MakeWorker: TypeAlias = Callable[[str], Worker]
"""Starts a process with a hash seed that makes runs of one scenario."""


def worker_for(scenario: Scenario) -> MakeWorker | None:
    """Tell how to start processes that run a scenario; None if they would not find it."""
    if scenario.target is None or os.name != "posix":  # pipes are handed over by their numbers
        return None
    changes: dict[str, Any] = {
        "faults": scenario.faults,
        "plan": scenario.plan,
        "timeout": scenario.timeout,
        "seeds": scenario.seeds,
        **scenario.options,
    }
    try:
        packed = base64.b64encode(pickle.dumps(changes)).decode()
    except Exception:  # whatever an option's own class raises that cannot be sent
        return None
    start = Start(scenario.target, sys.path, packed)
    command = [sys.executable, "-c", "from junto.sim.serving import main; main()"]
    path = {"PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}

    def make(hash_seed: str) -> Worker:
        return Worker(command, start, hash_seed, {**os.environ, **path})

    return make
