"""What users get and give: messages, replies, responses, and the errors that a status means."""

from __future__ import annotations

from typing import Any

from junto.errors import ConnectionFailed, RemoteError
from junto.sansio.vsoa.frames import TUNNEL, Frame
from junto.sansio.vsoa.payloads import Data, Payload
from junto.sansio.vsoa.statuses import SUCCESS, check_status, describe_status

__all__ = ["Message", "PasswordRefused", "Reply", "Response", "StatusError"]


class Message(Payload):
    """What was published, or a datagram.

    Attributes:
        url: Where it was published; ``None`` for a datagram that names nothing.
        quick: Whether it came by the quick channel.
    """

    __slots__ = ("quick", "url")
    url: str | None
    quick: bool

    @classmethod
    def of(cls, frame: Frame, quick: bool) -> Message:
        message = _new_message(cls)
        _, _, _, _, _, url, message.raw, message.data = frame
        message._decoded = False
        message.url = url or None
        message.quick = quick
        return message

    def __repr__(self) -> str:
        return f"<Message {self.url}: {self.param!r}, {self.data!r}>"


_new_message = Message.__new__


class Reply(Payload):
    """What a server answered.

    Attributes:
        status: 0 for success; 128 and above are the application's.
        tunnel: The port of a stream that the server opens, or ``None``.
        tunid: The number in the place of that port, whatever the flags say.
        flags: The frame's, which other servers fill with more than they need.
        seqno: The number of the request.
    """

    __slots__ = ("flags", "seqno", "status", "tunid", "tunnel")
    status: int
    tunnel: int | None
    tunid: int
    flags: int
    seqno: int

    @classmethod
    def of(cls, frame: Frame) -> Reply:
        reply = _new_reply(cls)
        _, flags, reply.status, reply.seqno, tunid, _, reply.raw, reply.data = frame
        reply._decoded = False
        reply.flags = flags
        reply.tunid = tunid
        reply.tunnel = tunid if flags & TUNNEL else None
        return reply

    def __repr__(self) -> str:
        return f"<Reply {self.status}: {self.param!r}, {self.data!r}>"


_new_reply = Reply.__new__


class Response(Payload):
    """What a handler answers, where its result alone does not say it all.

    Attributes:
        status: 0 for success; 128 and above are the application's.
        tunnel: The port of an offered stream; 0 for none.
    """

    __slots__ = ("status", "tunnel")

    def __init__(
        self, param: Any = None, data: Data | None = None, *, status: int = SUCCESS, tunnel: int = 0
    ) -> None:
        """Answer with *param* and *data*.

        Raises:
            ValueError: *status* is not from 0 to 255.
            CodecError: *param* or *data* cannot be sent.
        """
        check_status(status)
        super().__init__(param, data)
        self.status = status
        self.tunnel = tunnel


class StatusError(RemoteError):
    """The reply has another status than success; a handler raises it to answer so.

    Attributes:
        status: From 1 to 255; 128 and above are the application's.
        payload: What came with it.
    """

    def __init__(
        self, status: int, param: Any = None, data: Data | None = None, *, origin: Any = None
    ) -> None:
        check_status(status)
        payload = param if isinstance(param, Payload) else Payload(param, data)
        super().__init__(payload.param, origin)
        self.args = (status, param, data)
        self.status = status
        self.payload = payload
        if payload.param is None:
            self.text = describe_status(status)

    @classmethod
    def of(cls, reply: Reply, origin: Any) -> StatusError:
        # As it is: what a peer may send is more than what we may, such as not-a-number.
        return cls(reply.status, reply, origin=origin)

    def __str__(self) -> str:
        if self.payload.param is None:
            return self.text
        return f"{describe_status(self.status)}: {super().__str__()}"


class PasswordRefused(ConnectionFailed):
    """The server does not accept the password, or wants one."""
