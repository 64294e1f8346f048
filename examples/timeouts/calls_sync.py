import time

from junto import RequestTimeout, expose, sync


class Slow:
    @expose
    def answer(self, after: float) -> str:
        time.sleep(after)
        return "done"


def main() -> None:
    with sync.serve(Slow(), "tcp://127.0.0.1:0", workers=4) as server:
        server.start_thread()
        with sync.connect(server.addresses[0], request_timeout=0.5) as peer:
            # The time of this call.
            try:
                peer.remote.answer(0.3, timeout=0.1)
            except RequestTimeout as error:
                print(error)

            # The late reply to that call arrives while this one waits, and is dropped.
            print(peer.remote.answer(0.6, timeout=5.0))
            print("late replies:", peer.channel.late_replies)

            # The time of the connection, for calls that name none.
            try:
                peer.remote.answer(1)
            except RequestTimeout as error:
                print(error)


if __name__ == "__main__":
    main()
