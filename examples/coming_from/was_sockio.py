import asyncio

from junto.compat.sockio.aio import TCP  # was: from sockio.aio import TCP
from junto.instrument.simulated import SimulatedInstrument


async def main():
    with SimulatedInstrument({"*IDN?": "ACME,Supply,0042,1.0"}) as supply:
        sock = TCP("127.0.0.1", supply.port, b"\n", timeout=5)
        print(await sock.write_readline(b"*IDN?\n"))
        await sock.close()


if __name__ == "__main__":
    asyncio.run(main())
