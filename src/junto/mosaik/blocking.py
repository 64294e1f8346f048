"""A simulator in plain code takes part in a simulation, in threads.

Several threads stand ready, and one of them does everything as long as it can: it receives a request,
runs the method, replies. Only when the method asks mosaik for something, and so has to wait, another
thread goes on receiving, because mosaik may need an answer to `get_data` first.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from threading import Event, Lock, Thread, get_ident
from typing import Any

from junto import sync
from junto.address import Address
from junto.errors import ConnectionFailed, ConnectionLost
from junto.exposing import resolve
from junto.mosaik.offering import offer
from junto.mosaik.requests import Mosaik
from junto.options import MOSAIK

__all__ = ["run"]

_THREADS = 3  # beside the one that runs the simulation: as many methods can wait for mosaik at a time


def run(
    simulator: Any,
    url: str | Address,
    listen: bool,
    timeout: float,
    listening: Callable[[Address], object] | None,
) -> None:
    """Take part in one simulation; see `junto.mosaik.run`."""
    if not listen:
        with sync.open_channel(url, **MOSAIK) as channel:
            _Part(simulator, channel).play()
        return
    channels: list[sync.Channel] = []
    connected = Event()

    def take(channel: sync.Channel) -> None:
        if channels:
            # In a thread, for this is a callback, in which nothing of the connection can be called.
            Thread(target=channel.abort, name="junto-refuse", daemon=True).start()
            return
        channels.append(channel)
        connected.set()

    with sync.serve_channels(None, url, connected=take, **MOSAIK) as server:
        server.start_thread()
        if listening is not None:
            listening(server.addresses[0])
        if not connected.wait(timeout):
            raise ConnectionFailed(f"mosaik did not connect to {server.addresses[0]} within {timeout:g} s")
        _Part(simulator, channels[0]).play()


class _Part:
    """A simulator's part in one simulation."""

    def __init__(self, simulator: Any, channel: sync.Channel) -> None:
        self._simulator = simulator
        self._channel = channel
        self._service = offer(simulator)
        self._stop: sync.Request | None = None
        self._ended = False
        self._receiving = Lock()  # of the thread that receives, or runs what it received
        self._receiver = 0
        self._running = Lock()  # of the thread that runs a method and does not wait for mosaik
        self._runner = 0

    def play(self) -> None:
        """Answer mosaik until it says ``stop`` or is gone; clean up."""
        self._simulator.mosaik = Mosaik(self._ask)
        try:
            self._receiving.acquire()  # before the others: this thread receives until a method has to wait
            self._receiver = get_ident()
            for number in range(_THREADS):
                Thread(target=self._serve, name=f"junto-mosaik-{number}", daemon=True).start()
            self._serve()
        finally:
            with self._running:
                self._simulator.finalize()
        if self._stop is None:
            raise ConnectionLost("mosaik closed the connection before it said stop")

    def _serve(self) -> None:
        me = get_ident()
        try:
            while True:
                if self._receiver != me:
                    self._receiving.acquire()
                    self._receiver = me
                request = None if self._ended else self._receive()
                if request is None:
                    return
                self._answer(request)
        finally:
            self._ended = True
            if self._receiver == me:
                self._pass_on()

    def _pass_on(self) -> None:
        self._receiver = 0
        self._receiving.release()

    def _receive(self) -> sync.Request | None:
        try:
            request = self._channel.recv()
        except ConnectionLost:
            return None
        if isinstance(request.content, list) and request.content[:1] == ["stop"]:
            # That is not answered: the connection is closed when all is cleaned up. A request that is
            # dropped is answered, so it is kept.
            self._stop = request
            return None
        return request

    def _answer(self, request: sync.Request) -> None:
        try:
            path, args, kwargs = request.content
            function, exposed = resolve(self._service, path)
            self._run()
            try:
                result = exposed.call(function, args, kwargs)
            finally:
                self._pause()
            request.reply(result)
        except Exception as error:
            with contextlib.suppress(ConnectionLost):  # nobody is left to be told
                request.fail(error)

    def _run(self) -> None:
        self._running.acquire()
        self._runner = get_ident()

    def _pause(self) -> None:
        self._runner = 0
        self._running.release()

    def _ask(self, name: str, *args: Any) -> Any:
        me = get_ident()
        running = self._runner == me  # and not in a thread of the simulator's own
        if running:
            self._pause()
            if self._receiver == me:
                self._pass_on()
        try:
            return self._channel.request([name, args, {}])
        finally:
            if running:
                self._run()
