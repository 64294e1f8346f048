import socket
import threading
import time

from junto.compat import vsoa  # was: import vsoa

server = vsoa.Server("lamp")


@server.command("/brightness")
def brightness(cli, request, payload):
    cli.reply(request.seqno, {"param": {"percent": 80}})


def main():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    threading.Thread(target=server.run, args=("127.0.0.1", port), daemon=True).start()

    client = vsoa.Client()
    while client.connect(f"vsoa://127.0.0.1:{port}") != vsoa.Client.CONNECT_OK:
        time.sleep(0.01)
    threading.Thread(target=client.run, daemon=True).start()
    header, payload, code = client.fetch("/brightness")
    print(code, header.status, payload.param)
    client.close()


if __name__ == "__main__":
    main()
