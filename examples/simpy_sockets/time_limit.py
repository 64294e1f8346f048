from junto.simpy.environments import Environment
from junto.simpy.sockets import TCPSocket


def wait_for_data(env, sock, impatient):
    reading = sock.read(1024)
    happened = yield reading | env.timeout(0.05)
    print("data in time:", reading in happened)
    impatient.succeed()
    print((yield reading))


def answer_late(server, impatient):
    sock = yield server.accept()
    yield impatient
    yield sock.write(b"sorry to be late")


def main():
    env = Environment()
    impatient = env.event()
    server = TCPSocket.server(env, ("127.0.0.1", 0))
    env.process(answer_late(server, impatient))
    sock = TCPSocket.connection(env, server.address)
    env.run(until=env.process(wait_for_data(env, sock, impatient)))


if __name__ == "__main__":
    main()
