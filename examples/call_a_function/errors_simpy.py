from junto import RemoteError, simpy


def process(env: simpy.WallClockEnvironment) -> simpy.ProcessGenerator:
    with (yield simpy.connect(env, "tcp://127.0.0.1:5555")) as peer:
        try:
            yield peer.remote.set_shade(140)
        except RemoteError as error:
            print(error)
            print("its type over there:", error.type_name)
        try:
            yield peer.remote.set_shade("half")
        except RemoteError as error:
            print(error)
        try:
            yield peer.remote.sing()
        except RemoteError as error:
            print(error)
        print((yield peer.remote.set_shade(100)))


def main() -> None:
    env = simpy.Environment()
    env.run(until=env.process(process(env)))


if __name__ == "__main__":
    main()
