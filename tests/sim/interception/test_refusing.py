"""Libraries in C whose I/O cannot be simulated are refused by name, at the call."""

from __future__ import annotations

import subprocess
import sys

import pytest

# In a process of its own: what stands for the libraries must not be taken for them by other tests.
_PROGRAM = """
import sys
from types import ModuleType
from junto.sim import SimEscape, World

for name in ("grpc", "psycopg2", "zmq"):
    sys.modules[name] = ModuleType(name)

def connect(*args):
    return "real"

class Context:
    def socket(self, kind):
        return "real"

sys.modules["grpc"].insecure_channel = sys.modules["psycopg2"].connect = connect
sys.modules["zmq"].Context = Context
from psycopg2 import connect as bound_before

calls = {
    "grpc.insecure_channel": lambda: sys.modules["grpc"].insecure_channel("server:1"),
    "psycopg2.connect": lambda: bound_before("host=server"),
    "zmq.Context.socket": lambda: Context().socket(1),
}
world = World(1)

def call():
    try:
        return calls[sys.argv_name]()
    except SimEscape as error:
        return error.name

async def main():
    return await world.host("here").program(call).wait()

sys.argv_name = NAME
print(world.run(main), calls[NAME]())
"""


@pytest.mark.parametrize("name", ["grpc.insecure_channel", "psycopg2.connect", "zmq.Context.socket"])
def test_a_library_in_c_is_refused_in_a_world_and_works_outside(name: str) -> None:  # B3, R5
    program = _PROGRAM.replace("NAME", repr(name))
    ran = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert ran.stdout.split() == [name, "real"]
