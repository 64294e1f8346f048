from junto import expose, sync
from junto.tls import client_context, server_context


class Vault:
    @expose
    def content(self) -> str:
        return "gold"


def main() -> None:
    ours = server_context("ca.pem", "server.pem", "server.key")
    with sync.serve(Vault(), "tls://127.0.0.1:0", tls=ours) as server:
        server.start_thread()
        theirs = client_context("ca.pem", "client.pem", "client.key")
        with sync.connect(server.addresses[0], tls=theirs) as peer:
            print(peer.remote.content())
            certificate = peer.channel.get_extra_info("peercert")
            print("from", dict(part[0] for part in certificate["subject"])["commonName"])


if __name__ == "__main__":
    main()
