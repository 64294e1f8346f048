"""junto in plain threads."""

from __future__ import annotations

from typing import Unpack

from benchmarks.contestants import HOST, Announce, Client, Work
from benchmarks.contestants.junto_service import Service, make_client
from junto import ChannelOptions, sync


def serve(announce: Announce, **options: Unpack[ChannelOptions]) -> None:
    with sync.serve(Service(), f"tcp://{HOST}:0", **options) as server:
        announce(server.addresses[0].port)
        server.serve_forever()


def connect(port: int, work: Work, **options: Unpack[ChannelOptions]) -> Client:
    return make_client(sync.connect(f"tcp://{HOST}:{port}", **options), work)
