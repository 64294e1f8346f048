"""How fast junto is, measured beside other libraries and beside bare sockets.

    python -m benchmarks --quick

`run` is the command, `workloads` says what is measured against what, `rates` and `costs` measure it.
What runs in the processes that are measured is in `child`, `drivers` and `contestants`.
"""
