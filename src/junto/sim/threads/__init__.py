"""Threads of simulated hosts: real ones, of which one runs at a time, in an order that the seed decides."""
