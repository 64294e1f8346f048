"""Stacks of layers over a socket, put together once and made as often as one likes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, TypeVar, cast
from typing import Protocol as Interface

from junto.runtimes.simpy.contract import SocketEnvironment

__all__ = ["Protocol"]


class Layer(Interface):
    """What a stack is made of, above the socket."""

    @classmethod
    def over(cls, env: Any, lower: Any, /, **options: Any) -> Any:
        """Make one over what is *lower*."""
        ...


L = TypeVar("L", bound=Layer)


class Protocol(Generic[L]):
    """Makes stacks such as messages over packets over TCP sockets.

    ::

        protocol = Protocol(env, Message, (PacketUTF8, {"max_packet_size": 100_000}), TCPSocket)
        message = protocol.connection(("127.0.0.1", 5555))
    """

    def __init__(
        self,
        env: SocketEnvironment,
        outer: type[L] | tuple[type[L], Mapping[str, Any]],
        *lower: Any,
    ) -> None:
        """Name the classes, the outermost first and that of the socket last.

        Each is a class, or a pair of a class and its options.

        Raises:
            ValueError: There is no socket's class.
        """
        if not lower:
            raise ValueError("the last one must be the class of a socket")
        layers: list[tuple[Any, Mapping[str, Any]]] = [
            layer if isinstance(layer, tuple) else (layer, {}) for layer in (outer, *lower)
        ]
        self.env = env
        self._socket_class, self._socket_options = layers.pop()
        self._layers = layers[::-1]

    def __call__(self) -> L:
        """Make a stack that is not connected."""
        return self._stack(self._socket_class(self.env, **self._socket_options))

    def server(self, address: Any, backlog: int = 5) -> L:
        """Make a stack that listens; what it accepts are stacks of the same layers."""
        return self._stack(self._socket_class.server(self.env, address, backlog, **self._socket_options))

    def connection(self, address: Any) -> L:
        """Make a stack that is connected, or is about to be."""
        return self._stack(self._socket_class.connection(self.env, address, **self._socket_options))

    def _stack(self, socket: Any) -> L:
        top = socket
        for layer, options in self._layers:
            top = layer.over(self.env, top, **options)
        return cast(L, top)
