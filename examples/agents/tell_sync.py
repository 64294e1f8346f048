import time

from junto import expose
from junto.agents import sync


class Counter(sync.Agent):
    mailbox_limit = 100
    mailbox_policy = "drop-oldest"

    def __init__(self, container: sync.Container) -> None:
        super().__init__(container)
        self.total = 0

    @expose
    def add(self, number: int) -> int:
        before = self.total
        time.sleep(0.001)  # meanwhile the next one waits in the mailbox
        self.total = before + number
        return self.total

    @expose
    def watch(self, topic: str) -> None:
        self.subscribe(topic, self.heard)

    def heard(self, topic: str, content: int) -> None:
        print("heard of", topic, content)
        self.total += content


def main() -> None:
    with (
        sync.open_container("tcp://127.0.0.1:0", workers=4) as there,
        sync.open_container("tcp://127.0.0.1:0") as here,
    ):
        there.start_thread()
        counter = here.connect(Counter(there).url)
        for number in range(1, 5):
            here.tell(counter, "add", number)
        print("with 10 it is", here.ask(counter, "add", 10))
        counter.watch("sales")
        here.publish_at(there.url, "sales", 5)
        print("and then it is", here.ask(counter, "add", 0))


if __name__ == "__main__":
    main()
