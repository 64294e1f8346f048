"""junto in a SimPy environment, in real time; a client's calls give events."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Unpack

from benchmarks.contestants import HOST, Announce, Client, Work
from benchmarks.contestants.junto_service import Service, make_client
from junto import ChannelOptions, simpy

ENV = simpy.Environment()


def serve(announce: Announce, **options: Unpack[ChannelOptions]) -> None:
    server = ENV.run(until=simpy.serve(ENV, Service(), f"tcp://{HOST}:0", **options))
    announce(server.addresses[0].port)
    ENV.run()


def connect(port: int, work: Work, **options: Unpack[ChannelOptions]) -> Client:
    return make_client(ENV.run(until=simpy.connect(ENV, f"tcp://{HOST}:{port}", **options)), work)


def run(process: Generator[Any, Any, Any]) -> Any:
    """Run a process to its end, and give its result."""
    return ENV.run(until=ENV.process(process))
