import trio

from junto import expose
from junto.agents import Failure, Restart
from junto.agents import trio as agents


class Sensor(agents.Agent):
    def started(self) -> None:
        self.readings = iter([21.5, None, 22.0])
        self.latest = 0.0
        self.done = trio.Event()
        self.spawn(self.measure, restart=Restart(first=0.01))

    async def measure(self) -> None:
        for reading in self.readings:
            if reading is None:
                raise ValueError("the line is noisy")
            self.latest = reading
        self.done.set()

    @expose
    async def read(self) -> float:
        await self.done.wait()
        return self.latest

    def stopping(self) -> None:
        print(self.name, "stops")


def report(failure: Failure) -> None:
    print(f"{failure.agent.name}: {failure.error}; again in {failure.restart_in} s")


async def main() -> None:
    async with (
        agents.open_container("tcp://127.0.0.1:0") as center,
        agents.open_container("tcp://127.0.0.1:0") as control,
    ):
        directory = agents.Directory(center)
        await control.join(directory.url)
        async with agents.open_container("tcp://127.0.0.1:0", on_failure=report) as field:
            Sensor(field, name="roof", tags=["temperature"])
            await field.join(directory.url)
            roof = await control.find("roof")
            print("roof", await roof.read())
            print(len(await control.find_all("temperature")), "for temperature")
        while await control.find_all("temperature"):  # noqa: ASYNC110  # it asks another container
            await trio.sleep(0.01)
        print("none any more")


if __name__ == "__main__":
    trio.run(main)
