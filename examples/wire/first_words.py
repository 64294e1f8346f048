from junto.codecs import JSON
from junto.sansio.messages import MessageProtocol


def main() -> None:
    client = MessageProtocol(JSON())
    server = MessageProtocol(JSON())

    def show(who: str, sender: MessageProtocol, receiver: MessageProtocol) -> None:
        for data in sender.data_to_send():
            print(who, data)
            print("   ", receiver.receive_data(data))

    # Neither knows the other: the first message of each is marked.
    client.send_request(["add", [3, 4], {}])
    show("client", client, server)
    server.send(1, 0, 7)
    show("server", server, client)

    # Both know: several messages share a packet.
    client.send_request(["add", [1, 2], {}])
    client.send_request(["add", [5, 6], {}])
    show("client", client, server)


if __name__ == "__main__":
    main()
