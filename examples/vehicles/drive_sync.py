from junto.vsoa import sync as vsoa


def main() -> None:
    with vsoa.serve("vsoa://127.0.0.1:0", info={"name": "car"}) as server:

        @server.command("/drive/speed")
        def change(request: vsoa.Request) -> dict[str, float]:
            server.publish("/drive/speed", {"km/h": request.param})
            return {"accepted": request.param}

        server.start_thread()
        with vsoa.connect(server.addresses[0]) as client:
            print("connected to", client.info["name"])
            messages = client.subscribe("/drive/")
            for speed in (30, 50):
                reply = client.fetch("/drive/speed", speed, method="SET")
                print("reply", reply.param)
            for _ in range(2):
                message = next(messages)
                print(message.url, message.param)


if __name__ == "__main__":
    main()
