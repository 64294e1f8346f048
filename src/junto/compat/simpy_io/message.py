"""Requests and replies."""

from __future__ import annotations

from junto.compat.simpy_io.codec import JSON
from junto.errors import Overloaded as MessageOverflowError
from junto.simpy import messages
from junto.simpy.environments import SocketEnvironment
from junto.simpy.messages import Request as InMessage
from junto.simpy.packets import PacketSocket

__all__ = ["InMessage", "Message", "MessageOverflowError"]


class Message(messages.Message):
    """A `junto.simpy.messages.Message` with a codec in its old form."""

    def __init__(
        self,
        env: SocketEnvironment,
        packet_socket: PacketSocket,
        codec: JSON | None = None,
        message_limit: int = 1024,
    ) -> None:
        super().__init__(env, packet_socket, JSON() if codec is None else codec, message_limit)
