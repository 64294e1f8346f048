from junto.simpy.environments import Environment
from junto.simpy.sockets import TCPSocket


def serve(server):
    sock = yield server.accept()
    while True:
        try:
            data = yield sock.read(1024)
        except ConnectionError:
            print("the client is gone")
            return
        yield sock.write(data.upper())


def ask(env, address):
    sock = TCPSocket.connection(env, address)
    for word in (b"hello", b"goodbye"):
        yield sock.write(word)
        answer = yield sock.read(1024)
        print(answer)
    sock.close()


def main():
    env = Environment()
    server = TCPSocket.server(env, ("127.0.0.1", 0))
    env.process(serve(server))
    env.process(ask(env, server.address))
    env.run()


if __name__ == "__main__":
    main()
