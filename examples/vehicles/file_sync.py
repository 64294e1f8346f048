import threading

from junto.vsoa import Response
from junto.vsoa import sync as vsoa

RECORDING = bytes(range(256)) * 4096


def send(offer: vsoa.StreamOffer) -> None:
    with offer.accept() as stream:
        stream.send(RECORDING)


def main() -> None:
    with vsoa.serve("vsoa://127.0.0.1:0") as server:

        @server.command("/recording")
        def recording(request: vsoa.Request) -> Response:
            offer = server.offer_stream(request.session)
            threading.Thread(target=send, args=[offer]).start()
            return Response({"size": len(RECORDING)}, tunnel=offer.port)

        server.start_thread()
        with vsoa.connect(server.addresses[0]) as client:
            reply = client.fetch("/recording")
            assert reply.tunnel is not None
            size = 0
            with client.open_stream(reply.tunnel) as stream:
                for chunk in stream:
                    size += len(chunk)
            print("received", size, "of", reply.param["size"], "bytes")


if __name__ == "__main__":
    main()
