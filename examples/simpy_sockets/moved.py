from junto.compat.simpy_io import select as backend
from junto.compat.simpy_io.message import Message
from junto.compat.simpy_io.packet import PacketUTF8


def server(env, listening):
    sock = yield listening.accept()
    message = Message(env, PacketUTF8(sock))
    request = yield message.recv()
    print(request.content)
    yield request.succeed("fine")


def client(env, address):
    message = Message(env, PacketUTF8(backend.TCPSocket.connection(env, address)))
    reply = yield message.send("how are you?")
    print(reply)


def main():
    env = backend.Environment()
    listening = backend.TCPSocket.server(env, ("127.0.0.1", 0))
    env.process(server(env, listening))
    env.run(until=env.process(client(env, listening.address)))


if __name__ == "__main__":
    main()
