"""Packets and stacks: S-140 to S-149."""

from __future__ import annotations

import os
from typing import Any

import pytest

from junto.simpy.messages import Message
from junto.simpy.packets import OversizedPacket, Packet, PacketUTF8
from junto.simpy.protocol import Protocol

from .worlds import LOCAL, Process, World, read_all, write_all


def half(world: World, **options: Any) -> tuple[Any, Packet]:
    """Connect a bare socket with a packet's."""
    sock, accepted = world.pair()
    return sock, Packet(accepted, **options)


def test_s140_a_packet_is_its_length_and_its_bytes(world: World) -> None:
    sock, packet = half(world)
    packet.write(b"\x00\x01binary\xff")
    assert world.run(read_all(sock, 13)) == b"\x00\x00\x00\x09\x00\x01binary\xff"
    world.run(write_all(sock, b"\x00\x00\x00\x03abc"))
    assert world.wait(packet.read()) == b"abc"
    assert (packet.max_packet_size, packet.blocksize) == (16384, 4096)


def test_s140_texts_travel_in_utf_8(world: World) -> None:
    sock, accepted = world.pair()
    packet = PacketUTF8(accepted)
    packet.write("grüß €")
    data = "grüß €".encode()
    assert world.run(read_all(sock, 4 + len(data))) == len(data).to_bytes(4, "big") + data
    world.run(write_all(sock, len(data).to_bytes(4, "big") + data))
    assert world.wait(packet.read()) == "grüß €"


@pytest.mark.parametrize("size", [1, 1000, 16384])
def test_s141_a_packet_arrives_whole(world: World, size: int) -> None:
    client, server = world.packets()
    data = os.urandom(size)
    written = client.write(data)
    assert world.wait(server.read()) == data
    assert world.wait(written) is None


def test_s141_a_packet_sent_byte_by_byte_arrives_whole(world: World) -> None:
    sock, packet = half(world)

    def drip() -> Process:
        for byte in b"\x00\x00\x00\x05hello\x00\x00\x00\x00\x00\x00\x00\x01!":
            yield sock.write(bytes([byte]))
            yield world.env.timeout(0.000_1)

    world.env.process(drip())
    assert [world.wait(packet.read()) for _ in range(3)] == [b"hello", b"", b"!"]


def test_s141_packets_of_one_read_need_no_further_data(world: World) -> None:
    sock, packet = half(world)
    world.run(write_all(sock, b"\x00\x00\x00\x01a\x00\x00\x00\x01b\x00\x00\x00\x02c"))
    assert world.wait(packet.read()) == b"a"
    event = packet.read()
    assert event.triggered
    assert world.wait(event) == b"b"
    rest = packet.read()
    world.sleep(0.002)
    assert not rest.triggered
    sock.write(b"d")
    assert world.wait(rest) == b"cd"


def test_s141_a_small_block_reads_large_packets(world: World) -> None:
    sock, packet = half(world, blocksize=1)
    data = os.urandom(3000)
    world.env.process(write_all(sock, (3000).to_bytes(4, "big") + data))
    assert world.wait(packet.read()) == data


def test_s141_a_write_larger_than_the_buffers_succeeds_when_all_is_handed_over(world: World) -> None:
    client, server = world.packets(max_packet_size=10_000_000)
    data = os.urandom(8_000_000)
    written = client.write(data)
    assert world.wait(server.read()) == data
    assert world.wait(written) is None


def test_s142_writing_above_the_limit_is_refused_and_the_connection_stays_usable(world: World) -> None:
    client, server = world.packets(max_packet_size=10)
    with pytest.raises(ValueError, match=r"11.*10"):
        client.write(b"11 bytes...")
    client.write(b"ten bytes.")
    assert world.wait(server.read()) == b"ten bytes."


def test_s142_the_bytes_of_a_text_count(world: World) -> None:
    client, _server = world.packets(PacketUTF8, max_packet_size=4)
    with pytest.raises(ValueError, match=r"6.*4"):
        client.write("€€")


def test_s143_a_header_above_the_limit_fails_the_read_and_closes_the_connection(world: World) -> None:
    sock, packet = half(world, max_packet_size=10)
    pending = packet.read()
    world.run(write_all(sock, b"\x00\x00\x00\x0b"))
    with pytest.raises(ValueError, match="11") as caught:
        world.wait(pending)
    assert isinstance(caught.value, OversizedPacket | ConnectionError)
    with pytest.raises(ConnectionError):
        world.wait(sock.read(1))
    for start in (packet.read, lambda: packet.write(b"x")):
        with pytest.raises(ConnectionError):
            world.wait(start())


def test_s143_complete_packets_before_it_are_read_first(world: World) -> None:
    sock, packet = half(world, max_packet_size=10)
    world.run(write_all(sock, b"\x00\x00\x00\x01a\x00\x00\x00\x01b\xff\xff\xff\xff"))
    assert [world.wait(packet.read()) for _ in range(2)] == [b"a", b"b"]
    with pytest.raises(ValueError, match="4,294,967,295"):
        world.wait(packet.read())


def test_s143_nothing_leaves_the_run_even_if_nobody_waits(world: World) -> None:
    sock, packet = half(world, max_packet_size=10)
    packet.read()
    world.run(write_all(sock, b"\xff\xff\xff\xff"))
    sock.close()
    world.run_out()


def test_s144_a_second_operation_while_one_is_pending_is_refused(world: World) -> None:
    client, server = world.packets(max_packet_size=10_000_000)
    client.read()
    with pytest.raises(RuntimeError, match="Already reading"):
        client.read()
    client.write(bytes(9_000_000))
    with pytest.raises(RuntimeError, match="Already writing"):
        client.write(b"x")
    assert len(world.wait(server.read())) == 9_000_000


