from junto import simpy
from junto.vsoa import simpy as vsoa


def process(env: simpy.WallClockEnvironment) -> simpy.ProcessGenerator:
    server = yield vsoa.serve(env, "vsoa://127.0.0.1:0", info={"name": "car"})

    @server.command("/drive/speed")
    def change(request: vsoa.Request) -> dict[str, float]:
        server.publish("/drive/speed", {"km/h": request.param})
        return {"accepted": request.param}

    client = yield vsoa.connect(env, server.addresses[0])
    print("connected to", client.info["name"])
    messages = yield client.subscribe("/drive/")
    for speed in (30, 50):
        reply = yield client.fetch("/drive/speed", speed, method="SET")
        print("reply", reply.param)
    for _ in range(2):
        message = yield messages.get()
        print(message.url, message.param)
    yield client.close()
    yield server.close()


def main() -> None:
    env = simpy.Environment()
    env.run(until=env.process(process(env)))


if __name__ == "__main__":
    main()
