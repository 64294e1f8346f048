"""Traces made by hand: three hosts that elect a leader, with all that can happen to them."""

from __future__ import annotations

import json
from random import Random

from junto.sim.trace import Event, Trace

MS = 1_000_000
HOSTS = {"n0": ["10.0.0.1"], "n1": ["10.0.0.2"], "n2": ["10.0.0.3"]}


def packet(kind: int, ident: int | None, content: object) -> bytes:
    payload = json.dumps([kind, ident, content]).encode()
    return len(payload).to_bytes(4, "big") + payload


class Maker:
    """Makes the events of a small network as the simulated one does."""

    def __init__(self) -> None:
        self.now = 0
        self.events: list[Event] = []
        self.number = 0

    def add(
        self,
        host: str,
        kind: str,
        number: int | None = None,
        peer: str | None = None,
        length: int | None = None,
        excerpt: bytes | None = None,
        detail: str | None = None,
    ) -> int:
        self.events.append((self.now, host, kind, number, peer, length, excerpt, detail))
        return len(self.events) - 1

    def wait(self, ms: float) -> None:
        self.now += round(ms * MS)

    def connect(self, client: str, server: str, ms: float = 2) -> int:
        self.number += 1
        self.add(client, "connect", self.number, server, detail=f"{server}:7000")
        self.wait(ms)
        self.add(server, "accept", self.number, client)
        return self.number

    def send(self, number: int, host: str, peer: str, data: bytes) -> int:
        return self.add(host, "send", number, peer, len(data), data[:64])

    def hold(self, number: int, host: str, peer: str, data: bytes) -> int:
        return self.add(host, "hold", number, peer, len(data), data[:64])

    def receive(self, number: int, host: str, peer: str, data: bytes) -> int:
        return self.add(host, "recv", number, peer, len(data), data[:64])

    def say(self, number: int, host: str, peer: str, data: bytes, ms: float = 1.5) -> None:
        self.send(number, host, peer, data)
        self.wait(ms)
        self.receive(number, peer, host, data)


