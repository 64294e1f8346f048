"""Small servers for the clients of real ones, to be run on simulated hosts.

They are ordinary asyncio programs and know nothing of the simulated world: they also serve real connections.
Each speaks as much of its protocol as a client library needs to connect and to do its daily work, and keeps
what it knows in memory. What it does not know it refuses in the words of its protocol.
"""

from junto.sim.standins.mqtt import MqttServer
from junto.sim.standins.nats import NatsServer
from junto.sim.standins.postgres import PostgresServer
from junto.sim.standins.resp import RespServer

__all__ = ["MqttServer", "NatsServer", "PostgresServer", "RespServer"]
