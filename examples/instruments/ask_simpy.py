from junto import simpy
from junto.instrument.simulated import SimulatedInstrument

SUPPLY = {"*IDN?": "ACME,Supply,0042,1.0", "MEAS:VOLT?": "1.503", "MEAS:ALL?": "1.503,0.250,9.9E37"}


def process(env: simpy.WallClockEnvironment, port: int) -> simpy.ProcessGenerator:
    # The client connects by itself when it is first used.
    supply = simpy.TCP(env, "127.0.0.1", port, timeout=2.0)
    print((yield supply.write_readline(b"*IDN?\n")))

    # Texts: the terminator is added to what is sent, and taken from the reply.
    print((yield supply.idn()).model)
    print(float((yield supply.query("MEAS:VOLT?"))), "V")
    print((yield supply.query_ascii("MEAS:ALL?", special=True)))
    yield supply.close()


def main() -> None:
    env = simpy.Environment()
    with SimulatedInstrument(SUPPLY) as device:
        env.run(until=env.process(process(env, device.port)))


if __name__ == "__main__":
    main()
