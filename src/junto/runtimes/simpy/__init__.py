"""SimPy in real time: environments whose clock is the wall's, and that watch sockets while they wait."""
