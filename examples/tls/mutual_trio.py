import trio

import junto.trio
from junto import expose
from junto.tls import client_context, server_context


class Vault:
    @expose
    def content(self) -> str:
        return "gold"


async def main() -> None:
    ours = server_context("ca.pem", "server.pem", "server.key")
    async with junto.trio.serve(Vault(), "tls://127.0.0.1:0", tls=ours) as server:
        theirs = client_context("ca.pem", "client.pem", "client.key")
        async with junto.trio.connect(server.addresses[0], tls=theirs) as peer:
            print(await peer.remote.content())
            certificate = peer.channel.get_extra_info("peercert")
            print("from", dict(part[0] for part in certificate["subject"])["commonName"])


if __name__ == "__main__":
    trio.run(main)
