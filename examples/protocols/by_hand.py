from line_echo import ask, echo

from junto.protocols import wire


def main() -> None:
    connection = echo()
    connection.send(b"hello")
    print(connection.read())
    connection.send(b"\nworld")
    print(connection.read())
    connection.send(b"\nand the rest\n")
    print(connection.read())

    client = ask(b"one", b"two")
    wire(client, echo())
    print(client.get_result())


if __name__ == "__main__":
    main()
