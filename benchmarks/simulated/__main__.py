"""One turn: one workload of one contestant, in this process."""

from __future__ import annotations

import gc
import importlib
import json
import sys

from benchmarks.simulated.stopwatch import Stopwatch

MISSING = 3


def main() -> None:
    contestant, workload, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
    try:
        run = importlib.import_module(f"benchmarks.simulated.{contestant}").WORKLOADS[workload]
    except ImportError as error:
        print(error)
        sys.exit(MISSING)
    units = 1
    while True:
        gc.collect()
        whole, part = Stopwatch(), Stopwatch()
        whole.start()
        count = run(units, part)
        whole.stop()
        watch = part if part.started else whole
        # The first run also imports and warms up, so that the second one counts, unless it says itself what
        # counts.
        if watch.cpu >= seconds / 2 and (units > 1 or part.started):
            break
        # Not by more than tenfold, for the first runs are slow.
        units = max(units + 1, min(10 * units, int(units * seconds / max(watch.cpu, 1e-6)) + 1))
    print(json.dumps({"count": count, "units": units, "cpu": watch.cpu, "wall": watch.wall}))


if __name__ == "__main__":
    main()
