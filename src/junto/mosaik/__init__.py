"""Simulators for the co-simulation framework mosaik 3, as junto services.

    class Counter(mosaik.Simulator):
        meta = {"models": {"Counter": {"public": True, "params": [], "attrs": ["count"]}}}

        def create(self, num, model):
            self.counts = {f"c{i}": 0 for i in range(num)}
            return [{"eid": eid, "type": model} for eid in self.counts]

        def step(self, time, inputs, max_advance):
            self.counts = {eid: count + 1 for eid, count in self.counts.items()}
            return time + 60

        def get_data(self, outputs):
            return {eid: {"count": self.counts[eid]} for eid in outputs}

    if __name__ == "__main__":
        mosaik.main(Counter())

mosaik starts that program (``cmd``), or connects to it where it runs already (``connect``). The
methods have the names and arguments that mosaik's own package for simulators gives them, so a
`Simulator` also runs inside mosaik's process (``python``), and a simulator written with that
package runs here. What mosaik calls ``stop`` on the wire is ``finalize`` for the same reason.

`Simulator` is for plain code, and blocks where it asks mosaik for something; `AsyncSimulator` is
for methods that are ``async def``, which await that.
"""

from junto.mosaik.offering import offer
from junto.mosaik.requests import AsyncMosaik, Mosaik
from junto.mosaik.running import main, run
from junto.mosaik.simulators import AsyncSimulator, Simulator

__all__ = ["AsyncMosaik", "AsyncSimulator", "Mosaik", "Simulator", "main", "offer", "run"]
