"""Uses of SimPy's sockets that a type checker must refuse, each in the line that says so; never run."""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

import simpy

from junto.simpy.environments import Environment
from junto.simpy.messages import Message
from junto.simpy.packets import Packet, PacketUTF8
from junto.simpy.protocol import Protocol
from junto.simpy.sockets import TCPSocket
from junto.simpy.tls_sockets import TLSSocket

Environment("asyncore")  # type: ignore[call-overload]
Environment("kqueue")  # type: ignore[call-overload]
env = Environment()
env.run(until="later")  # type: ignore[arg-type]

# SimPy's own watches no sockets.
TCPSocket(simpy.Environment())  # type: ignore[arg-type]

TCPSocket.server(env, "tcp://127.0.0.1:5555")  # type: ignore[arg-type]
TCPSocket.connection(env)  # type: ignore[call-arg]
sock = TCPSocket(env)
sock.read("all")  # type: ignore[arg-type]
sock.read()  # type: ignore[call-arg]
sock.write("text")  # type: ignore[arg-type]
sock.address = ("127.0.0.1", 0)  # type: ignore[misc]
TLSSocket(env, context="server.pem")  # type: ignore[arg-type]
TLSSocket(env, None)  # type: ignore[call-arg]

Packet(5)  # type: ignore[arg-type]
Packet(sock).write("text")  # type: ignore[arg-type]
PacketUTF8(sock).write(b"bytes")  # type: ignore[arg-type]

Message(env, sock)  # type: ignore[arg-type]
Message(env, PacketUTF8(sock), codec="json")  # type: ignore[arg-type]
Message(env, PacketUTF8(sock)).send()  # type: ignore[call-arg]

Protocol(env, TCPSocket)  # type: ignore[type-var]
