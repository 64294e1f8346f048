from collections.abc import Generator
from typing import Any

from junto import ConnectionLost, simpy


def counter(env: simpy.WallClockEnvironment, channel: simpy.Channel) -> Generator[Any, Any, None]:
    while True:
        try:
            result = yield (receiving := channel.recv()) | env.timeout(0.05)
        except ConnectionLost:
            print("the customer has left")
            return
        if receiving in result:
            request = result[receiving]
            request.reply(f"one {request.content}, here you are")
        else:
            print("nobody asks")


def main() -> None:
    env = simpy.Environment()
    serving = simpy.serve_channels(
        env, None, "tcp://127.0.0.1:0", connected=lambda channel: counter(env, channel)
    )
    server = env.run(until=serving)
    channel = env.run(until=simpy.open_channel(env, server.addresses[0]))
    print(env.run(until=channel.request("rye")))
    env.run(until=env.timeout(0.07))
    print(env.run(until=channel.request("wheat")))
    channel.close()
    server.close()
    env.run()  # until nothing can happen any more
    env.close()


if __name__ == "__main__":
    main()
