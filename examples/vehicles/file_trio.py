import trio

from junto.vsoa import Response
from junto.vsoa import trio as vsoa

RECORDING = bytes(range(256)) * 4096


async def send(offer: vsoa.StreamOffer) -> None:
    async with await offer.accept() as stream:
        await stream.send(RECORDING)


async def main() -> None:
    async with vsoa.serve("vsoa://127.0.0.1:0") as server, trio.open_nursery() as nursery:

        @server.command("/recording")
        async def recording(request: vsoa.Request) -> Response:
            offer = await server.offer_stream(request.session)
            nursery.start_soon(send, offer)
            return Response({"size": len(RECORDING)}, tunnel=offer.port)

        async with vsoa.connect(server.addresses[0]) as client:
            reply = await client.fetch("/recording")
            assert reply.tunnel is not None
            stream = await client.open_stream(reply.tunnel)
            size = 0
            async for chunk in stream:
                size += len(chunk)
            print("received", size, "of", reply.param["size"], "bytes")


if __name__ == "__main__":
    trio.run(main)
