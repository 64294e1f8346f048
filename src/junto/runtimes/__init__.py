"""Runtimes: who moves bytes and time for the layers, one for each way of waiting; see `junto.runtime`."""
