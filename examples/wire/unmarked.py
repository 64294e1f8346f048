from junto.codecs import JSON
from junto.errors import LocalProtocolError
from junto.sansio.kinds import NOTICE
from junto.sansio.messages import MessageProtocol
from junto.sansio.packets import make_packet


def main() -> None:
    ours = MessageProtocol(JSON())

    # A request of an old peer carries no mark, so none is sent back.
    print(ours.receive_data(make_packet(b'[0, 0, ["add", [3, 4], {}]]')))
    ours.send(1, 0, 7)
    print(ours.data_to_send())
    try:
        ours.send_extension(NOTICE, None, "hello")
    except LocalProtocolError as error:
        print(error)


if __name__ == "__main__":
    main()
