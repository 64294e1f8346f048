from junto.compat import aiomas  # was: import aiomas


class Baker(aiomas.Agent):
    def __init__(self, container, price):
        super().__init__(container)
        self.price = price

    @aiomas.expose
    def ask(self, bread):
        return f"{bread}: {self.price}"


class Customer(aiomas.Agent):
    async def visit(self, address):
        baker = await self.container.connect(address)
        print(await baker.ask("rye"))


def main():
    bakery = aiomas.Container.create(("127.0.0.1", 0), codec=aiomas.MsgPack)
    street = aiomas.Container.create(("127.0.0.1", 0), codec=aiomas.MsgPack)
    baker = Baker(bakery, 3.5)
    aiomas.run(until=Customer(street).visit(baker.addr))
    street.shutdown()
    bakery.shutdown()


if __name__ == "__main__":
    main()
