"""What aiomas, simpy.io and mosaik said to each other, said and heard by junto."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from junto.blosc import MsgPackBlosc
from junto.codecs import JSON, Codec, MsgPack
from junto.custom_types import CustomType
from junto.sansio.kinds import REQUEST
from junto.sansio.messages import MessageProtocol
from junto.sansio.packets import PacketReader

CODECS: dict[str, type[Codec]] = {"JSON": JSON, "MsgPack": MsgPack, "MsgPackBlosc": MsgPackBlosc}
ALL: list[dict[str, Any]] = json.loads((Path(__file__).parent.parent / "vectors/channel.json").read_bytes())
CODED = [vector for vector in ALL if vector["codec"] is not None]
SESSIONS: dict[str, list[dict[str, Any]]] = defaultdict(list)
for vector in CODED:
    if vector["session"] is not None:
        SESSIONS[vector["session"]].append(vector)


def by_name(vectors: list[dict[str, Any]]) -> list[Any]:
    return [pytest.param(vector, id=vector["name"]) for vector in vectors]


def from_notation(value: Any, *, as_key: bool = False) -> Any:
    """Make the value that the file's notation means."""
    if isinstance(value, list):
        items = [from_notation(item, as_key=as_key) for item in value]
        return tuple(items) if as_key else items
    if isinstance(value, dict):
        if value.keys() == {"$bytes"}:
            return bytes.fromhex(value["$bytes"])
        if value.keys() == {"$float"}:
            return float(value["$float"])
        if value.keys() == {"$map"}:
            return {from_notation(key, as_key=True): from_notation(item) for key, item in value["$map"]}
        return {key: from_notation(item) for key, item in value.items()}
    return value


def payload_of(vector: dict[str, Any]) -> bytes:
    data = bytes.fromhex(vector["hex"])
    if not vector["framed"]:
        return data
    (payload,) = PacketReader(1 << 26, memoryview(bytearray(1 << 16))).receive_data(data)
    return payload


@pytest.mark.parametrize("vector", by_name(CODED))
def test_recorded_bytes_mean_what_was_said(vector: dict[str, Any]) -> None:
    codec = CODECS[vector["codec"]]()
    payload = payload_of(vector)
    data = payload if codec.decompress is None else codec.decompress(payload, 1 << 26)
    # By their texts: not-a-number is itself there, and 1 is not 1.0.
    assert repr(codec.load(data)) == repr(from_notation(vector["decoded"]))


@pytest.mark.parametrize("vector", by_name(CODED))
def test_what_was_said_is_written_in_the_recorded_bytes(vector: dict[str, Any]) -> None:
    codec = CODECS[vector["codec"]]()
    value = from_notation(vector["decoded"])
    payload = codec.echo(value) if "__type__" in repr(value) else codec.dump(value)
    if codec.compress is not None:
        payload = codec.compress(payload)
    recorded = payload_of(vector)
    if codec.decompress is not None and len(recorded) >= 128:
        assert codec.decode(payload) == codec.decode(recorded)  # CH-18
    else:
        assert payload == recorded


# --- whole sessions ------------------------------------------------------------------------------


class Custom:
    """Stands for a value of whatever class has this number."""

    number: int

    def __init__(self, data: Any) -> None:
        self.data = data

    def __repr__(self) -> str:
        return f"<{self.number}: {self.data!r}>"


CUSTOM = [type(f"Custom{number}", (Custom,), {"number": number}) for number in range(8)]
TYPES: list[CustomType[Any]] = [CustomType(cls, lambda value: value.data, cls) for cls in CUSTOM]


def revive(value: Any) -> Any:
    if isinstance(value, list):
        return [revive(item) for item in value]
    if isinstance(value, dict):
        if "__type__" in value:
            number, data = value["__type__"]
            return CUSTOM[number](revive(data))
        return {key: revive(item) for key, item in value.items()}
    return value


def roles() -> list[Any]:
    return [
        pytest.param(session, role, id=f"{session} as {role}")
        for session in SESSIONS
        for role in sorted({vector["direction"].partition("->")[0] for vector in SESSIONS[session]})
    ]


# CH-32 for the sessions of mosaik
@pytest.mark.parametrize(("session", "role"), roles())
@pytest.mark.parametrize("extensions", [False, True])
def test_a_recorded_session_is_replayed_in_either_role(session: str, role: str, extensions: bool) -> None:
    codec = CODECS[SESSIONS[session][0]["codec"]]
    ours = MessageProtocol(codec(TYPES), extensions=extensions)
    peer = MessageProtocol(codec(TYPES), extensions=False)
    said = 0
    for vector in sorted(SESSIONS[session], key=lambda vector: vector["seq"]):
        kind, ident, content = revive(from_notation(vector["decoded"]))
        data = bytes.fromhex(vector["hex"])
        expected = repr([(kind, ident, content)])
        if not vector["direction"].startswith(role):
            assert repr(ours.receive_data(data)) == expected
            continue
        if kind == REQUEST:
            assert ours.send_request(content) == ident
        else:
            ours.send(kind, ident, content)
        written = b"".join(ours.data_to_send())
        assert repr(peer.receive_data(written)) == expected
        # A mark can only be on the first message, and only for a peer that has not spoken before.
        if not extensions or said > 0:
            assert written == data or codec is MsgPackBlosc
        said += 1
    assert not ours.extended
    assert not ours.receive_eof()
