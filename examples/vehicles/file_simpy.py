from junto import simpy
from junto.vsoa import Response
from junto.vsoa import simpy as vsoa

RECORDING = bytes(range(256)) * 4096


def send(offer: vsoa.StreamOffer) -> simpy.ProcessGenerator:
    stream = yield offer.accept()
    yield stream.send(RECORDING)
    yield stream.close()


def process(env: simpy.WallClockEnvironment) -> simpy.ProcessGenerator:
    server = yield vsoa.serve(env, "vsoa://127.0.0.1:0")

    @server.command("/recording")
    def recording(request: vsoa.Request) -> simpy.ProcessGenerator:
        offer = yield server.offer_stream(request.session)
        env.process(send(offer))
        return Response({"size": len(RECORDING)}, tunnel=offer.port)

    client = yield vsoa.connect(env, server.addresses[0])
    reply = yield client.fetch("/recording")
    stream = yield client.open_stream(reply.tunnel)
    size = 0
    while chunk := (yield stream.receive()):
        size += len(chunk)
    print("received", size, "of", reply.param["size"], "bytes")
    yield client.close()
    yield server.close()


def main() -> None:
    env = simpy.Environment()
    env.run(until=env.process(process(env)))


if __name__ == "__main__":
    main()
