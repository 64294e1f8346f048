"""What can be asked of a client without waiting, and set while it is used; the same in every flavour."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from junto.instrument.connection import Connection
from junto.instrument.life import Stats
from junto.instrument.session import Session
from junto.instrument.settings import Eol, check_callback, check_timeout

__all__ = ["State"]


class State:
    """The state and the settings of a client."""

    _session: Session
    _host: str
    _port: int

    def __reduce__(self) -> Any:
        raise TypeError(f"a {type(self).__name__} cannot be pickled: it has a connection")

    def _look(self) -> Connection | None:
        """Give the connection, as far as is known now."""
        return self._session.connection

    def connected(self) -> bool:
        """Tell whether there is a connection, of which the peer's end was not seen or bytes are left."""
        connection = self._look()
        return (
            connection is not None
            and not connection.lost
            and connection.error is None
            and (not connection.eof or len(connection.buffer) > 0)
        )

    @property
    def is_open(self) -> bool:
        """Whether it is `connected`."""
        return self.connected()

    def at_eof(self) -> bool:
        """Tell whether the peer has ended the connection and all was read."""
        connection = self._look()
        return connection is not None and connection.eof and not connection.buffer

    def in_waiting(self) -> int:
        """Count the bytes that can be read without waiting."""
        connection = self._look()
        if connection is None or (connection.error is not None):
            return 0
        return len(connection.buffer)

    def reset_input_buffer(self) -> None:
        """Forget what was received and not read."""
        connection = self._look()
        if connection is not None:
            connection.buffer.clear()
            if connection.holding:
                connection.relax()

    @property
    def connection_counter(self) -> int:
        """How many connections were opened so far; the number of the present one, its generation."""
        return self._session.generation

    @property
    def peername(self) -> Any:
        """The peer's address as the transport tells it; ``None`` when closed."""
        return self._extra("peername")

    @property
    def sockname(self) -> Any:
        """Our own address as the transport tells it; ``None`` when closed."""
        return self._extra("sockname")

    def _extra(self, name: str) -> Any:
        connection = self._look()
        transport = None if connection is None else connection.transport
        return None if transport is None else transport.get_extra_info(name)

    @property
    def transport(self) -> Any:
        """What moves the bytes, for what only a certain kind of it can do; ``None`` when closed."""
        connection = self._look()
        return None if connection is None else connection.transport

    @property
    def last_error(self) -> BaseException | None:
        """What broke the last connection that broke."""
        return self._session.last_error

    @property
    def connected_since(self) -> float | None:
        """When the connection was made, on a clock that never goes back; ``None`` when closed."""
        connection = self._look()
        return None if connection is None else connection.since

    @property
    def stats(self) -> Stats:
        """What has happened so far, counted."""
        return self._session.counted()

    def __repr__(self) -> str:
        connection = self._session.connection
        ended = connection is not None and (connection.eof or connection.error is not None)
        state = "closed" if connection is None else "eof" if ended else "connected"
        return (
            f"{type(self).__name__}({self._session.address}, {state}, generation {self._session.generation})"
        )

    @property
    def address(self) -> str:
        """Where the instrument is, for people."""
        return self._session.address

    @property
    def host(self) -> str:
        return self._host

    @property
    def port(self) -> int:
        return self._port

    @property
    def eol(self) -> Eol:
        """What ends a line that is read."""
        return self._session.settings.eol

    @eol.setter
    def eol(self, eol: Eol) -> None:
        self._session.settings.set_eol(eol)

    @property
    def timeout(self) -> float | None:
        """Seconds for one call; ``None`` for ever."""
        return self._session.settings.timeout

    @timeout.setter
    def timeout(self, timeout: float | None) -> None:
        check_timeout(timeout)
        self._session.settings.timeout = timeout

    @property
    def connection_timeout(self) -> float | None:
        """Seconds for one attempt to connect; ``None`` for ever."""
        return self._session.settings.connection_timeout

    @connection_timeout.setter
    def connection_timeout(self, timeout: float | None) -> None:
        check_timeout(timeout, "connection_timeout")
        self._session.settings.connection_timeout = timeout

    @property
    def auto_reconnect(self) -> bool:
        """Whether a call that finds no connection opens one."""
        return self._session.settings.auto_reconnect

    @auto_reconnect.setter
    def auto_reconnect(self, value: bool) -> None:
        self._session.settings.auto_reconnect = value

    @property
    def on_connection_made(self) -> Callable[[], Any] | None:
        return self._session.settings.on_connection_made

    @on_connection_made.setter
    def on_connection_made(self, callback: Callable[[], Any] | None) -> None:
        check_callback(callback, "on_connection_made")
        self._session.settings.on_connection_made = callback

    @property
    def on_connection_lost(self) -> Callable[[BaseException | None], Any] | None:
        return self._session.settings.on_connection_lost

    @on_connection_lost.setter
    def on_connection_lost(self, callback: Callable[[BaseException | None], Any] | None) -> None:
        check_callback(callback, "on_connection_lost")
        self._session.settings.on_connection_lost = callback

    @property
    def on_eof_received(self) -> Callable[[], Any] | None:
        return self._session.settings.on_eof_received

    @on_eof_received.setter
    def on_eof_received(self, callback: Callable[[], Any] | None) -> None:
        check_callback(callback, "on_eof_received")
        self._session.settings.on_eof_received = callback

    @property
    def buffer_size(self) -> int:
        return self._session.settings.buffer_size

    @property
    def no_delay(self) -> bool:
        return self._session.settings.no_delay

    @property
    def tos(self) -> int:
        return self._session.settings.tos

    @property
    def keep_alive(self) -> Any:
        return self._session.settings.keep_alive
