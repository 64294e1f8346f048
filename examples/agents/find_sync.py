import threading
import time

from junto import expose
from junto.agents import Failure, Restart, sync


class Sensor(sync.Agent):
    def started(self) -> None:
        self.readings = iter([21.5, None, 22.0])
        self.latest = 0.0
        self.done = threading.Event()
        self.spawn(self.measure, restart=Restart(first=0.01))

    def measure(self) -> None:
        for reading in self.readings:
            if reading is None:
                raise ValueError("the line is noisy")
            self.latest = reading
        self.done.set()

    @expose
    def read(self) -> float:
        self.done.wait()
        return self.latest

    def stopping(self) -> None:
        print(self.name, "stops")


def report(failure: Failure) -> None:
    print(f"{failure.agent.name}: {failure.error}; again in {failure.restart_in} s")


def main() -> None:
    with (
        sync.open_container("tcp://127.0.0.1:0") as center,
        sync.open_container("tcp://127.0.0.1:0") as control,
    ):
        center.start_thread()
        control.start_thread()
        directory = sync.Directory(center)
        control.join(directory.url)
        with sync.open_container("tcp://127.0.0.1:0", workers=2, on_failure=report) as field:
            field.start_thread()
            Sensor(field, name="roof", tags=["temperature"])
            field.join(directory.url)
            roof = control.find("roof")
            print("roof", roof.read())
            print(len(control.find_all("temperature")), "for temperature")
        while control.find_all("temperature"):
            time.sleep(0.01)
        print("none any more")


if __name__ == "__main__":
    main()
