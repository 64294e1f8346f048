"""Requests and their replies over packets, as SimPy events.

The wire is that of `junto.sansio.messages`, without what only junto's own peers understand. Channels of
`junto.simpy` do more and are quicker; this is the level at which programs written for simpy.io work.
"""

from __future__ import annotations

import collections
import errno
from typing import Any, Self

from junto.codecs import JSON, Codec
from junto.errors import CodecError, LocalProtocolError, Overloaded, RemoteError
from junto.runtimes.simpy.contract import SocketEnvironment
from junto.runtimes.simpy.schedule import Event
from junto.sansio.kinds import BAD_CONTENT, BROKEN, FAILURE, REQUEST, RESULT
from junto.sansio.messages import MessageProtocol
from junto.sansio.packets import make_packet
from junto.simpy.packets import PacketSocket, fresh_os_error, when_done
from junto.simpy.streams import fail_pending, os_error

__all__ = ["Message", "RemoteException", "Request"]

_AT_ONCE = 64  # packets that are there already, before others get their turn


class RemoteException(RemoteError):
    """The peer answered a request by a failure.

    Attributes:
        remote_traceback: What it sent as the failure; mostly the text that Python prints.
    """

    @property
    def remote_traceback(self) -> Any:
        return self.content


class Request(Event):
    """A request of the peer, to be answered once by `succeed` or `fail`; others can wait for that.

    Attributes:
        content: What it asks.
        id: The peer's name for it.
    """

    def __init__(self, message: Message, ident: Any, content: Any) -> None:
        super().__init__(message.env)
        self._message = message
        self.id = ident
        self.content = content

    def succeed(self, value: Any = None) -> Self:
        """Answer with *value*; nothing happens if the connection is gone.

        A value that cannot be encoded, or is too large, becomes a failure at the peer.

        Raises:
            RuntimeError: It was answered already.
        """
        super().succeed(value)
        self._message.answer(self.id, RESULT, value)
        return self

    def fail(self, exception: Exception) -> Self:
        """Answer that it failed; nothing happens if the connection is gone.

        Raises:
            RuntimeError: It was answered already.
            TypeError: *exception* is none.
        """
        super().fail(exception)
        self.defused = True  # it is the peer's matter now
        self._message.answer(self.id, FAILURE, exception)
        return self

    def trigger(self, event: Event) -> None:
        """Answer with the outcome of *event*."""
        outcome: Any = event.value
        if event.ok:
            self.succeed(outcome)
        else:
            event.defused = True
            self.fail(outcome)