def an_election() -> Trace:
    """Make a run in which two leaders are elected in one term, with each kind of mark in it."""
    make = Maker()
    for host in ("world", *HOSTS):
        make.add(host, "start")
    make.add("n0", "dns", detail="n1 -> 10.0.0.2")
    make.wait(3.3)
    to_n1 = make.connect("n0", "n1")
    make.wait(0.4)
    to_n2 = make.connect("n0", "n2", 1.1)
    from_n2 = make.connect("n2", "n1")
    make.wait(20)
    for term in range(20, 23):
        for number, peer in ((to_n1, "n1"), (to_n2, "n2")):
            make.say(
                number, "n0", peer, packet(0, term, ["raft.append_entries", [term, []], {"leader": "n0"}])
            )
            make.wait(0.2)
            make.say(number, peer, "n0", packet(1, term, True))
        make.wait(50)
    beacon = b"heartbeat n1 load=0.31\r\n"
    make.add("n1", "dgram", 1000, "n2", len(beacon), beacon)
    make.wait(0.8)
    make.add("n1", "drop", 1000, "n2", len(beacon), beacon, "lost")
    make.wait(10)
    partition = "0.2088s partition n0|n1,n2 for 0.2s"
    make.add("world", "fault", detail=partition)
    make.wait(4)
    beat = packet(0, 23, ["raft.append_entries", [22, []], {"leader": "n0"}])
    make.hold(to_n1, "n0", "n1", beat)
    make.wait(1)
    make.hold(to_n2, "n0", "n2", beat)
    make.wait(30)
    make.add("world", "fault", detail="0.2438s skew n2 seconds=0.3")
    make.wait(35)
    make.add("n2", "note", detail="election timeout, candidate in term 23")
    make.say(from_n2, "n2", "n1", packet(0, 0, ["raft.vote_request", [23, "n2"], {}]))
    make.wait(0.3)
    make.say(from_n2, "n1", "n2", packet(1, 0, True))
    make.add("n2", "note", detail="leader of term 23")
    make.wait(2)
    slow = "0.2841s slow n1 factor=8 for 0.05s"
    make.add("world", "fault", detail=slow)
    make.wait(2)
    make.send(from_n2, "n2", "n1", packet(3, None, ["raft.heartbeat", [23], {}]))
    make.wait(1)
    make.add("n1", "kill", detail="killed")
    make.add("n1", "reset", from_n2, "n2")
    make.wait(1)
    make.add("n2", "recv", from_n2, "n1", 0, detail="reset")
    make.add("n2", "error", detail="ConnectionResetError: [Errno 104] Connection reset by peer")
    make.wait(4)
    again = make.number = make.number + 1
    make.add("n2", "connect", again, "n1", detail="n1:7000")
    make.wait(2)
    make.add("n2", "refuse", again, "n1", detail="connection refused")
    make.wait(40)
    make.add("n1", "start", detail="restarted, life 2")
    make.add("world", "fault_end", detail=f"{slow} (hit nothing)")
    make.add("n0", "pause")
    make.wait(80)
    make.add("world", "fault_end", detail=f"{partition} (hit 2)")
    make.wait(11)
    make.add("n0", "resume")
    make.wait(1)
    make.send(to_n2, "n0", "n2", beat)
    make.wait(2)
    make.receive(to_n2, "n2", "n0", beat)
    make.wait(1.25)
    make.add("n0", "log", detail="WARNING raft: stale heartbeat answered")
    make.say(
        to_n2, "n2", "n0", packet(2, 23, "Traceback (most recent call last):\n  x\nStaleTerm: 22 < 23\n")
    )
    make.wait(0.5)
    last = make.connect("n0", "n1")
    make.say(last, "n0", "n1", packet(0, 0, ["raft.vote_request", [23, "n0"], {}]))
    make.say(last, "n1", "n0", packet(1, 0, True))
    make.wait(0.1)
    make.add("n0", "note", detail="leader of term 23")
    make.add("n0", "oracle", detail="one leader per term: term 23 has leaders n0, n2")
    trace = Trace(seed=4711, hosts=HOSTS, options={"latency": (0.001, 0.05), "chunking": 0.1})
    trace.events = make.events
    return trace


def a_long_run(count: int, *, hosts: int = 5, seed: int = 1) -> Trace:
    """Make a run of about *count* events: calls, partitions, crashes, and a failure at its end."""
    random = Random(seed)
    make = Maker()
    names = [f"n{index}" for index in range(hosts)]
    for name in names:
        make.add(name, "start")
    links: dict[tuple[str, str], int] = {}
    calls = 0
    while len(make.events) < count - 1:
        make.wait(random.uniform(0.01, 3))
        client, server = random.sample(names, 2)
        if (client, server) not in links:
            links[client, server] = make.connect(client, server, random.uniform(0.5, 2))
        chance = random.random()
        number = links[client, server]
        if chance < 0.004:
            line = f"{make.now / 1e9:.9f}s partition {client}|{server} for 0.4s"
            make.add("world", "fault", detail=line)
            held = packet(0, calls, ["store.get", [f"key{calls}"], {}])
            make.hold(number, client, server, held)
            make.wait(400)
            make.add("world", "fault_end", detail=f"{line} (hit 1)")
            make.wait(30)
            make.send(number, client, server, held)
            make.wait(1)
            make.receive(number, server, client, held)
        elif chance < 0.006:
            make.add(client, "kill")
            make.wait(250)
            make.add(client, "start")
            links = {way: link for way, link in links.items() if client not in way}
        else:
            calls += 1
            make.say(number, client, server, packet(0, calls, ["store.put", [f"key{calls % 97}", calls], {}]))
            make.say(number, server, client, packet(1, calls, {"ok": True, "version": calls}))
    make.add(names[0], "oracle", detail="every write is kept: key 13 has version 12, not 13")
    trace = Trace(seed=seed, hosts={name: [f"10.0.0.{index}"] for index, name in enumerate(names, 1)})
    trace.events = make.events
    return trace
