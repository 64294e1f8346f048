from junto import expose, simpy
from junto.agents import simpy as agents


class Counter(agents.Agent):
    mailbox_limit = 100
    mailbox_policy = "drop-oldest"

    def __init__(self, container: agents.Container) -> None:
        super().__init__(container)
        self.total = 0

    @expose
    def add(self, number: int):
        before = self.total
        yield self.container.env.timeout(0.001)  # meanwhile the next one waits in the mailbox
        self.total = before + number
        return self.total

    @expose
    def watch(self, topic: str) -> None:
        self.subscribe(topic, self.heard)

    def heard(self, topic: str, content: int) -> None:
        print("heard of", topic, content)
        self.total += content


def count(env):
    there = yield agents.open_container(env, "tcp://127.0.0.1:0")
    here = yield agents.open_container(env, "tcp://127.0.0.1:0")
    counter = yield here.connect(Counter(there).url)
    for number in range(1, 5):
        here.tell(counter, "add", number)
    print("with 10 it is", (yield here.ask(counter, "add", 10)))
    yield counter.watch("sales")
    yield here.publish_at(there.url, "sales", 5)
    print("and then it is", (yield here.ask(counter, "add", 0)))
    yield here.close()
    yield there.close()


def main() -> None:
    env = simpy.Environment()
    env.run(until=env.process(count(env)))


if __name__ == "__main__":
    main()
