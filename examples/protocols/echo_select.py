import select
import socket
import threading
from dataclasses import dataclass, field

from line_echo import ask, echo

from junto.protocols import Connection, Wants, run


@dataclass
class Peer:
    connection: Connection[None, object] = field(default_factory=echo)
    unsent: bytes = b""


def serve(listener: socket.socket, clients: int) -> None:
    """Serve so many clients in this thread, all at the same time."""
    peers: dict[socket.socket, Peer] = {}
    while clients or peers:
        # While a peer does not take its lines, its protocol wants no more of them.
        reading = [sock for sock, peer in peers.items() if Wants.INPUT in peer.connection.wants]
        writing = [sock for sock, peer in peers.items() if peer.unsent or peer.connection.pending_output]
        if clients:
            reading.append(listener)
        readable, writable, _ = select.select(reading, writing, [])
        for sock in readable:
            if sock is listener:
                client, _ = listener.accept()
                client.setblocking(False)
                peers[client] = Peer()
                clients -= 1
            elif data := sock.recv(65536):
                peers[sock].connection.send(data)
            else:
                peers[sock].connection.send_eof()
        for sock in writable:
            peer = peers[sock]
            peer.unsent = peer.unsent or peer.connection.read(65536)
            peer.unsent = peer.unsent[sock.send(peer.unsent) :]
        for sock, peer in list(peers.items()):
            if peer.connection.finished and not peer.unsent and not peer.connection.pending_output:
                del peers[sock]
                sock.close()


def main() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve, args=(listener, 2))
        server.start()
        with (
            socket.create_connection(listener.getsockname()) as one,
            socket.create_connection(listener.getsockname()) as two,
        ):
            print(run(ask(b"hello"), one))
            print(run(ask(b"you", b"too"), two))
        server.join()


if __name__ == "__main__":
    main()
