from junto.simpy.environments import Environment
from junto.simpy.messages import Message, RemoteException
from junto.simpy.packets import PacketUTF8
from junto.simpy.protocol import Protocol
from junto.simpy.sockets import TCPSocket


def work(env, request):
    yield env.timeout(request.content / 10)
    if request.content == 2:
        request.fail(ValueError("two is too much"))
    else:
        request.succeed(f"waited {request.content} tenths")


def serve(env, server):
    message = yield server.accept()
    while True:
        try:
            request = yield message.recv()
        except ConnectionError:
            return
        env.process(work(env, request))


def ask(env, message):
    first = message.send(3)  # three requests on their way at once
    second = message.send(2)
    third = message.send(1)
    done = yield first & third
    print([done[reply] for reply in (first, third)])
    try:
        yield second
    except RemoteException as error:
        print(error.remote_traceback, end="")
    message.close()


def main():
    env = Environment()
    protocol = Protocol(env, Message, PacketUTF8, TCPSocket)
    server = protocol.server(("127.0.0.1", 0))
    env.process(serve(env, server))
    env.run(until=env.process(ask(env, protocol.connection(server.address))))


if __name__ == "__main__":
    main()
