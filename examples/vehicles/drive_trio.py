import trio

from junto.vsoa import trio as vsoa


async def main() -> None:
    async with vsoa.serve("vsoa://127.0.0.1:0", info={"name": "car"}) as server:

        @server.command("/drive/speed")
        def change(request: vsoa.Request) -> dict[str, float]:
            server.publish("/drive/speed", {"km/h": request.param})
            return {"accepted": request.param}

        async with vsoa.connect(server.addresses[0]) as client:
            print("connected to", client.info["name"])
            messages = await client.subscribe("/drive/")
            for speed in (30, 50):
                reply = await client.fetch("/drive/speed", speed, method="SET")
                print("reply", reply.param)
            for _ in range(2):
                message = await anext(messages)
                print(message.url, message.param)


if __name__ == "__main__":
    trio.run(main)
