from dataclasses import dataclass

from junto import ProtocolViolation
from junto.protocols import (
    EventSteps,
    Steps,
    emit,
    expect,
    peek_exactly,
    protocol,
    put,
    read,
    read_int,
    readline,
)


@dataclass
class Joined:
    name: str


@dataclass
class Said:
    text: str


def read_text() -> Steps[str]:
    """Read a text with its length in front."""
    size = yield from read_int(2)
    return (yield from read(size)).decode()


@protocol(max_input=4096)
def chat() -> EventSteps[Joined | Said, int]:
    """Greet, and emit what the other side does; return how often it spoke."""
    yield from put(b"CHAT 1\n")
    yield from expect(b"HELLO ")
    yield from emit(Joined((yield from readline(include=False, limit=100)).decode()))
    spoken = 0
    while True:
        kind = yield from peek_exactly(1)
        if kind == b"S":
            yield from expect(b"S")
            yield from emit(Said((yield from read_text())))
            spoken += 1
        elif kind == b"Q":
            return spoken
        else:
            raise ProtocolViolation(f"there is no message {kind!r}")


def main() -> None:
    connection = chat()
    print(connection.read())
    connection.send(b"HELLO Ann\nS\0\5hel")
    connection.send(b"loS\0\0Q and more")
    for event in connection.events():
        print(event)
    print(connection.get_result(), connection.unused_data)


if __name__ == "__main__":
    main()
