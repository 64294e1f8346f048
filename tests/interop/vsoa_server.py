"""A server of VSOA 1.0.4, as a program: does what clients ask for by requests, and tells when it listens."""

from __future__ import annotations

import sys
import threading
import time

import vsoa

HOST, PORT, PASSWORD = sys.argv[1], int(sys.argv[2]), sys.argv[3]
TLS = {"cert": sys.argv[4], "key": sys.argv[5], "ca_cert": sys.argv[6]} if len(sys.argv) > 4 else None

server = vsoa.Server({"name": "real"}, PASSWORD)
log: list[object] = []


@server.command("/echo")
def echo(client, request, payload):
    client.reply(request.seqno, {"param": payload.param, "data": payload.data}, 0)


@server.command("/method")
def method(client, request, payload):
    client.reply(request.seqno, {"param": {"method": request.method, "seqno": request.seqno}}, 0)


@server.command("/status")
def status(client, request, payload):
    client.reply(request.seqno, {"param": {"why": "busy"}}, payload.param)


@server.command("/never")
def never(client, request, payload):
    pass


@server.command("/twice")
def twice(client, request, payload):
    client.reply(request.seqno, {"param": [1]})
    client.reply(request.seqno, {"param": [2]})


queue = vsoa.WorkQueue()


@server.command("/slow", queue)
def slow(client, request, payload):
    time.sleep(0.05)
    client.reply(request.seqno, {"param": "slow"})


@server.command("/publish")
def publish(client, request, payload):
    for message in payload.param:
        server.publish(
            message["url"], {"param": message.get("param"), "data": b"x"}, message.get("quick", False)
        )
    client.reply(request.seqno)


@server.command("/datagram")
def datagram(client, request, payload):
    sent = client.datagram("/back", {"param": ["back"], "data": b"y"}, bool(payload.param.get("quick")))
    client.reply(request.seqno, {"param": {"sent": sent}})


@server.command("/priority")
def priority(client, request, payload):
    client.priority = payload.param
    client.reply(request.seqno)


@server.command("/log")
def tell(client, request, payload):
    client.reply(request.seqno, {"param": log})


@server.command("/disconnect")
def disconnect(client, request, payload):
    client.close()


@server.command("/stream")
def stream(client, request, payload):
    size = payload.param["size"]
    received = bytearray()

    def onlink(stream, linked):
        if linked:
            # Beside the loop: this one blocks until all is sent.
            threading.Thread(target=stream.send, args=(b"x" * size,), daemon=True).start()
        else:
            log.append(["stream ended", len(received)])

    def ondata(stream, data):
        received.extend(data)

    offered = server.create_stream(onlink, ondata)
    client.reply(request.seqno, tunid=offered.tunid)


def onclient(client, connected):
    log.append(["client", client.id, connected])
    if connected:
        client.onsubscribe = lambda client, urls: log.append(["subscribed", urls])


server.onclient = onclient
server.ondata = lambda client, url, payload, quick: log.append(["datagram", url, payload.param, quick])


def announce():
    while True:
        try:
            server.address()
        except Exception:
            time.sleep(0.005)
        else:
            break
    time.sleep(0.05)
    sys.stdout.write("listening\n")
    sys.stdout.flush()


threading.Thread(target=announce, daemon=True).start()
server.run(HOST, PORT, TLS)
