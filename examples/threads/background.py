import threading

from junto import expose, sync


class Alarm:
    def __init__(self) -> None:
        self.rung = threading.Event()

    @expose
    def ring(self, why: str) -> None:
        print("alarm:", why)
        self.rung.set()


class Sentry:
    def __init__(self) -> None:
        self.alarms: list[sync.Proxy] = []

    @expose
    def watch(self, alarm: sync.Proxy) -> None:
        self.alarms.append(alarm)


def main() -> None:
    sentry = Sentry()
    alarm = Alarm()
    with sync.serve(sentry, "tcp://127.0.0.1:0") as server:
        server.start_thread()
        with sync.connect(server.addresses[0], service=alarm) as peer:
            peer.remote.watch(alarm)
            # Without this, the alarm would ring when this program waits for the peer the next time.
            peer.start_thread()
            for each in sentry.alarms:
                each.ring("smoke", timeout=5.0)
            print("heard:", alarm.rung.wait(timeout=5.0))


if __name__ == "__main__":
    main()
