from junto import sync
from junto.instrument.simulated import SimulatedInstrument

SUPPLY = {"*IDN?": "ACME,Supply,0042,1.0", "MEAS:VOLT?": "1.503", "MEAS:ALL?": "1.503,0.250,9.9E37"}


def main() -> None:
    with SimulatedInstrument(SUPPLY) as device:
        # The client connects by itself when it is first used.
        supply = sync.TCP("127.0.0.1", device.port, timeout=2.0)
        print(supply.write_readline(b"*IDN?\n"))

        # Texts: the terminator is added to what is sent, and taken from the reply.
        print(supply.idn().model)
        print(float(supply.query("MEAS:VOLT?")), "V")
        print(supply.query_ascii("MEAS:ALL?", special=True))
        supply.close()


if __name__ == "__main__":
    main()
