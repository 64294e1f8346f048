from gevent import monkey

monkey.patch_all()

import socket

import gevent
from gevent.server import StreamServer
from line_echo import ask, echo

from junto.protocols import run


def talk(address: tuple[str, int], *lines: bytes) -> list[bytes]:
    with socket.create_connection(address) as sock:
        return run(ask(*lines), sock, timeout=5.0)


def main() -> None:
    server = StreamServer(("127.0.0.1", 0), lambda sock, _: run(echo(), sock))
    server.start()
    talks = [gevent.spawn(talk, server.address, *lines) for lines in ([b"hello"], [b"you", b"too"])]
    for each in talks:
        print(each.get())
    server.stop()


if __name__ == "__main__":
    main()
