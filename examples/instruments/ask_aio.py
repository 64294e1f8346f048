from junto import aio
from junto.instrument.simulated import SimulatedInstrument

SUPPLY = {"*IDN?": "ACME,Supply,0042,1.0", "MEAS:VOLT?": "1.503", "MEAS:ALL?": "1.503,0.250,9.9E37"}


async def main() -> None:
    async with SimulatedInstrument(SUPPLY) as device:
        # The client connects by itself when it is first used.
        supply = aio.TCP("127.0.0.1", device.port, timeout=2.0)
        print(await supply.write_readline(b"*IDN?\n"))

        # Texts: the terminator is added to what is sent, and taken from the reply.
        print((await supply.idn()).model)
        print(float(await supply.query("MEAS:VOLT?")), "V")
        print(await supply.query_ascii("MEAS:ALL?", special=True))
        await supply.close()


if __name__ == "__main__":
    aio.run(main())
