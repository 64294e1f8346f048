"""simpy.io's names: the programs of its front page, at its three levels, and its codec."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from simpy import Interrupt

from junto.compat.simpy_io.codec import JSON
from junto.compat.simpy_io.message import InMessage, Message, MessageOverflowError
from junto.compat.simpy_io.network import Protocol, RemoteException
from junto.compat.simpy_io.packet import Packet, PacketUTF8

from .test_sockets import refused_address
from .worlds import BACKENDS, LOCAL, client_context, server_context

ALL_BACKENDS = (*BACKENDS, "virtual")

# The programs as users of simpy.io have them, but for their import lines, which `run_sample` changes.

SOCKETS = """
from simpy.io import select as backend

def server(env, addr):
    listening = backend.TCPSocket.server(env, addr)
    sock = yield listening.accept()
    question = yield sock.read(4)
    print(question.decode())
    yield sock.write("fine".encode())

def client(env, addr):
    sock = backend.TCPSocket.connection(env, addr)
    yield sock.write("well".encode())
    answer = yield sock.read(4)
    print(answer.decode())

env = backend.Environment()
serving = env.process(server(env, addr))
asking = env.process(client(env, addr))
env.run(until=asking)
"""

PACKETS = """
from simpy.io import select as backend
from simpy.io.packet import Packet

def server(env, addr):
    listening = backend.TCPSocket.server(env, addr)
    sock = yield listening.accept()
    packet = Packet(sock)
    question = yield packet.read()
    print(question.decode())
    yield packet.write("fine".encode())

def client(env, addr):
    packet = Packet(backend.TCPSocket.connection(env, addr))
    yield packet.write("well".encode())
    answer = yield packet.read()
    print(answer.decode())

env = backend.Environment()
serving = env.process(server(env, addr))
asking = env.process(client(env, addr))
env.run(until=asking)
"""

MESSAGES = """
from simpy.io import select as backend
from simpy.io.packet import PacketUTF8
from simpy.io.message import Message

def server(env, addr):
    listening = backend.TCPSocket.server(env, addr)
    sock = yield listening.accept()
    message = Message(env, PacketUTF8(sock))
    request = yield message.recv()
    print(request.content)
    yield request.succeed("fine")

def client(env, addr):
    message = Message(env, PacketUTF8(backend.TCPSocket.connection(env, addr)))
    reply = yield message.send("well")
    print(reply)

