import trio

from junto import expose
from junto.agents import trio as agents


class Counter(agents.Agent):
    mailbox_limit = 100
    mailbox_policy = "drop-oldest"

    def __init__(self, container: agents.Container) -> None:
        super().__init__(container)
        self.total = 0

    @expose
    async def add(self, number: int) -> int:
        before = self.total
        await trio.sleep(0.001)  # meanwhile the next one waits in the mailbox
        self.total = before + number
        return self.total

    @expose
    def watch(self, topic: str) -> None:
        self.subscribe(topic, self.heard)

    def heard(self, topic: str, content: int) -> None:
        print("heard of", topic, content)
        self.total += content


async def main() -> None:
    async with (
        agents.open_container("tcp://127.0.0.1:0") as there,
        agents.open_container("tcp://127.0.0.1:0") as here,
    ):
        counter = await here.connect(Counter(there).url)
        for number in range(1, 5):
            here.tell(counter, "add", number)
        print("with 10 it is", await here.ask(counter, "add", 10))
        await counter.watch("sales")
        await here.publish_at(there.url, "sales", 5)
        print("and then it is", await here.ask(counter, "add", 0))


if __name__ == "__main__":
    trio.run(main)
