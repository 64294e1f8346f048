import socket
import threading

from line_echo import ask, echo

from junto.protocols import run


def serve_one(listener: socket.socket) -> None:
    sock, _ = listener.accept()
    with sock:
        run(echo(), sock)


def main() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve_one, args=(listener,))
        server.start()
        with socket.create_connection(listener.getsockname()) as sock:
            print(run(ask(b"hello", b"world"), sock, timeout=5.0))
        server.join()


if __name__ == "__main__":
    main()
