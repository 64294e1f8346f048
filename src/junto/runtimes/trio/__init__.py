"""The trio runtime: flows run in trio's tasks, and everything lives in a nursery."""
