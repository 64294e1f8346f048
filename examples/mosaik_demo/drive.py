"""A drive of the household's car, a server of VSOA, and three who follow it, each in its own flavour.

The car is a program. Those who follow it are in three threads here: one in asyncio, which hears everything
and gets the log in the end; one in plain blocking code, which sends the car another way; one in trio. What
each has received is compared with the log, to the last digit.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trio
from driving import EVERY, STEP, Car, State
from vehicle import TIME

from junto import aio
from junto.vsoa import Message, StatusError
from junto.vsoa import aio as vsoa_aio
from junto.vsoa import sync as vsoa_sync
from junto.vsoa import trio as vsoa_trio

PROGRAM = Path(__file__).parent / "vehicle.py"
PATIENCE = 10.0  # seconds to wait for anything
ASK_AT = 40 * EVERY  # the step at which the car is sent another way
PUBLISHED = {
    "/drive/speed": ("kmh",),
    "/drive/battery": ("kwh",),
    "/drive/position": ("x", "y", "heading", "left"),
}


@dataclass
class Follower:
    """What one subscriber has received.

    Attributes:
        client: By which flavour.
        urls: To what it has subscribed.
        received: The messages for each URL, as they came.
        delays: The seconds from publishing to receiving, of each.
        begin: The time of the first one.
        end: The time of the last one.
        lost: How many did not come.
        wrong: How many are not what the car's log says.
    """

    client: str
    urls: tuple[str, ...]
    received: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    delays: list[float] = field(default_factory=list)
    begin: float = 0.0
    end: float = 0.0
    lost: int = 0
    wrong: int = 0

    def take(self, message: Message) -> bool:
        """Keep *message*; tells whether it is not the last one."""
        # The clock of the day, for both programs have the same one.
        self.end = time.time()
        self.begin = self.begin or self.end
        self.delays.append(self.end - TIME.unpack(message.data)[0])
        assert message.url is not None, "it was published"
        self.received.setdefault(message.url, []).append(message.param)
        return bool(message.param.get("left", 1.0) > 0)

    def compare(self, log: list[State]) -> None:
        """Find what is lost or wrong: the car tells how it is at each so many steps, and at the end."""
        steps = [*range(0, len(log) - 1, EVERY), len(log) - 1]
        for url, names in PUBLISHED.items():
            if url in self.urls or "/drive/" in self.urls:
                got = {message["step"]: message for message in self.received.get(url, [])}
                for step in steps:
                    state = log[step]._asdict()
                    if step not in got:
                        self.lost += 1
                    elif got[step] != {"step": step, **{name: state[name] for name in names}}:
                        self.wrong += 1

    def as_json(self) -> dict[str, Any]:
        count = len(self.delays)
        return {
            "flavour": self.client,
            "urls": self.urls,
            "messages": count,
            "messages_per_second": (count - 1) / (self.end - self.begin),
            "milliseconds_median": statistics.median(self.delays) * 1e3,
            "milliseconds_99_percent": statistics.quantiles(self.delays, n=100)[98] * 1e3,
            "lost": self.lost,
            "wrong": self.wrong,
        }


@dataclass
class Drive:
    """What is known of one drive.

    Attributes:
        followers: Who followed it.
        asked: What the car answered when it was sent another way: its road, and the step it was at.
        asking: How long that took, in seconds.
        refusal: Why it did not do so, if it did not.
        log: How it was at each step, as its log says.
        digest: Of the log, in hexadecimal digits, as the car told it; what came has the same.
        size: Of the log, in bytes.
        carrying: How long it took to get, in seconds.
        planned: How it would have been, had nobody asked for anything.
    """

    followers: list[Follower]
    asked: dict[str, Any] = field(default_factory=dict)
    asking: float = 0.0
    refusal: str = ""
    log: list[State] = field(default_factory=list)
    digest: str = ""
    size: int = 0
    carrying: float = 0.0
    planned: list[State] = field(default_factory=list)

    @property
    def wall(self) -> float:
        """How long it took, in seconds of the real time."""
        return self.followers[0].end - self.followers[0].begin

    def faults(self) -> list[str]:
        """Tell what is not as it must be."""
        faults = [
            f"{one.client} lost {one.lost} messages, and {one.wrong} were wrong"
            for one in self.followers
            if one.lost or one.wrong
        ]
        if self.refusal:
            faults.append(f"the car did not take another way: {self.refusal}")
        elif self.log == self.planned:
            faults.append("the car was sent another way, and took the usual one")
        return faults

    def as_json(self) -> dict[str, Any]:
        return {
            "seconds": self.log[-1].seconds,
            "seconds_planned": self.planned[-1].seconds,
            "subscribers": [one.as_json() for one in self.followers],
            "request": {**self.asked, "milliseconds": self.asking * 1e3},
            "log": {
                "bytes": self.size,
                "sha256": self.digest,
                "milliseconds": self.carrying * 1e3,
                "steps": len(self.log),
            },
        }


def follow(progress: Callable[[float, float], object], keep: Path) -> Drive:
    """Start the car, and follow it on its way.

    Args:
        progress: Called with the part of the way that is behind it, 0 to 1, and the seconds.
        keep: Where to write its log.
    """
    everything = Follower("aio", ("/drive/",))
    dispatcher = Follower("sync", ("/drive/position",))
    planner = Follower("trio", ("/drive/battery", "/drive/position"))
    drive = Drive([everything, dispatcher, planner], planned=plan())
    with started() as url, ThreadPoolExecutor(2) as threads:
        others = [
            threads.submit(send_another_way, url, dispatcher, drive),
            threads.submit(trio.run, watch_the_battery, url, planner),
        ]
        keep.write_bytes(aio.run(follow_to_the_end(url, everything, drive, progress)))
        for other in others:
            other.result()
    for follower in drive.followers:
        follower.compare(drive.log)
    return drive


async def follow_to_the_end(
    url: str, follower: Follower, drive: Drive, progress: Callable[[float, float], object]
) -> bytes:
    """Hear all that the car publishes, and get its log in the end, in asyncio."""
    async with vsoa_aio.connect(url) as client:
        async with client.subscribe(*follower.urls) as messages:
            while follower.take(message := await messages.receive(PATIENCE)):
                if message.url == "/drive/position":
                    left = message.param["left"]
                    step = message.param["step"]
                    progress(1 - left / drive.planned[0].left, step * STEP)
        progress(1.0, message.param["step"] * STEP)
        reply = await client.fetch("/log", timeout=PATIENCE)
        assert reply.tunnel is not None, "it tells a port"
        content = b""
        begin = time.perf_counter()
        async with await client.open_stream(reply.tunnel) as stream:
            async for chunk in stream:
                content += chunk
        drive.carrying = time.perf_counter() - begin
    if hashlib.sha256(content).hexdigest() != reply.param["sha256"]:
        raise RuntimeError("the log that came is not the one that was sent")
    rows = csv.reader(io.StringIO(content.decode(), newline=""))
    assert next(rows) == list(State._fields), "the first line tells the names"
    drive.log = [State(*map(float, row)) for row in rows]
    drive.digest, drive.size = reply.param["sha256"], len(content)
    return content


def send_another_way(url: str, follower: Follower, drive: Drive) -> None:
    """Hear where the car is, and send it along the harbour in time, in plain blocking code."""
    with vsoa_sync.connect(url) as client, client.subscribe(*follower.urls) as messages:
        while follower.take(message := messages.receive(PATIENCE)):
            if message.param["step"] == ASK_AT:
                begin = time.perf_counter()
                try:
                    reply = client.fetch("/drive/road", "harbour", method="SET", timeout=PATIENCE)
                except StatusError as error:
                    drive.refusal = str(error)
                else:
                    drive.asking = time.perf_counter() - begin
                    drive.asked = reply.param


async def watch_the_battery(url: str, follower: Follower) -> None:
    """Hear how full the battery is, and where, in trio."""
    async with vsoa_trio.connect(url) as client, client.subscribe(*follower.urls) as messages:
        while follower.take(await messages.receive(PATIENCE)):
            pass


@contextlib.contextmanager
def started() -> Iterator[str]:
    """Run the car's program, and give its address; it ends by itself when nobody is there any more."""
    command = [sys.executable, str(PROGRAM), "--listen", "vsoa://127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as vehicle:
        assert vehicle.stdout is not None, "a pipe was asked for"
        try:
            said = vehicle.stdout.readline()
            if not said.startswith("listening at "):
                raise RuntimeError("the car's program did not begin to listen")
            yield said.split()[-1]
            vehicle.wait(PATIENCE)
        finally:
            vehicle.kill()  # if something went wrong; otherwise it has ended
    if vehicle.returncode != 0:
        raise RuntimeError(f"the car's program ended with {vehicle.returncode}")


def plan() -> list[State]:
    """Drive the usual way, without anybody who asks for anything."""
    car = Car()
    while not car.arrived:
        car.advance()
    return car.states
