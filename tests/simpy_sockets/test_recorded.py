"""What real programs of simpy.io said to each other, said and heard by either side."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from junto.compat.simpy_io.codec import JSON
from junto.compat.simpy_io.message import Message
from junto.compat.simpy_io.network import RemoteException
from junto.compat.simpy_io.packet import Packet, PacketUTF8

from .worlds import TCP_WORLDS, World, read_all, write_all

WORLDS = TCP_WORLDS

VECTORS = json.loads((Path(__file__).parent.parent / "vectors/channel.json").read_bytes())
SESSIONS: dict[str, list[dict[str, Any]]] = defaultdict(list)
for vector in VECTORS:
    if (vector["session"] or "").startswith("simpyio."):
        SESSIONS[vector["session"]].append(vector)
MESSAGE_SESSIONS = [name for name in SESSIONS if name.startswith(("simpyio.message.", "simpyio.rpc."))]
PACKET_SESSIONS = [name for name in SESSIONS if name.startswith("simpyio.packet")]


class Custom:
    """Stands for a value of whatever class has this number."""

    number: int

    def __init__(self, data: Any) -> None:
        self.data = data

    def __repr__(self) -> str:
        return f"<{self.number}: {self.data!r}>"


CUSTOM = [type(f"Custom{number}", (Custom,), {"number": number}) for number in range(8)]


def meant(value: Any, key: str) -> Any:
    """Make the value that the file's notation means, with custom values for marked pairs."""
    if isinstance(value, list):
        return [meant(item, key) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"$float"}:
        return float(value["$float"])
    if value.keys() == {"$bytes"}:
        return bytes.fromhex(value["$bytes"])
    if value.keys() == {key}:
        number, data = value[key]
        return CUSTOM[number](meant(data, key))
    return {name: meant(item, key) for name, item in value.items()}


def recorded(session: str) -> list[dict[str, Any]]:
    return sorted(SESSIONS[session], key=lambda vector: vector["seq"])


def test_there_are_recorded_sessions() -> None:
    assert len(MESSAGE_SESSIONS) >= 8
    assert len(PACKET_SESSIONS) >= 2


@pytest.mark.parametrize("role", ["client", "server"])
@pytest.mark.parametrize("session", MESSAGE_SESSIONS)
def test_a_recorded_session_of_messages_is_replayed_in_either_role(
    world: World, session: str, role: str
) -> None:
    key = "!" if session == "simpyio.message.custom_key" else "__type__"
    codec = JSON([(cls, lambda value: value.data, cls) for cls in CUSTOM], key=key)
    peer, ours = world.pair()
    message = Message(world.env, PacketUTF8(ours), codec)
    requests: dict[int, Any] = {}
    replies: dict[int, Any] = {}
    for vector in recorded(session):
        kind, ident, content = meant(vector["decoded"], key)
        data = bytes.fromhex(vector["hex"])
        if vector["direction"].startswith(role):
            if kind == 0:
                replies[ident] = message.send(content)
            elif kind == 1:
                requests[ident].succeed(content)
            else:
                requests[ident].fail(KeyError("as text, which is free"))
                size = int.from_bytes(world.run(read_all(peer, 4)), "big")
                said = json.loads(world.run(read_all(peer, size)))
                assert said[:2] == [2, ident]
                assert said[2].endswith("\n")
                continue
            assert world.run(read_all(peer, len(data))) == data
        else:
            world.env.process(write_all(peer, data))
            if kind == 0:
                request = requests[ident] = world.wait(message.recv())
                assert (request.id, repr(request.content)) == (ident, repr(content))
            elif kind == 1:
                assert repr(world.wait(replies[ident])) == repr(content)
            else:
                with pytest.raises(RemoteException) as caught:
                    world.wait(replies[ident])
                assert caught.value.remote_traceback == content
    assert message.late_replies == 0


@pytest.mark.parametrize("role", ["client", "server"])
@pytest.mark.parametrize("session", PACKET_SESSIONS)
def test_a_recorded_session_of_packets_is_replayed_in_either_role(
    world: World, session: str, role: str
) -> None:
    peer, ours = world.pair()
    packet: Any = (PacketUTF8 if session.endswith("utf8") else Packet)(ours)
    for vector in recorded(session):
        content = meant(vector["decoded"], "__type__")
        data = bytes.fromhex(vector["hex"])
        if vector["direction"].startswith(role):
            packet.write(content)
            assert world.run(read_all(peer, len(data))) == data
        else:
            world.env.process(write_all(peer, data))
            assert world.wait(packet.read()) == content
