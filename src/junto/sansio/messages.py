"""Messages: requests, results and failures in packets, both ways at once.

A packet holds one value in the connection's codec, an array of three: ``[kind, id, content]``. Each
peer numbers its own requests from 0; a reply carries the number of its request.

What the kinds are is in `junto.sansio.kinds`. Old peers know requests, results and failures only. Two
junto peers find out about each other without a message more: each writes the first triple it
sends in a second way that every reader takes for the same (`Codec.mark`). Who has seen the peer's
mark may use the other kinds, and *batches*: an array of triples in one packet.
No message is an object: events are tuples of the same three, for nothing is made as often.
"""

from __future__ import annotations

import reprlib
from typing import Any, Final

from junto.codecs import ENCODE_ERRORS, NOT_SIMPLE, Codec, is_plain
from junto.errors import CodecError, LocalProtocolError, RemoteProtocolError
from junto.sansio.attachments import Attachments, detach
from junto.sansio.failures import FailureForm, describe_failure
from junto.sansio.kinds import BAD_CONTENT, BESIDE, BROKEN, CREDIT, FAILURE, NOTICE, REQUEST, Event
from junto.sansio.packets import MAX_SIZE, PacketReader, check_size, join_small, pack_length

__all__ = ["MessageProtocol"]

# A batch must fit what any peer that takes batches is willing to receive.
BATCH_SIZE: Final = 16 * 1024


