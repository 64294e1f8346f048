from collections.abc import Generator
from typing import Any

from oven import Oven
from simpy import Interrupt

from junto import simpy


def customer(peer: simpy.Peer) -> Generator[Any, Any, str]:
    try:
        bread: str = yield peer.remote.bake("rye")
    except Interrupt as interrupt:
        return f"left, because {interrupt.cause}"
    return bread


def bakery(env: simpy.WallClockEnvironment) -> Generator[Any, Any, None]:
    server = yield simpy.serve(env, Oven(env), "tcp://127.0.0.1:0")
    with server, (yield simpy.connect(env, server.addresses[0])) as peer:
        # A time-out that is faster cancels nothing: the event can be waited for again.
        bread = peer.remote.bake("wheat")
        result = yield bread | env.timeout(0.01)
        print("in time:", bread in result)
        print((yield bread))

        # An interrupted process gives up.
        waiting = env.process(customer(peer))
        yield env.timeout(0.01)
        waiting.interrupt("it is late")
        print((yield waiting))

        # The late reply to that call arrives while this one waits, and is dropped.
        print((yield peer.remote.bake("barley")))
        print("late replies:", peer.channel.late_replies)


def main() -> None:
    env = simpy.Environment()
    env.run(until=env.process(bakery(env)))
    env.close()


if __name__ == "__main__":
    main()
