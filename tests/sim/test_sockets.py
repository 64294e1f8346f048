"""Blocking and non-blocking sockets of programs on simulated hosts."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from junto.sim import Host, SimEscape, World
from junto.sim.sockets.simsocket import SimSocket

from .net_scenarios import run_world

_captured_recv = socket.socket.recv


class Shouting(socket.socket):
    """A socket as libraries derive them, before there is any world."""

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        return socket.socket.recv(self, bufsize, flags).upper()


def echo(port: int = 80) -> None:
    with socket.create_server(("", port)) as listener:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=answer, args=(connection,), daemon=True).start()


def answer(connection: socket.socket) -> None:
    with connection:
        while data := connection.recv(65536):
            connection.sendall(data)


def with_server(client: Callable[[], Any], server: Callable[[], Any] = echo, **options: Any) -> Any:
    """Run a blocking function against a server on another host."""

    async def scenario(world: World, there: Host, here: Host) -> Any:
        there.program(server)
        await world.sleep(0.1)
        return await here.program(client).wait()

    return run_world(scenario, "server", "client", **options)


def alone(client: Callable[[], Any], **options: Any) -> Any:
    async def scenario(world: World, host: Host) -> Any:
        return await host.program(client).wait()

    return run_world(scenario, "client", **options)


def error_of(call: Callable[..., Any], *args: Any) -> str:
    try:
        call(*args)
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, type(error).__name__)
    return "no error"


def test_a_blocking_client_talks_to_a_server_of_threads() -> None:  # S11, X1
    def client() -> Any:
        with socket.create_connection(("server", 80), timeout=5) as sock:
            sock.sendall(b"x" * 300_000)
            data = b""
            while len(data) < 300_000:
                data += sock.recv(65536)
            return len(data), sock.getpeername(), sock.getsockname()[0], sock.fileno() >= 1_000_000

    assert with_server(client) == (300_000, ("10.0.0.1", 80), "10.0.0.2", True)


def test_a_simulated_socket_is_a_socket() -> None:  # trap 10
    def client() -> Any:
        with socket.socket() as sock:
            return isinstance(sock, socket.socket), type(sock).__name__, sock.family, sock.type, sock.proto

    assert alone(client) == (True, "SimSocket", socket.AF_INET, socket.SOCK_STREAM, 0)


def test_classes_derived_from_socket_and_methods_asked_for_by_name_are_simulated() -> None:  # trap 10
    def client() -> Any:
        with Shouting() as sock:
            sock.connect(("server", 80))
            socket.socket.sendall(sock, b"quiet")
            heard = sock.recv(100)
            while len(heard) < 5:
                heard += sock.recv(100)
            sock.sendall(b"again")
            return heard, len(_captured_recv(sock, 1)), isinstance(sock, Shouting)

    assert with_server(client) == (b"QUIET", 1, True)


def test_outside_of_a_world_sockets_are_real() -> None:  # R5
    World(1).run(lambda: _nothing())
    left, right = socket.socketpair()
    with left, right:
        assert left.fileno() < 1_000_000
        assert type(left) is socket.socket
        socket.socket.send(left, b"real")
        assert _captured_recv(right, 10) == b"real"
    with Shouting() as sock:
        assert type(sock) is Shouting


async def _nothing() -> None:
    """Be a controlling program that does nothing."""


def test_a_timeout_is_kept_in_virtual_time() -> None:
    def client() -> Any:
        with socket.create_connection(("server", 80)) as sock:
            times = []
            for timeout in (0.5, 3600.0):
                sock.settimeout(timeout)
                begin = time.monotonic()
                with pytest.raises(TimeoutError, match="timed out"):
                    sock.recv(1)
                times.append(round(time.monotonic() - begin, 2))
            return times

    assert with_server(client) == [0.5, 3600.0]


def test_a_socket_without_waiting_says_that_it_would_have_to() -> None:
    def client() -> Any:
        with socket.socket() as sock:
            sock.setblocking(False)
            begun = sock.connect_ex(("10.0.0.1", 80))
            again = sock.connect_ex(("10.0.0.1", 80))
            time.sleep(1)
            connected = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), sock.getpeername()
            with pytest.raises(BlockingIOError):
                sock.recv(1)
            sock.setblocking(True)
            with pytest.raises(BlockingIOError):
                sock.recv(1, socket.MSG_DONTWAIT)
            return begun, again, connected, sock.gettimeout(), sock.getblocking()

    assert with_server(client) == (errno.EINPROGRESS, errno.EALREADY, (0, ("10.0.0.1", 80)), None, True)


def test_a_timeout_of_connecting_and_a_refusal_are_told() -> None:  # S1
    def client() -> Any:
        refused = error_of(socket.create_connection, ("server", 81))
        begin = time.monotonic()
        unreachable = error_of(socket.create_connection, ("10.9.9.9", 80))
        waited = time.monotonic() - begin
        with socket.socket() as sock:
            sock.settimeout(2)
            too_late = error_of(sock.connect, ("10.9.9.9", 80))
            code = sock.connect_ex(("10.0.0.1", 81))
        return refused, unreachable, round(waited), too_late, code

    seen = with_server(client)
    assert seen[0] == "ECONNREFUSED"
    assert seen[1] in ("ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH")
    assert seen[3] == "TimeoutError"
    assert seen[4] == errno.EALREADY


def test_a_name_takes_time_and_an_unknown_one_is_an_error() -> None:  # N1
    def client() -> Any:
        begin = time.monotonic()
        address = socket.gethostbyname("server")
        took = time.monotonic() - begin
        with pytest.raises(socket.gaierror):
            socket.create_connection(("nowhere", 80))
        return (
            address,
            0.0001 < took < 0.01,
            socket.gethostbyname_ex("server"),
            socket.getaddrinfo("server", "http", type=socket.SOCK_STREAM)[0][4],
            socket.gethostbyaddr("10.0.0.1")[0],
            socket.getnameinfo(("10.0.0.1", 80), 0),
            socket.getfqdn(),
            socket.gethostname(),
            socket.getservbyname("https"),
        )

    assert with_server(client) == (
        "10.0.0.1",
        True,
        ("server", [], ["10.0.0.1"]),
        ("10.0.0.1", 80),
        "server",
        ("server", "http"),
        "client",
        "client",
        443,
    )


def test_accepted_sockets_block_unless_the_default_timeout_says_otherwise() -> None:  # trap 9
    def server() -> Any:
        listener = socket.create_server(("127.0.0.1", 0))
        listener.setblocking(False)
        one = socket.create_connection(listener.getsockname())
        time.sleep(0.1)
        accepted, _ = listener.accept()
        first = accepted.gettimeout()
        socket.setdefaulttimeout(7)
        two = socket.create_connection(listener.getsockname())
        time.sleep(0.1)
        other, _ = listener.accept()
        result = first, other.gettimeout(), two.gettimeout(), one.gettimeout(), socket.getdefaulttimeout()
        for sock in (listener, one, two, accepted, other):
            sock.close()
        return result

    assert alone(server) == (None, 7, 7, None, 7)
    assert socket.getdefaulttimeout() is None


def test_every_way_of_receiving_and_sending() -> None:  # S11
    def client() -> Any:
        left, right = socket.socketpair()
        with left, right:
            left.send(b"abcdef")
            seen: list[Any] = [right.recv(3, socket.MSG_PEEK), right.recv(2)]
            buffer = bytearray(10)
            seen += [right.recv_into(buffer, 2), bytes(buffer[:2])]
            left.sendmsg([b"gh", memoryview(b"ij")])
            seen.append(right.recv(6, socket.MSG_WAITALL))
            left.sendall(bytearray(b"klm"))
            seen.append(right.recvmsg(100))
            left.sendall(b"nopq")
            parts = bytearray(2), bytearray(5)
            seen += [right.recvmsg_into(parts)[0], bytes(parts[0]), bytes(parts[1][:2])]
            left.sendto(b"rs", "ignored")
            seen.append(right.recvfrom(5))
            left.shutdown(socket.SHUT_WR)
            seen.append(right.recv(5))
            right.sendall(b"back")
            seen.append(left.recv(4))
            return seen

    # Without cuts, for with them less may have arrived at first.
    assert alone(client, chunking=0.0) == [
        b"abc",
        b"ab",
        2,
        b"cd",
        b"efghij",
        (b"klm", [], 0, None),
        4,
        b"no",
        b"pq",
        (b"rs", None),
        b"",
        b"back",
    ]


def test_datagrams_are_whole_or_cut_and_say_so() -> None:  # D1
    def server() -> Any:
        with socket.socket(type=socket.SOCK_DGRAM) as sock:
            sock.bind(("", 53))
            while True:
                data, source = sock.recvfrom(1000)
                sock.sendto(data * 2, source)

    def client() -> Any:
        with socket.socket(type=socket.SOCK_DGRAM) as sock:
            sock.settimeout(2)
            sock.sendto(b"0123", ("server", 53))
            peeked = sock.recv(3, socket.MSG_PEEK)
            data, _, flags, source = sock.recvmsg(5)
            sock.connect(("server", 53))
            sock.send(b"ab")
            connected = sock.recv(100)
            with pytest.raises(TimeoutError):
                sock.recv(1)
            return peeked, data, flags == socket.MSG_TRUNC, source, connected

    assert with_server(client, server) == (b"012", b"01230", True, ("10.0.0.1", 53), b"abab")


def test_files_of_a_socket_keep_it_open() -> None:
    def client() -> Any:
        sock = socket.create_connection(("server", 80))
        with sock.makefile("rw", encoding="utf-8", newline="\n") as lines:
            sock.close()
            lines.write("one\ntwo\n")
            lines.flush()
            heard = [lines.readline(), lines.readline()]
            still = sock.fileno() >= 0
        return heard, still, sock.fileno()

    assert with_server(client) == (["one\n", "two\n"], True, -1)


def test_a_file_is_sent(tmp_path: Any) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")

    def client() -> Any:
        with socket.create_connection(("server", 80)) as sock, open(path, "rb") as file:
            sent = sock.sendfile(file, 2, 5)
            data = b""
            while len(data) < 5:
                data += sock.recv(10)
            return sent, data

    assert with_server(client) == (5, b"23456")


def test_copies_share_the_connection_until_the_last_is_closed() -> None:
    def client() -> Any:
        sock = socket.create_connection(("server", 80))
        copy = sock.dup()
        other = socket.fromfd(sock.fileno(), socket.AF_INET, socket.SOCK_STREAM)
        numbers = {sock.fileno(), copy.fileno(), other.fileno()}
        sock.close()
        other.close()
        copy.sendall(b"on")
        heard = copy.recv(1)
        number = copy.detach()
        again = socket.socket(fileno=number)
        heard += again.recv(1)
        again.close()
        gone = error_of(again.recv, 1), error_of(copy.send, b""), again.fileno()
        return len(numbers), heard, again.fileno(), gone, error_of(lambda: socket.socket(fileno=number))

    assert with_server(client) == (3, b"on", -1, ("EBADF", "EBADF", -1), "EBADF")


def test_a_socket_that_goes_out_of_use_is_closed() -> None:
    def client() -> Any:
        left, right = socket.socketpair()
        del left
        with right:
            return right.recv(1)

    assert alone(client) == b""


def test_options_are_kept_or_tell_what_is_so() -> None:  # S11
    def client() -> Any:
        with socket.create_server(("", 80)) as listener, socket.create_connection(("localhost", 80)) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, True)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 10_000)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 5))

            def ask(name: str, who: socket.socket = sock) -> int:
                return who.getsockopt(socket.SOL_SOCKET, getattr(socket, name))

            return (
                sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY),
                [ask(name) for name in ("SO_KEEPALIVE", "SO_TYPE", "SO_PROTOCOL", "SO_ERROR", "SO_RCVBUF")],
                ask("SO_ACCEPTCONN", listener),
                ask("SO_REUSEADDR", listener),
                struct.unpack("ii", sock.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8)),
                sock.get_inheritable(),
            )

    assert alone(client) == (1, [1, socket.SOCK_STREAM, socket.IPPROTO_TCP, 0, 20_000], 1, 1, (1, 5), False)


def test_lingering_for_no_time_resets_the_connection() -> None:  # S6
    def server() -> None:
        with socket.create_server(("", 80)) as listener:
            connection, _ = listener.accept()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
            time.sleep(10)

    def client() -> str:
        with socket.create_connection(("server", 80)) as sock:
            return error_of(sock.recv, 1)

    assert with_server(client, server) == "ECONNRESET"


def test_a_sender_waits_for_a_reader_that_does_not_read() -> None:  # S4
    def server() -> None:
        with socket.create_server(("", 80)) as listener:
            connection, _ = listener.accept()
            time.sleep(5)
            while connection.recv(65536):
                pass

    def client() -> Any:
        with socket.create_connection(("server", 80)) as sock:
            begin = time.monotonic()
            sock.sendall(bytes(2_000_000))
            waited = time.monotonic() - begin
            return waited > 4.5

    assert with_server(client, server, seeds=(1,))


def test_shutting_down_a_listener_wakes_who_waits_there() -> None:
    def client() -> Any:
        listener = socket.create_server(("", 80))
        threading.Timer(1, listener.shutdown, (socket.SHUT_RDWR,)).start()
        outcome = error_of(listener.accept)
        listener.close()
        return outcome, round(time.monotonic() * 0)

    assert alone(client) == ("EINVAL", 0)


def test_unix_sockets_have_files_of_their_own(tmp_path: Any) -> None:  # S10
    path = str(tmp_path / "socket")

    def client() -> Any:
        with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as sock:
            listener.bind(path)
            listener.listen()
            there = os.path.exists(path)
            sock.connect(path)
            connection, _ = listener.accept()
            with connection:
                sock.sendall(b"x")
                heard = connection.recv(1)
            os.unlink(path)
            return there, heard, os.path.exists(path), error_of(sock.connect, path)

    assert alone(client) == (True, b"x", False, "EISCONN")
    assert not os.path.exists(path)


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("AF_PACKET", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW)),
        ("SOCK_RAW", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW)),
        ("descriptor 0", lambda: socket.socket(fileno=0)),
        ("MSG_OOB", lambda: socket.socketpair()[0].send(b"x", socket.MSG_OOB)),
        ("ancillary", lambda: socket.socketpair()[0].sendmsg([b"x"], [(1, 1, b"")])),
        ("IP_ADD_MEMBERSHIP", lambda: _member()),
        ("send_fds", lambda: socket.send_fds(socket.socketpair()[0], [b"x"], [0])),
        ("sethostname", lambda: socket.sethostname("other")),
    ],
)
def test_what_is_not_supported_is_refused_by_its_name(name: str, call: Callable[[], Any]) -> None:  # S11
    def client() -> str:
        with pytest.raises(SimEscape) as raised:
            call()
        return str(raised.value)

    assert name in alone(client, seeds=(1,))


def _member() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, bytes(8))


def test_what_the_system_would_do_with_a_descriptor_is_refused_by_name_and_closing_works() -> None:  # S11, B3
    def client() -> list[str]:
        names = []
        sock, other = socket.socketpair()
        number = sock.fileno()
        for call in (
            lambda: os.read(number, 1),
            lambda: os.write(number, b"x"),
            lambda: os.set_blocking(number, False),
            lambda: os.fdopen(number),
            lambda: os.sendfile(number, 0, 0, 1),
            lambda: fcntl.fcntl(sock, fcntl.F_GETFL),
        ):
            with pytest.raises(SimEscape) as raised:
                call()
            names.append(raised.value.name.partition(" ")[0])
        copy = os.dup(number)
        os.close(sock.detach())
        with socket.socket(fileno=copy) as kept:
            kept.sendall(b"still")
            assert other.recv(9) == b"still"
        assert other.recv(9) == b""
        return names

    assert alone(client, seeds=(1,)) == [
        *("os.read", "os.write", "os.set_blocking", "os.fdopen", "os.sendfile", "fcntl.fcntl")
    ]


def test_a_blocking_socket_on_the_loops_own_thread_blocks_its_host_only() -> None:  # X3
    async def scenario(world: World, server: Host, client: Host, other: Host) -> Any:
        server.program(echo)
        ticks: list[float] = []

        async def tick() -> None:
            for _ in range(10):
                await world.sleep(0.1)
                ticks.append(round(world.now, 1))

        async def block() -> Any:
            with socket.create_connection(("server", 80)) as sock:
                sock.settimeout(0.55)
                with pytest.raises(TimeoutError):
                    sock.recv(1)
            return len(ticks)

        await world.sleep(0.1)
        other.run(tick)
        return await client.run(block).wait()

    assert run_world(scenario, "server", "client", "other") == 5


def test_a_killed_host_closes_the_sockets_of_its_threads() -> None:  # H4, X4
    async def scenario(world: World, server: Host, client: Host) -> Any:
        server.program(echo)
        ended: list[str] = []

        def talk() -> Any:
            with socket.create_connection(("server", 80)) as sock:
                sock.sendall(b"x")
                sock.recv(1)
                return sock.recv(1)

        def never_ends() -> None:
            try:
                echo(81)
            finally:
                if world.now < 5:
                    ended.append("ran")

        server.program(never_ends)
        await world.sleep(0.1)
        program = client.program(talk)
        await world.sleep(1)
        server.kill()
        result = await program.wait()
        await world.sleep(5)
        return result, ended

    assert run_world(scenario, "server", "client") == (b"", [])


def test_every_public_method_of_a_socket_is_simulated() -> None:  # S11, trap 10
    ours = {name for part in SimSocket.__mro__ if part.__module__.startswith("junto.") for name in vars(part)}
    theirs = {name for part in socket.socket.__mro__[:-1] for name in vars(part) if not name.startswith("_")}
    assert theirs - ours == {"makefile"}  # which is written in Python, over the others
