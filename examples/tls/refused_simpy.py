import ssl

from junto import ConnectionFailed, ConnectionLost, expose, simpy
from junto.tls import server_context


class Vault:
    @expose
    def content(self) -> str:
        return "gold"


def process(env: simpy.WallClockEnvironment) -> simpy.ProcessGenerator:
    ours = server_context("ca.pem", "server.pem", "server.key")
    server = yield simpy.serve(env, Vault(), "tls://127.0.0.1:0", tls=ours)
    url = server.addresses[0]

    try:
        yield simpy.connect(env, url, tls=ssl.create_default_context())
        print("connected")
    except ConnectionFailed as error:
        original = error.__cause__  # SimPy raises a copy of it
        print("a client that does not know the authority:", type(original.__cause__).__name__)

    nobody = ssl.create_default_context(cafile="ca.pem")
    try:
        peer = yield simpy.connect(env, url, tls=nobody)
        print((yield peer.remote.content()))
    except (ConnectionFailed, ConnectionLost):
        print("a client without a certificate: no connection")

    try:
        peer = yield simpy.connect(env, f"tcp://{url.host}:{url.port}")
        print((yield peer.remote.content()))
    except ConnectionLost:
        print("a client without TLS: no connection")
    yield server.close()


def main() -> None:
    env = simpy.Environment()
    env.run(until=env.process(process(env)))


if __name__ == "__main__":
    main()