def test_s145_an_end_inside_a_packet_comes_after_the_complete_ones(world: World) -> None:
    sock, packet = half(world)
    world.run(write_all(sock, b"\x00\x00\x00\x01a\x00\x00\x00\x01b\x00\x00\x00\x09c"))
    sock.close()
    assert [world.wait(packet.read()) for _ in range(2)] == [b"a", b"b"]
    for _ in range(2):
        with pytest.raises(ConnectionResetError):
            world.wait(packet.read())


@pytest.mark.parametrize("sent", [b"", b"\x00\x00", b"\x00\x00\x00\x05abc"])
def test_s145_the_end_fails_a_pending_read(world: World, sent: bytes) -> None:
    sock, packet = half(world)
    pending = packet.read()
    world.run(write_all(sock, sent))
    sock.close()
    with pytest.raises(ConnectionResetError):
        world.wait(pending)


@pytest.mark.parametrize("pending", [True, False])
def test_s146_bytes_that_are_no_text_fail_that_read_only(world: World, pending: bool) -> None:
    sock, accepted = world.pair()
    packet = PacketUTF8(accepted)
    reading = packet.read() if pending else None
    world.run(write_all(sock, b"\x00\x00\x00\x02\xff\xfe\x00\x00\x00\x02ok"))
    world.sleep(0.002)
    with pytest.raises(UnicodeDecodeError):
        world.wait(packet.read() if reading is None else reading)
    assert world.wait(packet.read()) == "ok"


def test_s147_a_server_of_packets_accepts_packet_objects_with_its_limits(world: World) -> None:
    server = PacketUTF8(world.socket(), max_packet_size=99, blocksize=7)
    server.bind(LOCAL)
    server.listen()
    client = PacketUTF8(world.socket())
    world.wait(client.connect(server.address))
    accepted = world.wait(server.accept())
    assert type(accepted) is PacketUTF8
    assert (accepted.max_packet_size, accepted.blocksize) == (99, 7)
    assert accepted.peer_address == client.address != accepted.address
    assert client.peer_address == server.address
    assert world.is_virtual or accepted.address == server.address  # there each end has a port of its own
    client.close()
    server.close()
    with pytest.raises(OSError, match="Bad file"):
        _ = server.address
    with pytest.raises(ConnectionResetError):
        world.wait(accepted.read())


@pytest.mark.parametrize("operation", ["read", "write", "accept"])
def test_s147_closing_fails_what_is_pending_and_what_comes_later(world: World, operation: str) -> None:
    if operation == "accept":
        client: Any = Packet(world.server())
        start = client.accept
    else:
        client, _server = world.packets(max_packet_size=10_000_000)
        start = client.read if operation == "read" else lambda: client.write(bytes(9_000_000))
    pending = start()
    client.close()
    client.close()
    for event in (pending, start()):
        with pytest.raises(OSError, match="Bad file"):
            world.wait(event)


def test_s147_nothing_is_read_from_a_closed_one_even_if_it_had_come(world: World) -> None:
    sock, packet = half(world)
    world.run(write_all(sock, b"\x00\x00\x00\x01a\x00\x00\x00\x01b"))
    assert world.wait(packet.read()) == b"a"
    packet.close()
    with pytest.raises(OSError, match="Bad file"):
        world.wait(packet.read())


def test_s148_empty_packets_are_transmitted(world: World) -> None:
    client, server = world.packets()
    for data in (b"", b"x", b""):
        client.write(data)
        assert world.wait(server.read()) == data


def test_s149_a_protocol_builds_stacks(world: World) -> None:
    protocol = Protocol(world.env, Packet, world.Socket)
    server = protocol.server(LOCAL)
    client = protocol.connection(server.address)
    accepted = world.wait(server.accept())
    assert {type(stack) for stack in (server, client, accepted)} == {Packet}
    client.write(b"data")
    assert world.wait(accepted.read()) == b"data"
    alone = protocol()
    world.wait(alone.connect(server.address))
    assert alone.peer_address == server.address


def test_s149_each_layer_can_have_options(world: World) -> None:
    packets = (PacketUTF8, {"max_packet_size": 5})
    protocol = Protocol(world.env, (Message, {"message_limit": 7}), packets, world.Socket)
    server = protocol.server(LOCAL)
    client = protocol.connection(server.address)
    accepted = world.wait(server.accept())
    for stack in (client, accepted):
        assert isinstance(stack, Message)
        assert stack.message_limit == 7
        assert isinstance(stack.packet, PacketUTF8)
        assert stack.packet.max_packet_size == 5


def test_s149_a_protocol_needs_a_socket(world: World) -> None:
    with pytest.raises(ValueError, match="socket"):
        Protocol(world.env, Packet)


def test_who_uses_the_socket_itself_is_told_and_the_packets_go_on(world: World) -> None:
    sock, packet = half(world)
    reading = packet.socket.read(4)
    with pytest.raises(RuntimeError, match="Already reading"):
        packet.read()
    world.run(write_all(sock, b"bare\x00\x00\x00\x01x"))
    assert world.wait(reading) == b"bare"
    assert world.wait(packet.read()) == b"x"
    writing = packet.socket.write(bytes(40_000_000))
    while writing.triggered:
        writing = packet.socket.write(bytes(40_000_000))
    with pytest.raises(RuntimeError, match="Already writing"):
        packet.write(b"x")
    packet.socket.close()
    assert isinstance(world.error_of(lambda: packet.write(b"x")), OSError)
