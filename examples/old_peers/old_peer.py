import json
import socket
import struct
from threading import Thread

from junto import expose, sync


class Math:
    @expose
    def add(self, a: int, b: int) -> int:
        return a + b


def main() -> None:
    with sync.serve(Math(), "tcp://127.0.0.1:0") as server:
        server.start_thread()
        address = server.addresses[0]

        # An old client, as it is on the wire.
        with socket.create_connection((address.host, address.port)) as client:
            request = json.dumps([0, 0, ["add", [3, 4], {}]]).encode()
            client.sendall(struct.pack(">I", len(request)) + request)
            print(client.recv(1000))

    # An old server: it answers any request with a result.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        Thread(target=answer_one, args=(listener,), daemon=True).start()
        port = listener.getsockname()[1]
        with sync.connect(f"tcp://127.0.0.1:{port}", extensions=False) as peer:
            print(peer.remote.weekdays())
            print("junto too:", peer.channel.extended)


def answer_one(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        (size,) = struct.unpack(">I", connection.recv(4))
        print(connection.recv(size))
        reply = b'[1, 0, ["Monday", "Tuesday"]]'
        connection.sendall(struct.pack(">I", len(reply)) + reply)


if __name__ == "__main__":
    main()
