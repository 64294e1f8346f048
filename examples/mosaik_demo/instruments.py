"""The same day, measured: three instruments with a bad link, read by an asyncio and by a blocking client.

The instruments are simulated, but their sockets are real. An hour takes an eighth of a second, and in the
course of the day one instrument drops its connections, one breaks them, and one is away for a while. The
clients connect again by themselves. Each question has a number, which the answer repeats, so that an answer
to another question would be noticed.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from energy import DAY, household_kw, roof_kw

from junto import aio, sync
from junto.instrument.retrying import Retry
from junto.instrument.simulated import SimulatedInstrument

SPEED = 8 * 3600  # simulated seconds in one
PAUSE = 0.02  # seconds between two readings
READINGS = round(DAY / SPEED / PAUSE)
PEAK_KW = 3.6
AGAIN = Retry(initial=0.01, maximum=0.05, min_uptime=0.0)
PATIENCE = 0.1  # seconds for one reading, connecting again included


@dataclass
class Meter:
    """What one client has read of one instrument.

    Attributes:
        name: Of the instrument.
        client: By which flavour it was read.
        values: At equal distances over the day; not-a-number where there was no answer in time.
        failed: How many readings failed.
        wrong: How many answers were those to another question, or not what was measured.
        connections: How many connections it took.
    """

    name: str
    client: str
    values: list[float] = field(default_factory=lambda: [math.nan] * READINGS)
    failed: int = 0
    wrong: int = 0
    connections: int = 0

    def take(self, number: int, answer: str) -> None:
        asked, _, value = answer.partition(",")
        if int(asked) == number:
            self.values[number] = float(value)
        else:
            self.wrong += 1

    def as_json(self) -> dict[str, object]:
        read = sum(not math.isnan(value) for value in self.values)
        return {
            "client": self.client,
            "read": read,
            "failed": self.failed,
            "wrong": self.wrong,
            "connections": self.connections,
        }


def answering(measure: Callable[[int], float]) -> Callable[[str], str]:
    """Make an instrument that tells what it measures at the time of a question, with the number of that."""

    def answer(request: str) -> str:
        number = int(request.removeprefix("POW? "))
        return f"{number},{measure(time_of(number)):.6f}"

    return answer


def time_of(number: int) -> int:
    return round(number * PAUSE * SPEED)


ROOF, HOUSEHOLD, GRID = (
    answering(lambda now: roof_kw(PEAK_KW, now)),
    answering(household_kw),
    answering(lambda now: household_kw(now) - roof_kw(PEAK_KW, now)),
)


def measure(progress: Callable[[float], object]) -> list[Meter]:
    """Read the instruments for a day.

    Args:
        progress: Called with the part of the day that is done, 0 to 1.
    """
    roof, household, grid = Meter("roof", "aio"), Meter("household", "aio"), Meter("grid", "sync")
    with (
        # The first closes each connection after some requests, the second breaks off, the third goes away.
        SimulatedInstrument(ROOF, disconnect_after=19) as flaky,
        SimulatedInstrument(HOUSEHOLD, latency=0.001) as breaking,
        SimulatedInstrument(GRID) as leaving,
        trouble(breaking, leaving),
    ):
        start = time.monotonic()
        blocking = threading.Thread(target=read_blocking, args=(grid, leaving.port, start))
        blocking.start()
        try:
            aio.run(read_both((roof, flaky.port), (household, breaking.port), start, progress))
        finally:
            blocking.join()
    for meter, answer in ((roof, ROOF), (household, HOUSEHOLD), (grid, GRID)):
        for number, value in enumerate(meter.values):
            if not math.isnan(value) and f"{number},{value:.6f}" != answer(f"POW? {number}"):
                meter.wrong += 1
    return [roof, household, grid]


@contextlib.contextmanager
def trouble(breaking: SimulatedInstrument, leaving: SimulatedInstrument) -> Iterator[None]:
    """Make trouble at fixed times of the day, in a thread of its own."""
    over = threading.Event()

    def make() -> None:
        for hour, act in (
            (4, lambda: breaking.disconnect(reset=True)),
            (10, leaving.stop),
            (13, leaving.start),
            (17, lambda: breaking.disconnect(reset=True)),
        ):
            if over.wait(max(0.0, start + hour * 3600 / SPEED - time.monotonic())):
                return
            act()

    start = time.monotonic()
    thread = threading.Thread(target=make)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


async def read_both(
    one: tuple[Meter, int], other: tuple[Meter, int], start: float, progress: Callable[[float], object]
) -> None:
    async with asyncio.TaskGroup() as group:
        for meter, port in (one, other):
            group.create_task(read(meter, port, start, progress))


async def read(meter: Meter, port: int, start: float, progress: Callable[[float], object]) -> None:
    client = aio.TCP("127.0.0.1", port, retry=AGAIN, timeout=PATIENCE)
    number = 0
    while number < READINGS:
        await asyncio.sleep(start + number * PAUSE - time.monotonic())
        try:
            meter.take(number, await client.query(f"POW? {number}"))
        except OSError:
            meter.failed += 1
        number = following(number, start)
        progress(min(1.0, number / READINGS))
    meter.connections = client.connection_counter
    await client.close()


def read_blocking(meter: Meter, port: int, start: float) -> None:
    client = sync.TCP("127.0.0.1", port, retry=AGAIN, timeout=PATIENCE)
    number = 0
    while number < READINGS:
        time.sleep(max(0.0, start + number * PAUSE - time.monotonic()))
        try:
            meter.take(number, client.query(f"POW? {number}"))
        except OSError:
            meter.failed += 1
        number = following(number, start)
    meter.connections = client.connection_counter
    client.close()


def following(number: int, start: float) -> int:
    """Tell which reading is the next: what was missed is not read later."""
    return max(number + 1, math.ceil((time.monotonic() - start) / PAUSE))