class MessageProtocol:
    """One connection's messages: bytes in, events out; messages in, bytes out.

    Attributes:
        extended: Whether the peer is known to understand more than the first three kinds.
    """

    __slots__ = (
        "_announced",
        "_announcing",
        "_attaching",
        "_batch",
        "_batch_size",
        "_batching",
        "_beside",
        "_broken",
        "_careful",
        "_codec",
        "_compress",
        "_extensions",
        "_failures",
        "_heard",
        "_may_hold_types",
        "_next_id",
        "_out",
        "_packets",
        "_read_triple",
        "_receive_limit",
        "_send_limit",
        "_simple",
        "_write",
        "extended",
        "get_buffer",
    )

    def __init__(
        self,
        codec: Codec,
        *,
        shared: memoryview | None = None,
        receive_limit: int = 64 * 1024 * 1024,
        send_limit: int = MAX_SIZE,
        failures: FailureForm = "text",
        extensions: bool = True,
    ) -> None:
        """Begin a connection.

        Args:
            codec: What puts values on the wire; used by this connection only.
            shared: A buffer to read into that other connections use too.
            receive_limit: The largest payload to accept, in bytes.
            send_limit: The largest payload to send, in bytes.
            failures: In which form failures are sent.
            extensions: Whether to look for a peer that understands more than old ones,
                and to tell it that we do.
        """
        self._codec = codec
        self._write = codec.write
        self._simple = codec.simple
        self._read_triple = codec.read_triple
        self._may_hold_types = codec.may_hold_types
        self._compress = codec.compress
        self._receive_limit = receive_limit
        self._send_limit = min(send_limit, MAX_SIZE)
        self._failures: FailureForm = failures
        self._packets = PacketReader(receive_limit, shared or memoryview(bytearray(1 << 16)))
        self.get_buffer = self._packets.get_buffer
        self._next_id = 0
        self._out: list[bytes] = []
        self._batch: list[bytes] = []
        self._batch_size = 0
        # What is done with a peer that is known to understand it.
        self.extended = False
        self._batching = False
        self._attaching = False
        self._extensions = extensions and receive_limit >= BATCH_SIZE and send_limit >= BATCH_SIZE
        self._announcing = self._extensions  # the first message will be marked …
        self._announced = False  # … and was
        self._heard = False
        # Whether the next packet may be something besides a plain triple, whatever is in it.
        self._careful = True
        self._broken = False
        self._beside: Attachments | None = None

    def receive_data(self, data: bytes) -> list[Event]:
        """Read *data*, after what was left before, cut anywhere.

        Returns:
            What happened, oldest first. After `BROKEN` nothing follows any more.
        """
        events: list[Event] = []
        rest = memoryview(data)
        while rest and not self._broken:
            room = self.get_buffer()
            size = min(len(room), len(rest))
            room[:size] = rest[:size]
            events += self.buffer_updated(size)
            rest = rest[size:]
        return events

    def buffer_updated(self, nbytes: int) -> list[Event]:
        """Read *nbytes* that were put into `get_buffer`; returns as `receive_data`."""
        events: list[Event] = []
        if self._broken:
            return events
        packets = self._packets
        payloads = packets.buffer_updated(nbytes)
        read_triple = self._read_triple
        try:
            if payloads:
                source: Any = payloads[0].obj  # a bytearray
                careful = self._careful or self._may_hold_types(source, 0, packets.used)
                for payload in payloads:
                    if careful:
                        self._read_carefully(payload, events)
                        continue
                    try:
                        events.append(read_triple(payload))
                    except NOT_SIMPLE:
                        self._read_other(payload, events)
                        careful = self._careful
            if packets.error is not None:
                raise packets.error
        except RemoteProtocolError as error:
            self._break(error, events)
        except CodecError as error:
            broken = RemoteProtocolError(f"the peer sent a packet that cannot be decoded: {error}")
            broken.__cause__ = error.__cause__ or error
            self._break(broken, events)
        return events

    def receive_eof(self) -> bool:
        """Take note that the peer sends no more; tells whether it stopped inside a packet."""
        return len(self._packets) > 0 or self._beside is not None

    def _break(self, error: RemoteProtocolError, events: list[Event]) -> None:
        self._broken = True
        events.append((BROKEN, None, error))

    def _read_carefully(self, payload: memoryview, events: list[Event]) -> None:
        """Read a packet where something besides a plain triple is possible."""
        if self._beside is not None:
            self._read_attachment(bytes(payload), events)
            return
        codec = self._codec
        limit = self._receive_limit
        data = payload if codec.decompress is None else codec.decompress(payload, limit)
        message = codec.load(data)
        # To look through a large message costs a copy of it, which it need not.
        revive = len(data) > BATCH_SIZE or codec.may_hold_types(bytes(data), 0, len(data))
        first = not self._heard
        if first:
            self._heard = True
            self._careful = codec.decompress is not None
            if self._extensions and codec.is_marked(data):
                self._extend()  # and our first message tells it the same
        self._read_any(message, events, revive=revive)
        if first and not self.extended:  # an old peer, and what we sent before did not wake it
            self._announcing = self._announced = False

    def _read_other(self, payload: memoryview, events: list[Event]) -> None:
        """Read a packet that is no plain triple, and holds no custom types."""
        if self.extended:
            try:
                batch = self._codec.read_batch(payload)
            except NOT_SIMPLE:
                batch = []
            if batch:
                events += batch
                return
        self._read_any(self._codec.load(payload), events, revive=False)

    def _read_any(self, message: Any, events: list[Event], *, revive: bool) -> None:
        """Take a decoded packet that may be a message of any kind, a batch, or neither."""
        if type(message) is list and message and type(message[0]) is list:
            self._check_extension("a batch")
            for triple in message:
                self._take(triple, events, revive=revive)
        else:
            self._take(message, events, revive=revive)

    def _take(self, message: Any, events: list[Event], *, revive: bool) -> None:
        if type(message) is not list or len(message) != 3:
            raise RemoteProtocolError(f"the peer sent {_short(message)}, not an array of three")
        kind, ident, content = message
        if type(kind) is not int or not 0 <= kind <= BESIDE:
            raise RemoteProtocolError(f"the peer sent a message of the unknown type {_short(kind)}")
        if kind > FAILURE:
            self._check_extension(f"a message of type {kind}")
            if kind == BESIDE:
                if self._beside is not None:
                    raise RemoteProtocolError("the peer sent attachments to a message with attachments")
                self._beside = Attachments(ident, content, self._receive_limit)
                self._careful = True
                return
            if kind != NOTICE and type(ident) is not int:
                raise RemoteProtocolError(f"the peer named a stream {_short(ident)}, not by a number")
            if kind == CREDIT and (type(content) is not int or content < 0):
                raise RemoteProtocolError(f"the peer gave {_short(content)} as credit, not a number of items")
        if revive:
            try:
                content = self._codec.revive(content)
            except CodecError as error:
                events.append((BAD_CONTENT, (kind, ident), error))
                return
        events.append((kind, ident, content))

    def _check_extension(self, what: str) -> None:
        if not (self.extended or self._announced):
            raise RemoteProtocolError(f"the peer sent {what} without having agreed on it")
        self._extend()

    def _extend(self) -> None:
        self.extended = True
        self._batching = self._compress is None
        self._attaching = self._compress is None and self._codec.binary
        self._write = self._codec.compact

    def _read_attachment(self, data: bytes, events: list[Event]) -> None:
        beside = self._beside
        assert beside is not None, "asked for only while attachments are expected"
        if not beside.add(data):
            return
        self._beside = None
        self._careful = self._codec.decompress is not None
        # Custom types first: an attached value is bytes, and has none inside.
        rebuilt: list[Event] = []
        self._take(beside.triple, rebuilt, revive=True)
        for kind, ident, content in rebuilt:
            events.append((kind, ident, beside.put_into(content) if kind >= 0 else content))

    def send_request(self, content: Any, plain: bool = False) -> int:
        """Queue a request.

        Args:
            content: Its content.
            plain: Whether that is known to be built of the codec's `simple` classes.

        Returns:
            Its number, with which the reply will come.

        Raises:
            CodecError: *content* cannot be encoded; nothing was queued.
            LocalProtocolError: It is larger than the limit; nothing was queued.
        """
        ident = self._next_id
        self.send(REQUEST, ident, content, plain)
        self._next_id = ident + 1
        return ident

    def send_failure(self, ident: Any, error: BaseException) -> None:
        """Queue the answer to request *ident* that tells of *error*; never fails."""
        name = type(error).__name__[:100]
        brief = [name, ""] if self._failures in ("list", "brief-list") else f"{name}\n"
        # With a low limit its name must do; and an id that cannot be sent back is answered as none.
        for answered, content in (
            (ident, describe_failure(error, self._failures)),
            (ident, brief),
            (None, brief),
        ):
            try:
                self.send(FAILURE, answered, content)
            except (CodecError, LocalProtocolError):
                continue
            return

    def send_extension(self, kind: int, ident: Any, content: Any) -> None:
        """Queue a message of a kind that only junto knows.

        Raises:
            LocalProtocolError: The peer is not known to understand it, or it is
                larger than the limit; nothing was queued.
            CodecError: *content* cannot be encoded; nothing was queued.
        """
        if not self.extended:
            raise LocalProtocolError(
                "this needs a peer that is junto too, and the peer has not shown that it is; "
                "it shows with the first message that it sends"
            )
        self.send(kind, ident, content)

    def send(self, kind: int, ident: Any, content: Any, plain: bool = False) -> None:
        """Queue one message of any *kind*; raises as `send_request`."""
        try:
            if plain or type(content) in self._simple:
                data = self._write([kind, ident, content])
            else:
                found: list[tuple[list[Any], bytes]] = []
                rest = detach(content, found) if self._attaching and not is_plain(content) else content
                if found:
                    self._queue_beside([kind, ident, rest], found)
                    return
                data = self._codec.dump([kind, ident, content])
        except ENCODE_ERRORS:
            data = self._dump_apart(kind, ident, content)
        if self._announcing or self._compress is not None:
            data = self._finish(data)
        size = len(data)
        if size > self._send_limit:
            check_size(size, self._send_limit)
        if self._batching:
            size += 2  # with what joins it to the next
            if self._batch_size + size > BATCH_SIZE:
                self._close_batch()
            self._batch.append(data)
            self._batch_size += size
        else:
            self._out.append(pack_length(size))
            self._out.append(data)

    def _dump_apart(self, kind: int, ident: Any, content: Any) -> bytes:
        """Encode what was refused as a whole: with the long way, and the peer's id as it is."""
        codec = self._codec
        if type(ident) is int:
            return codec.dump([kind, ident, content])
        return codec.join((codec.dump(kind), codec.echo(ident), codec.dump(content)))

    def _finish(self, data: bytes) -> bytes:
        if self._announcing:
            data = self._codec.mark(data)
        if self._compress is not None:
            data = self._compress(data)
        check_size(len(data), self._send_limit)
        self._announced |= self._announcing
        self._announcing = False
        return data

    def _queue_beside(self, triple: list[Any], found: list[tuple[list[Any], bytes]]) -> None:
        envelope = self._codec.dump([BESIDE, [place for place, _ in found], triple])
        check_size(len(envelope), self._send_limit)
        check_size(sum(len(large) for _, large in found), self._send_limit)  # as the peer measures them
        self._close_batch()
        self._out += (pack_length(len(envelope)), envelope)
        for _, large in found:
            self._out += (pack_length(len(large)), large)

    def _close_batch(self) -> None:
        batch = self._batch
        if not batch:
            return
        data = batch[0] if len(batch) == 1 else self._codec.join(batch)
        self._out += (pack_length(len(data)), data)
        batch.clear()
        self._batch_size = 0

    def data_to_send(self) -> list[bytes]:
        """Give the bytes of all that was queued, and forget them.

        Returns:
            Few pieces; small ones are joined, large ones stay as they are.
        """
        batch = self._batch
        out = self._out
        if batch:
            if not out and len(batch) == 1:
                self._batch_size = 0
                data = batch.pop()
                return [pack_length(len(data)) + data]
            self._close_batch()
        if not out:
            return []
        self._out = []
        if len(out) == 2 or max(map(len, out)) < BATCH_SIZE:
            return [b"".join(out)]
        return join_small(out, BATCH_SIZE)


def _short(value: Any) -> str:
    text = reprlib.repr(value)  # which does not write what is not shown
    return text if len(text) < 60 else f"{text[:56]}..."
