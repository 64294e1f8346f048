from junto import expose, simpy
from junto.tls import client_context, server_context


class Vault:
    @expose
    def content(self) -> str:
        return "gold"


def process(env: simpy.WallClockEnvironment) -> simpy.ProcessGenerator:
    ours = server_context("ca.pem", "server.pem", "server.key")
    server = yield simpy.serve(env, Vault(), "tls://127.0.0.1:0", tls=ours)
    theirs = client_context("ca.pem", "client.pem", "client.key")
    peer = yield simpy.connect(env, server.addresses[0], tls=theirs)
    print((yield peer.remote.content()))
    certificate = peer.channel.get_extra_info("peercert")
    print("from", dict(part[0] for part in certificate["subject"])["commonName"])
    yield peer.close()
    yield server.close()


def main() -> None:
    env = simpy.Environment()
    env.run(until=env.process(process(env)))


if __name__ == "__main__":
    main()
