"""junto for SimPy programs."""
