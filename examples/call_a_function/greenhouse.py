import time

from junto import expose


class Greenhouse:
    def __init__(self) -> None:
        self.beds = {"tomatoes": 21.5, "basil": 24.0}

    @expose
    def temperature(self, bed: str) -> float:
        """Tell the temperature of a bed in degrees Celsius."""
        return self.beds[bed]

    @expose
    def set_shade(self, percent: int) -> str:
        """Move the shade."""
        if not 0 <= percent <= 100:
            raise ValueError(f"{percent} percent is no position of the shade")
        return f"shade at {percent} %"

    @expose
    def measure_soil(self, bed: str) -> str:
        """Measure how wet the soil is, which takes a while."""
        time.sleep(0.5)
        return f"{bed}: moist"
