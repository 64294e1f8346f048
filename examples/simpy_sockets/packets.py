from junto.simpy.environments import Environment
from junto.simpy.packets import PacketUTF8
from junto.simpy.protocol import Protocol
from junto.simpy.sockets import TCPSocket


def serve(server):
    packets = yield server.accept()
    text = yield packets.read()
    yield packets.write(f"{len(text)} letters: {text}")


def ask(packets):
    yield packets.write("grüß Gott")
    return (yield packets.read())


def main():
    env = Environment()
    protocol = Protocol(env, (PacketUTF8, {"max_packet_size": 1_000_000}), TCPSocket)
    server = protocol.server(("127.0.0.1", 0))
    env.process(serve(server))
    asking = env.process(ask(protocol.connection(server.address)))
    print(env.run(until=asking))


if __name__ == "__main__":
    main()
