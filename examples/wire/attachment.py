from junto.codecs import MsgPack
from junto.sansio.messages import MessageProtocol


def main() -> None:
    ours, theirs = MessageProtocol(MsgPack()), MessageProtocol(MsgPack())
    ours.send_request("hello")
    theirs.receive_data(b"".join(ours.data_to_send()))
    theirs.send(1, 0, "hello")
    ours.receive_data(b"".join(theirs.data_to_send()))

    picture = bytes(20_000)
    ours.send_request(["show", [picture], {}])
    head, body = ours.data_to_send()
    # Without the length in front, and that of the body at its end.
    print("head:", head[4:-4])
    print("body:", len(body), "bytes, the picture itself:", body is picture)
    theirs.receive_data(head)
    ((kind, number, content),) = theirs.receive_data(body)
    print(kind, number, content[0], len(content[1][0]))


if __name__ == "__main__":
    main()