env = backend.Environment()
serving = env.process(server(env, addr))
asking = env.process(client(env, addr))
env.run(until=asking)
"""


@pytest.mark.parametrize("backend", ALL_BACKENDS)
@pytest.mark.parametrize("sample", [SOCKETS, PACKETS, MESSAGES], ids=["sockets", "packets", "messages"])
def test_a_program_runs_with_its_import_lines_changed(
    sample: str, backend: str, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = sample.replace("from simpy.io", "from junto.compat.simpy_io")
    changed = changed.replace("import select as backend", f"import {backend} as backend")
    exec(compile(changed, "<sample>", "exec"), {"addr": refused_address()})
    assert capsys.readouterr().out == "well\nfine\n"


def module(backend: str) -> Any:
    return importlib.import_module(f"junto.compat.simpy_io.{backend}")


@pytest.mark.parametrize("backend", BACKENDS)
def test_d13_tls_sockets_have_their_old_name_and_take_contexts(backend: str) -> None:
    io = module(backend)
    env = io.Environment()
    server = io.SSLSocket.server(env, LOCAL, context=server_context())
    accepting = server.accept()
    client = io.SSLSocket.connection(env, server.address, context=client_context())
    client.write(b"data")
    accepted = env.run(until=accepting)
    assert env.run(until=accepted.read(10)) == b"data"
    env.close()


@pytest.mark.parametrize("backend", ALL_BACKENDS)
def test_the_old_names_of_events_and_processes_are_there(backend: str) -> None:
    env = module(backend).Environment()
    event = env.suspend()

    def process() -> Any:
        try:
            yield event
        except Interrupt as interrupt:
            return interrupt.cause

    started = env.start(process())
    env.timeout(0).callbacks.append(lambda _event: started.interrupt("enough"))
    assert env.run(until=started) == "enough"
    env.close()


@pytest.mark.parametrize("backend", ALL_BACKENDS)
def test_the_old_names_of_layers_work_together(backend: str) -> None:
    io = module(backend)
    env = io.Environment()
    protocol = Protocol(env, (Message, {"message_limit": 1}), PacketUTF8, io.TCPSocket)
    server = protocol.server(LOCAL)
    client = protocol.connection(server.address)
    accepted = env.run(until=server.accept())
    reply = client.send("x")
    with pytest.raises(MessageOverflowError):
        client.send("y")
    request = env.run(until=accepted.recv())
    assert isinstance(request, InMessage)
    request.fail(KeyError("no"))
    with pytest.raises(RemoteException) as caught:
        env.run(until=reply)
    assert "KeyError: 'no'" in caught.value.remote_traceback
    assert Packet is not PacketUTF8
    env.close()


# --- the codec: S-180, S-181 ---------------------------------------------------------------------


class Point:
    def __init__(self, x: int) -> None:
        self.x = x

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.__dict__ == self.__dict__

    def encode(self) -> dict[str, Any]:
        return {"x": self.x}

    @staticmethod
    def decode(data: dict[str, Any]) -> Point:
        return Point(data["x"])


class Pixel(Point):
    pass


def round_trip(codec: JSON, value: Any) -> Any:
    return codec.decode(codec.encode(value))


@pytest.mark.parametrize(
    "value", ["", "grüß €", 0, -1, 2**70, 1.5, 1e300, [], [1, [2]], {}, {"a": {"b": [1]}}, None, True, False]
)
def test_s180_plain_values_survive(value: Any) -> None:
    result = round_trip(JSON(), value)
    assert result == value
    assert type(result) is type(value)


def test_s180_custom_types_travel_by_their_exact_class() -> None:
    codec = JSON([(complex, str, complex), Point])
    assert codec.encode([1j, Point(2)]) == b'[{"__type__": [0, "1j"]}, {"__type__": [1, {"x": 2}]}]'
    assert round_trip(codec, [1j, {"p": Point(2)}]) == [1j, {"p": Point(2)}]
    assert round_trip(JSON([(Point, lambda p: [p.x], lambda data: Point(data[0]))]), Point(3)) == Point(3)
    with pytest.raises(ValueError, match="Pixel"):
        codec.encode(Pixel(1))


def test_s180_custom_values_may_hold_others() -> None:
    codec = JSON([(Point, lambda p: p.x, Point), (complex, str, complex)])
    assert round_trip(codec, Point(1j)) == Point(1j)  # type: ignore[arg-type]  # any value will do here


@pytest.mark.parametrize("entry", [(Point,), (Point, Point.encode), (Point, 1, 2, 3), ()])
def test_s180_a_tuple_of_another_length_is_refused(entry: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError, match=str(len(entry))):
        JSON([entry])


def test_s180_converters_are_tried_in_order_after_the_types() -> None:
    def only(cls: type) -> Any:
        return lambda value: repr(value) if isinstance(value, cls) else None

    codec = JSON([(complex, str, complex)], [(only(bytes), eval), (only(object), lambda text: f"<{text}>")])
    assert codec.encode(b"x") == b"""{"__type__": [1, "b'x'"]}"""
    assert round_trip(codec, [1j, b"x", {1}]) == [1j, b"x", "<{1}>"]
    with pytest.raises(ValueError, match="set"):
        JSON([], [(only(bytes), eval)]).encode({1})


@pytest.mark.parametrize("value", [[1, 2, 3], [1], [], "text", None, {"a": 1}])
def test_s181_a_marker_without_a_pair_is_plain_data(value: Any) -> None:
    codec = JSON()
    assert round_trip(codec, {"__type__": value}) == {"__type__": value}
    assert codec.decode(b'{"__type__": [1, 2, 3], "more": 1}') == {"__type__": [1, 2, 3], "more": 1}


@pytest.mark.parametrize("payload", [b'{"__type__": [0, ""]}', b'{"__type__": ["0", ""]}', b"[", b"\xff"])
def test_s181_what_cannot_be_decoded_is_a_value_error(payload: bytes) -> None:
    with pytest.raises(ValueError):
        JSON().decode(payload)


@pytest.mark.parametrize("value", [object(), {1}, b"bytes", {"__type__": [0, ""]}, {(1, 2): 3}])
def test_s181_what_cannot_be_encoded_is_a_value_error(value: Any) -> None:
    with pytest.raises(ValueError):
        JSON().encode(value)


def test_s181_errors_of_encoders_and_decoders_are_value_errors() -> None:
    def fail(_value: Any) -> Any:
        raise KeyError("mine")

    with pytest.raises(ValueError, match="mine"):
        JSON([(complex, fail, complex)]).encode(1j)
    with pytest.raises(ValueError, match="mine"):
        JSON([(complex, str, fail)]).decode(b'{"__type__": [0, ""]}')


def test_another_key_leaves_the_usual_one_plain() -> None:
    codec = JSON([(complex, str, complex)], key="!")
    assert codec.encode(1j) == b'{"!": [0, "1j"]}'
    value = [1j, {"__type__": [0, ""]}]
    assert round_trip(codec, value) == value
