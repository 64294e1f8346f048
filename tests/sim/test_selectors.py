"""`select`, `poll`, `epoll` and the classes of `selectors` over sockets of simulated hosts."""

from __future__ import annotations

import select
import selectors
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from junto.sim import Host, SimEscape, World

from .net_scenarios import run_world

SELECTORS = ("DefaultSelector", "SelectSelector", "PollSelector", "EpollSelector")


def alone(client: Callable[[], Any], **options: Any) -> Any:
    async def scenario(world: World, host: Host) -> Any:
        return await host.program(client).wait()

    return run_world(scenario, "client", **options)


@pytest.mark.parametrize("name", SELECTORS)
def test_a_selector_serves_many_connections(name: str) -> None:  # X1
    def server() -> None:
        selector: selectors.BaseSelector = getattr(selectors, name)()
        listener = socket.create_server(("", 80))
        listener.setblocking(False)
        selector.register(listener, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is listener:
                    connection, _ = listener.accept()
                    connection.setblocking(False)
                    selector.register(connection, selectors.EVENT_READ, bytearray())
                    continue
                connection = key.fileobj  # type: ignore[assignment]  # the selector's sockets
                try:
                    data = connection.recv(4096)
                except BlockingIOError:
                    continue
                if data:
                    connection.sendall(data)
                else:
                    selector.unregister(connection)
                    connection.close()

    def client() -> Any:
        socks = [socket.create_connection(("server", 80)) for _ in range(5)]
        for number, sock in enumerate(socks):
            sock.sendall(bytes([number]) * 1000)
        heard = []
        for sock in socks:
            data = b""
            while len(data) < 1000:
                data += sock.recv(1000)
            heard.append(set(data))
            sock.close()
        return heard

    async def scenario(world: World, there: Host, here: Host) -> Any:
        there.program(server)
        await world.sleep(0.1)
        return await here.program(client).wait()

    assert run_world(scenario, "server", "client") == [{0}, {1}, {2}, {3}, {4}]


@pytest.mark.parametrize("name", SELECTORS)
def test_a_selector_waits_in_virtual_time_and_tells_what_is_ready(name: str) -> None:
    def client() -> Any:
        left, right = socket.socketpair()
        with getattr(selectors, name)() as selector, left, right:
            selector.register(left, selectors.EVENT_READ, "data")
            begin = time.monotonic()
            nothing = selector.select(3600)
            waited = round(time.monotonic() - begin)
            selector.modify(left, selectors.EVENT_READ | selectors.EVENT_WRITE, "other")
            writable = [(key.data, mask) for key, mask in selector.select(0)]
            right.send(b"x")
            time.sleep(1)
            both = [(key.fd == left.fileno(), mask) for key, mask in selector.select()]
            selector.unregister(left)
            return nothing, waited, writable, both, len(selector.get_map())

    read, write = selectors.EVENT_READ, selectors.EVENT_WRITE
    assert alone(client) == ([], 3600, [("other", write)], [(True, read | write)], 0)


def test_select_gives_the_objects_it_was_given_in_their_order() -> None:
    def client() -> Any:
        pairs = [socket.socketpair() for _ in range(4)]
        for _, right in reversed(pairs):
            right.send(b"x")
        time.sleep(0.1)
        lefts = [left for left, _ in pairs]
        readable, writable, urgent = select.select(lefts, lefts, lefts, 1)
        begin = time.monotonic()
        slept = select.select([], [], [], 2.5)
        waited = time.monotonic() - begin
        return readable == lefts, writable == lefts, urgent, slept, round(waited, 1)

    assert alone(client) == (True, True, [], ([], [], []), 2.5)


def test_poll_and_epoll_tell_of_ends_errors_and_what_is_closed() -> None:
    def client() -> Any:
        left, right = socket.socketpair()
        poll, epoll = select.poll(), select.epoll()
        for poller in (poll, epoll):
            poller.register(left, select.POLLIN | select.POLLOUT | 0x2000)
        fresh = [mask for _, mask in poll.poll()], [mask for _, mask in epoll.poll()]
        right.close()
        time.sleep(0.1)
        ended = [mask for _, mask in poll.poll(0)], [mask for _, mask in epoll.poll(0)]
        left.close()
        gone = [mask for _, mask in poll.poll(0)], epoll.poll(0)
        epoll.close()
        return fresh, ended, gone, epoll.closed, isinstance(epoll, select.epoll)

    out, hup = select.POLLIN | select.POLLOUT | 0x2000, select.POLLHUP
    seen = alone(client)
    assert seen[0] == ([select.POLLOUT], [select.POLLOUT])
    assert all(masks[0] & ~hup == out for masks in seen[1])
    assert seen[2:] == (([select.POLLNVAL], []), True, True)


def test_epoll_tells_of_an_edge_once_and_of_one_shot_until_it_is_modified() -> None:
    def client() -> Any:
        left, right = socket.socketpair()
        with select.epoll() as epoll, left, right:
            number = left.fileno()
            epoll.register(left, select.EPOLLIN | select.EPOLLET)
            seen: list[Any] = []
            for _ in range(2):
                right.send(b"x")
                time.sleep(0.1)
                seen += [epoll.poll(0), epoll.poll(0)]
            epoll.modify(left, select.EPOLLIN | select.EPOLLONESHOT)
            seen += [epoll.poll(0), epoll.poll(0)]
            epoll.modify(left, select.EPOLLIN)
            seen += [epoll.poll(0), epoll.poll(0)]
            with pytest.raises(FileExistsError):
                epoll.register(left)
            epoll.unregister(left)
            with pytest.raises(FileNotFoundError):
                epoll.modify(left, 0)
            return [[(fd == number, mask) for fd, mask in events] for events in seen]

    told: list[Any] = [(True, 1)]
    assert alone(client) == [told, [], told, [], told, [], told, told]


def test_one_thread_can_add_to_what_another_polls() -> None:
    def client() -> Any:
        left, right = socket.socketpair()
        epoll = select.epoll()

        def add() -> None:
            time.sleep(1)
            epoll.register(left, select.EPOLLIN)
            time.sleep(1)
            right.send(b"x")

        threading.Thread(target=add).start()
        begin = time.monotonic()
        events = epoll.poll()
        waited = round(time.monotonic() - begin)
        epoll.close()
        return len(events), waited, left.recv(1), right.fileno() > 0

    assert alone(client) == (1, 2, b"x", True)


def test_who_asks_again_and_again_takes_time() -> None:  # T7
    def client() -> Any:
        left, right = socket.socketpair()
        with left, right, selectors.DefaultSelector() as selector:
            selector.register(left, selectors.EVENT_READ)
            threading.Timer(0.001, right.send, (b"x",)).start()
            asked = 0
            while not selector.select(0):
                asked += 1
            left.setblocking(False)
            left.recv(1)
            threading.Timer(0.001, right.send, (b"x",)).start()
            while True:
                try:
                    return asked > 100, left.recv(1)
                except BlockingIOError:
                    continue

    assert alone(client) == (True, b"x")


def test_descriptors_that_are_not_simulated_are_refused() -> None:
    def client() -> Any:
        texts = []
        calls: list[Callable[[], Any]] = [
            lambda: select.select([sys.__stdin__.fileno() if sys.__stdin__ else 0], [], [], 0),
            lambda: select.poll().register(0),
            lambda: select.epoll().register(0),
            lambda: selectors.DefaultSelector().register(0, selectors.EVENT_READ),
        ]
        for call in calls:
            with pytest.raises(SimEscape) as raised:
                call()
            texts.append(str(raised.value).split(" cannot")[0])
        return texts

    assert alone(client) == [
        "select() with descriptor 0",
        "poll() with descriptor 0",
        "epoll with descriptor 0",
        "epoll with descriptor 0",
    ]
