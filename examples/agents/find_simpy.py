from junto import expose, simpy
from junto.agents import Failure, Restart
from junto.agents import simpy as agents


class Sensor(agents.Agent):
    def started(self) -> None:
        self.readings = iter([21.5, None, 22.0])
        self.latest = 0.0
        self.done = self.container.env.event()
        self.spawn(self.measure, restart=Restart(first=0.01))

    def measure(self):
        for reading in self.readings:
            yield self.container.env.timeout(0.001)
            if reading is None:
                raise ValueError("the line is noisy")
            self.latest = reading
        self.done.succeed()

    @expose
    def read(self):
        yield self.done
        return self.latest

    def stopping(self) -> None:
        print(self.name, "stops")


def report(failure: Failure) -> None:
    print(f"{failure.agent.name}: {failure.error}; again in {failure.restart_in} s")


def look(env):
    center = yield agents.open_container(env, "tcp://127.0.0.1:0")
    control = yield agents.open_container(env, "tcp://127.0.0.1:0")
    directory = agents.Directory(center)
    yield control.join(directory.url)
    field = yield agents.open_container(env, "tcp://127.0.0.1:0", on_failure=report)
    Sensor(field, name="roof", tags=["temperature"])
    yield field.join(directory.url)
    roof = yield control.find("roof")
    print("roof", (yield roof.read()))
    print(len((yield control.find_all("temperature"))), "for temperature")
    yield field.close()
    while (yield control.find_all("temperature")):
        yield env.timeout(0.01)
    print("none any more")
    yield control.close()
    yield center.close()


def main() -> None:
    env = simpy.Environment()
    env.run(until=env.process(look(env)))


if __name__ == "__main__":
    main()
