from junto import simpy
from junto.simpy import virtual


def serve(env, server):
    sock = yield server.accept()
    question = yield sock.read(100)
    yield env.timeout(10)  # it thinks
    yield sock.write(question[::-1])


def ask(env, address):
    sock = virtual.TCPSocket.connection(env, address)
    yield sock.write(b"stressed")
    answer = yield sock.read(100)
    print(f"{env.now:5.1f}  {answer}")


def main():
    env = simpy.Environment("virtual", loopback_latency=lambda: 0.5)
    server = virtual.TCPSocket.server(env, ("127.0.0.1", 0))
    env.process(serve(env, server))
    env.process(ask(env, server.address))
    env.run()


if __name__ == "__main__":
    main()
