"""A process that makes runs for another one.

It reads orders from a pipe, a JSON line each, and writes what came of them to another one. A run that is to
be made afresh is made in a fork of this process, which itself has run nothing then: so each such run finds
the same state, that of a process which has just imported the program.
"""

from __future__ import annotations

import base64
import gc
import os
import pickle
import sys
import traceback
from typing import IO, Any

import msgspec

from junto.sim.interception import install
from junto.sim.running_here import Here
from junto.sim.scenarios import Scenario, load
from junto.sim.summaries import Order, Summary, Tally

__all__ = ["PIPES", "Answer", "Request", "Start", "main", "serve", "serve_known"]

PIPES = "JUNTO_SIM_PIPES"
"""The environment variable with the numbers of the two pipes of a process that serves."""


class Start(msgspec.Struct, frozen=True, tag=True):
    """What is served.

    Attributes:
        target: Where the program is; None if the process knows it already.
        path: Where modules are looked for.
        changes: The options that differ from the program's own, pickled.
    """

    target: str | None
    path: list[str]
    changes: str


class Request(msgspec.Struct, frozen=True, tag=True):
    """What is to be run: one run, or seeds up to the first that fails."""

    order: Order | None = None
    fresh: bool = False
    seeds: list[int] = []
    until: float | None = None


class Answer(msgspec.Struct, frozen=True):
    """What came of a request; *problem* says why nothing did."""

    summary: Summary | None = None
    tally: Tally | None = None
    problem: str = ""


_decode_start = msgspec.json.Decoder(Start).decode
_decode_request = msgspec.json.Decoder(Request).decode
_encode = msgspec.json.Encoder().encode


def main() -> None:
    """Serve the program that the first line names, on the pipes that the environment names."""
    requests, answers = _open_pipes()
    try:
        start = _decode_start(requests.readline())
        sys.path[:] = start.path
        changes: dict[str, Any] = pickle.loads(base64.b64decode(start.changes))
        assert start.target is not None
        scenario = load(start.target).changed(**changes)
    except BaseException:
        _say(answers, Answer(problem=traceback.format_exc()))
        return
    _say(answers, Answer())
    serve(scenario, requests, answers)


def serve_known(scenario: Scenario) -> None:
    """Serve a program that this process has found itself, on the pipes that the environment names."""
    requests, answers = _open_pipes()
    requests.readline()
    _say(answers, Answer())
    serve(scenario, requests, answers)


def _open_pipes() -> tuple[IO[bytes], IO[bytes]]:
    """Open the pipes that the environment names, once."""
    requests, answers = os.environ.pop(PIPES).split(",")
    return os.fdopen(int(requests), "rb"), os.fdopen(int(answers), "wb")


def serve(scenario: Scenario, requests: IO[bytes], answers: IO[bytes]) -> None:
    """Answer requests until there are no more."""
    here = Here(scenario)
    install()  # each fork would do it again
    gc.collect()
    gc.freeze()  # a fork that does not look at what was there before copies less of it
    for line in requests:
        request = _decode_request(line)
        if request.fresh and hasattr(os, "fork"):
            _in_fork(here, request, answers)
        else:
            _say(answers, _answer(here, request))


def _answer(here: Here, request: Request) -> Answer:
    try:
        if request.order is not None:
            return Answer(summary=here.run(request.order))
        return Answer(tally=here.try_seeds(request.seeds, request.until))
    except BaseException:
        return Answer(problem=traceback.format_exc())


def _in_fork(here: Here, request: Request, answers: IO[bytes]) -> None:
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        if status:
            code = os.waitstatus_to_exitcode(status)
            _say(answers, Answer(problem=f"the process of the run ended with {code}"))
        return
    try:
        _say(answers, _answer(here, request))
        os._exit(0)
    finally:
        os._exit(1)


def _say(answers: IO[bytes], answer: Answer) -> None:
    answers.write(_encode(answer) + b"\n")
    answers.flush()
