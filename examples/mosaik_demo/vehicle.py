"""The household's car, as a server of VSOA: it publishes its drive, can be sent another way, and keeps a log.

As a program it sets off when enough programs listen: python vehicle.py --listen vsoa://127.0.0.1:0

- ``/drive/speed``, ``/drive/battery``, ``/drive/position``: what it publishes, in this order each time, with
  the number of the step; the data are the time of sending.
- ``/drive/road``: GET tells on which road it drives, SET has it take another one.
- ``/log``: how it was at each step, as a stream.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import hashlib
import io
import struct
import time
from typing import Any

from driving import EVERY, Car, State
from roads import ROADS

from junto import aio
from junto.vsoa import Response, StatusError
from junto.vsoa import aio as vsoa

PAUSE = 0.01  # seconds between two times of publishing
NO_ROAD, TOO_LATE = 128, 129  # statuses
TIME = struct.Struct("!d")


class Vehicle:
    """A car, and what clients may ask of it.

    Attributes:
        awaited: Set when as many as it waits for want to know where it is.
        left: Set when all clients are gone.
    """

    def __init__(self, server: vsoa.Server, listeners: int) -> None:
        self.car = Car()
        self.server = server
        self.listeners = listeners
        self.awaited = asyncio.Event()
        self.left = asyncio.Event()
        self.sending: set[asyncio.Task[None]] = set()
        server.on_client = self.client_came_or_went
        server.command("/drive/road")(self.road)
        server.command("/log")(self.log)

    def client_came_or_went(self, client: vsoa.Session, came: bool) -> None:
        client.on_subscribe = self.subscribed
        if not self.server.clients:
            self.left.set()

    def subscribed(self, client: vsoa.Session, urls: str | list[str]) -> None:
        clients = self.server.clients
        if sum(each.is_subscribed("/drive/position") for each in clients) >= self.listeners:
            self.awaited.set()

    async def drive(self) -> None:
        """Drive to the end of the road, and publish how it goes."""
        due = time.monotonic()
        self.publish(self.car.states[-1])
        while not self.car.arrived:
            # Not faster after a delay: the drive then takes longer, for all alike.
            due = max(due + PAUSE, time.monotonic())
            await asyncio.sleep(due - time.monotonic())
            for _ in range(EVERY):
                if not self.car.arrived:
                    self.car.advance()
            self.publish(self.car.states[-1])

    def publish(self, state: State) -> None:
        step, sent = len(self.car.states) - 1, TIME.pack(time.time())
        self.server.publish("/drive/speed", {"step": step, "kmh": state.kmh}, sent)
        self.server.publish("/drive/battery", {"step": step, "kwh": state.kwh}, sent)
        place = {"x": state.x, "y": state.y, "heading": state.heading, "left": state.left}
        self.server.publish("/drive/position", {"step": step, **place}, sent)

    def road(self, request: vsoa.Request) -> dict[str, Any]:
        if request.method == "SET":
            road = ROADS.get(request.param)
            if road is None:
                raise StatusError(NO_ROAD, f"the roads are {', '.join(ROADS)}")
            if not self.car.may_turn():
                raise StatusError(TOO_LATE, "the car has passed the fork")
            self.car.road = road
        return {"road": self.car.road.name, "step": len(self.car.states) - 1}

    async def log(self, request: vsoa.Request) -> Response:
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(State._fields)
        writer.writerows(self.car.states)
        content = text.getvalue().encode()
        offer = await self.server.offer_stream(request.session)
        task = asyncio.create_task(send(offer, content))
        self.sending.add(task)
        task.add_done_callback(self.sending.discard)
        digest = hashlib.sha256(content).hexdigest()
        return Response({"bytes": len(content), "sha256": digest}, tunnel=offer.port)


async def send(offer: vsoa.StreamOffer, content: bytes) -> None:
    async with await offer.accept() as stream:
        await stream.send(content)


async def main(url: str, listeners: int) -> None:
    async with vsoa.serve(url, info={"name": "the household's car"}) as server:
        vehicle = Vehicle(server, listeners)
        print("listening at", *server.addresses, flush=True)
        await vehicle.awaited.wait()
        await vehicle.drive()
        await vehicle.left.wait()  # they may want the log


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A car that drives to the town, as a server of VSOA.")
    parser.add_argument("--listen", default="vsoa://127.0.0.1:0", help="the address of the server")
    parser.add_argument("--listeners", type=int, default=3, help="how many it waits for before it sets off")
    args = parser.parse_args()
    aio.run(main(args.listen, args.listeners))