class Message:
    """Sends and receives requests over packets, in both directions at once.

    What comes is read all the time, but that does not keep the environment running; requests without a
    reply and a waiting `recv` do.

    Attributes:
        env: The environment.
        packet: The packets' socket, which is not to be used otherwise now.
        message_limit: The most requests without an answer, counted for each direction.
        late_replies: How many replies came that nobody had asked for.
    """

    def __init__(
        self,
        env: SocketEnvironment,
        packet_socket: PacketSocket,
        codec: Codec | None = None,
        message_limit: int = 1024,
    ) -> None:
        """Make one; *codec* is JSON if nothing is said."""
        self.env = env
        self.packet = packet_socket
        self.message_limit = message_limit
        self.late_replies = 0
        self._codec = JSON() if codec is None else codec
        limit = packet_socket.max_packet_size
        self._protocol = MessageProtocol(
            self._codec, receive_limit=limit, send_limit=limit, failures="text", extensions=False
        )
        self._sent: dict[Any, Event] = {}  # requests without a reply, by their number
        self._requests: collections.deque[Request] = collections.deque()
        self._unanswered = 0
        self._receiving: Event | None = None
        self._unsent: collections.deque[bytes] = collections.deque()
        self._is_writing = False
        self._is_reading = False
        self._error: OSError | None = None
        try:
            _ = packet_socket.peer_address
        except OSError:
            return  # not connected yet, or listening
        self._update_background()
        self._read_on()

    @classmethod
    def over(cls, env: SocketEnvironment, packet_socket: PacketSocket, /, **options: Any) -> Self:
        """Make one for a `junto.simpy.protocol.Protocol`."""
        return cls(env, packet_socket, **options)

    def send(self, content: Any) -> Event:
        """Send a request; the event's value is the reply.

        It fails with `RemoteException` if the peer's handler did, with `ValueError` if *content* cannot be
        encoded or is too large, or the reply cannot be decoded, with a `ConnectionError` if the connection is
        lost, with ``EBADF`` if it is closed, with ``ENOTCONN`` if there is none.

        Raises:
            Overloaded: So many requests as `message_limit` allows have no reply.
        """
        event = Event(self.env)
        if self._error is not None:
            fail_pending(event, fresh_os_error(self._error))
            return event
        if len(self._sent) >= self.message_limit:
            raise Overloaded(f"{self.message_limit} requests have no reply, and that is the limit")
        try:
            ident = self._protocol.send_request(content)
        except CodecError as error:
            return event.fail(error)
        except LocalProtocolError as error:
            return event.fail(ValueError(str(error)))
        self._sent[ident] = event
        self._flush()
        self._update_background()
        self._read_on()
        return event

    def recv(self) -> Event:
        """Receive a request; the event's value is a `Request`.

        It fails with a `ConnectionError` when the connection is lost, after all that came before, with
        ``EBADF`` if it is closed, with ``ENOTCONN`` if there is none.

        Raises:
            RuntimeError: Another waits for a request.
        """
        if self._receiving is not None:
            raise RuntimeError("Concurrent receive attempt")
        event = Event(self.env)
        if self._requests:
            return event.succeed(self._requests.popleft())
        if self._error is not None:
            fail_pending(event, fresh_os_error(self._error))
            return event
        self._receiving = event
        self._update_background()
        self._read_on()
        return event

    def answer(self, ident: Any, kind: int, outcome: Any) -> None:
        """Send the answer to request *ident*; a `Request` does that."""
        self._unanswered -= 1
        if self._error is not None:
            return
        if kind == FAILURE:
            self._protocol.send_failure(ident, outcome)
        else:
            try:
                self._protocol.send(kind, ident, outcome)
            except (CodecError, LocalProtocolError) as error:
                self._protocol.send_failure(ident, error)
        self._flush()

    # -- what is the socket's --

    @property
    def address(self) -> Any:
        """The own address."""
        return self.packet.address

    @property
    def peer_address(self) -> Any:
        """The address of the other end."""
        return self.packet.peer_address

    def bind(self, address: Any) -> None:
        """Take *address* for the own one."""
        self.packet.bind(address)

    def listen(self, backlog: int = 5) -> None:
        """Let others connect."""
        self.packet.listen(backlog)

    def accept(self) -> Event:
        """Wait for a connection; the event's value is a message object with the same codec and limits."""
        accepted = Event(self.env)

        def pass_on(event: Event) -> None:
            outcome: Any = event.value
            if event.ok:
                accepted.succeed(type(self)(self.env, outcome, self._codec, self.message_limit))
            else:
                event.defused = True
                fail_pending(accepted, outcome)

        when_done(self.packet.accept(), pass_on)
        return accepted

    def connect(self, address: Any) -> Event:
        """Connect to *address*."""
        return self.packet.connect(address)

    def close(self) -> None:
        """Close the connection; what is pending fails with ``EBADF``. Closing twice is fine."""
        self._requests.clear()
        self._break(os_error(errno.EBADF))

    # -- writing --

    def _flush(self) -> None:
        packet = b"".join(self._protocol.data_to_send())
        if packet:
            self._unsent.append(packet[4:])  # the socket puts the length in front again
        self._write_on()

    def _write_on(self) -> None:
        while self._unsent and not self._is_writing and self._error is None:
            event = self.packet.write_bytes(self._unsent.popleft())
            if not event.triggered:
                self._is_writing = True
                event.callbacks.append(self._wrote)
            elif not event.ok:
                self._stop_writing(event)

    def _wrote(self, event: Event) -> None:
        self._is_writing = False
        if event.ok:
            self._write_on()
        else:
            self._stop_writing(event)

    def _stop_writing(self, event: Event) -> None:
        # Replies may have come before the connection broke: whoever reads will come to its end.
        event.defused = True
        self._unsent.clear()

    # -- reading --

    def _update_background(self) -> None:
        self.packet.read_in_background(not self._sent and self._receiving is None)

    def _read_on(self) -> None:
        for left in reversed(range(_AT_ONCE)):
            if self._is_reading or self._error is not None:
                return
            self._is_reading = True
            event = self.packet.read_bytes()
            if not (event.triggered and left):
                event.callbacks.append(self._read_more)
                return
            self._received(event)
            if not event.ok:
                return

    def _read_more(self, event: Event) -> None:
        self._received(event)
        if event.ok:
            self._read_on()

    def _received(self, event: Event) -> None:
        self._is_reading = False
        outcome: Any = event.value
        if not event.ok:
            event.defused = True
            self._break(outcome)
            return
        for kind, ident, content in self._protocol.receive_data(make_packet(outcome)):
            if kind == REQUEST:
                self._take_request(ident, content)
            elif kind == BROKEN:
                self._break(content)
            elif kind != BAD_CONTENT:
                self._take_reply(kind, ident, content)
            elif ident[0] == REQUEST:
                self._unanswered += 1
                self.answer(ident[1], FAILURE, content)
            else:
                self._take_reply(BAD_CONTENT, ident[1], content)
        self._update_background()

    def _take_request(self, ident: Any, content: Any) -> None:
        if self._unanswered >= self.message_limit:
            self._break(ConnectionAbortedError(errno.ECONNABORTED, "the peer sent too many requests at once"))
            return
        self._unanswered += 1
        request = Request(self, ident, content)
        receiving, self._receiving = self._receiving, None
        if receiving is None:
            self._requests.append(request)
        else:
            receiving.succeed(request)

    def _take_reply(self, kind: int, ident: Any, content: Any) -> None:
        try:
            event = self._sent.pop(ident, None)
        except TypeError:  # not even a possible number
            event = None
        if event is None:
            self.late_replies += 1
        elif kind == RESULT:
            event.succeed(content)
        elif kind == FAILURE:
            fail_pending(event, RemoteException(content, self._peer_name()))
        else:
            fail_pending(event, content)

    def _peer_name(self) -> Any:
        try:
            return self.packet.peer_address
        except OSError:  # closed already
            return None

    def _break(self, error: OSError) -> None:
        """End all that waits with *error*; and all that comes, unless there was no connection yet."""
        if self._error is None and error.errno != errno.ENOTCONN:
            self._error = error
            self.packet.close()
        self._unsent.clear()
        sent, self._sent = self._sent, {}
        receiving, self._receiving = self._receiving, None
        for event in (*sent.values(), *([] if receiving is None else [receiving])):
            fail_pending(event, fresh_os_error(error))
