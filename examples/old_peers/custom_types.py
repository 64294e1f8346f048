from datetime import UTC, datetime

from junto import CustomType, expose, serializable, sync
from junto.codecs import JSON


class Position:
    def __init__(self, x: float, y: float) -> None:
        self.x = x
        self.y = y


def make_codec() -> JSON:
    # Both peers list the same types in the same order: only the number travels.
    return JSON(
        [
            serializable(Position),
            CustomType(datetime, datetime.isoformat, datetime.fromisoformat),
        ]
    )


class Radar:
    @expose
    def locate(self, name: str) -> dict[str, object]:
        return {
            "name": name,
            "at": Position(3.0, 4.0),
            "seen": datetime(2025, 5, 1, 12, tzinfo=UTC),
        }


def main() -> None:
    print(make_codec().encode(Position(3.0, 4.0)))

    with sync.serve(Radar(), "tcp://127.0.0.1:0", codec=make_codec()) as server:
        server.start_thread()
        with sync.connect(server.addresses[0], codec=make_codec()) as peer:
            found = peer.remote.locate("ferry")
            print(found["at"].x, found["seen"].year)


if __name__ == "__main__":
    main()
