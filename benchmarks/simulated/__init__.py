"""What runs in the processes of `benchmarks.sim`.

    python -m benchmarks.simulated on_stock stream 0.5

runs one workload of one contestant and prints one line of JSON.
Each module ``on_*`` is a contestant: its ``WORKLOADS`` are functions of a number of units and a `Stopwatch`,
which return how many things they did that count.
The programs in `programs` and the models in `models` are the same for all of them.
"""
