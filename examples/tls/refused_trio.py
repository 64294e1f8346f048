import ssl

import trio

import junto.trio
from junto import ConnectionFailed, ConnectionLost, expose
from junto.tls import server_context


class Vault:
    @expose
    def content(self) -> str:
        return "gold"


async def main() -> None:
    ours = server_context("ca.pem", "server.pem", "server.key")
    async with junto.trio.serve(Vault(), "tls://127.0.0.1:0", tls=ours) as server:
        url = server.addresses[0]

        try:
            async with junto.trio.connect(url, tls=ssl.create_default_context()):
                print("connected")
        except ConnectionFailed as error:
            print("a client that does not know the authority:", type(error.__cause__).__name__)

        nobody = ssl.create_default_context(cafile="ca.pem")
        try:
            async with junto.trio.connect(url, tls=nobody) as peer:
                print(await peer.remote.content())
        except (ConnectionFailed, ConnectionLost):
            print("a client without a certificate: no connection")

        try:
            async with junto.trio.connect(f"tcp://{url.host}:{url.port}") as peer:
                print(await peer.remote.content())
        except ConnectionLost:
            print("a client without TLS: no connection")


if __name__ == "__main__":
    trio.run(main)
