"""What a server knows of one client's connection: who is there, and what it has subscribed to."""

from __future__ import annotations

import hmac
from typing import Any, Final, NamedTuple, TypeAlias

from junto.sansio.vsoa.frames import (
    DATAGRAM,
    NOOP,
    PINGECHO,
    REPLY,
    RPC,
    SERVINFO,
    SUBSCRIBE,
    TUNNEL,
    UNSUBSCRIBE,
    Frame,
    encode,
)
from junto.sansio.vsoa.payloads import decode_param, encode_param
from junto.sansio.vsoa.statuses import ARGUMENTS, NO_MEMORY, PASSWORD, SUCCESS
from junto.sansio.vsoa.urls import is_url, matches

__all__ = ["Gate", "Greeted", "ServerEvent", "ServerSession", "Subscribed", "Unsubscribed"]

MAX_ATTEMPTS: Final = 5
"""How many wrong passwords one connection may try."""
MAX_SUBSCRIPTIONS: Final = 16_384
"""How many subscriptions one connection may have."""
MAX_SUBSCRIBED: Final = 4 * 1024 * 1024
"""How many characters these may have together."""


class Gate:
    """What every client of a server meets first.

    Attributes:
        password: What a client must show; empty for nothing. A change is for those who come later.
    """

    def __init__(self, info: Any = "", password: str = "") -> None:
        """Tell *info* to who shows *password*.

        Raises:
            CodecError: *info* cannot be sent as a param.
        """
        self.info = encode_param(info)
        self.password = password

    def admits(self, param: bytes) -> bool:
        """Tell whether the param of a greeting holds the password."""
        if not self.password:
            return True
        greeting = decode_param(param)
        shown = greeting.get("passwd") if isinstance(greeting, dict) else None
        if not isinstance(shown, str):
            return False
        # In a time that does not tell how much of it was right.
        return hmac.compare_digest(
            shown.encode("utf-8", "surrogatepass"), self.password.encode("utf-8", "surrogatepass")
        )


class Greeted(NamedTuple):
    """A client has shown itself.

    Attributes:
        first: Whether it had not done so before on this connection.
    """

    first: bool


class Subscribed(NamedTuple):
    """A client has subscribed.

    Attributes:
        urls: Those that were accepted, in the order of the request.
        single: Whether it named one URL, and no list.
        new: Those of them that it had not subscribed to before.
    """

    urls: list[str]
    single: bool
    new: list[str]


class Unsubscribed(NamedTuple):
    """A client has unsubscribed.

    Attributes:
        urls: Those that were accepted, in the order of the request.
        single: Whether it named one URL, and no list.
        gone: Those of them that it had subscribed to.
    """

    urls: list[str]
    single: bool
    gone: list[str]


ServerEvent: TypeAlias = Frame | Greeted | Subscribed | Unsubscribed


class ServerSession:
    """The server's side of one connection.

    Attributes:
        client_id: The number that the client gets.
        greeted: Whether the client has shown itself.
        exhausted: Whether it has shown too many wrong passwords, and should be sent away.
        quick_port: The client's UDP port; ``None`` if it named none.
        subscriptions: What it has subscribed to, oldest first.
        out: Frames to be sent, which the caller takes out.
    """

    __slots__ = (
        "_attempts",
        "_gate",
        "_subscribed",
        "client_id",
        "exhausted",
        "greeted",
        "out",
        "quick_port",
        "subscriptions",
    )

    def __init__(self, gate: Gate, client_id: int) -> None:
        self._gate = gate
        self._attempts = 0
        self._subscribed = 0  # characters
        self.client_id = client_id
        self.greeted = False
        self.exhausted = False
        self.quick_port: int | None = None
        self.subscriptions: dict[str, None] = {}
        self.out: list[bytes] = []

    def receive(self, frame: Frame) -> ServerEvent | None:
        """Take a frame from the stream.

        Returns:
            What happened; the frame itself if it is a request to a URL or a datagram; ``None`` for
            what is answered already, or means nothing.
        """
        kind = frame.type
        if frame.flags & REPLY or kind == NOOP:
            return None
        if kind == SERVINFO:
            return self._greet(frame)
        if not self.greeted:
            self._answer(frame, PASSWORD)
            return None
        if kind == RPC:
            if frame.url[:1] == "/":
                return frame
            self._answer(frame, ARGUMENTS)
        elif kind == DATAGRAM:
            return frame
        elif kind == PINGECHO:
            self._answer(frame, SUCCESS)
        elif kind in (SUBSCRIBE, UNSUBSCRIBE):
            return self._change_subscriptions(frame)
        return None

    def _answer(self, frame: Frame, status: int) -> None:
        self.out.append(encode(frame.type, flags=REPLY, status=status, seqno=frame.seqno))

    def _greet(self, frame: Frame) -> Greeted | None:
        if self.exhausted:  # whatever else it had sent by then
            return None
        first = not self.greeted
        if first and not self._gate.admits(frame.param):
            self._attempts += 1
            self.exhausted = self._attempts >= MAX_ATTEMPTS
            self._answer(frame, PASSWORD)
            return None
        self.greeted = True
        self.quick_port = frame.tunid if frame.flags & TUNNEL and frame.tunid else None
        self.out.append(
            encode(
                SERVINFO,
                param=self._gate.info,
                data=self.client_id.to_bytes(4, "big"),
                flags=REPLY,
                seqno=frame.seqno,
            )
        )
        return Greeted(first)

    def _change_subscriptions(self, frame: Frame) -> Subscribed | Unsubscribed | None:
        single = bool(frame.url)
        asked = [frame.url] if single else decode_param(frame.param)
        if not isinstance(asked, list) or (single and not is_url(frame.url)):
            self._answer(frame, ARGUMENTS)
            return None
        urls = [url for url in asked if is_url(url)]
        own = self.subscriptions
        if frame.type == SUBSCRIBE:
            new = [url for url in dict.fromkeys(urls) if url not in own]
            size = self._subscribed + sum(map(len, new))
            if len(own) + len(new) > MAX_SUBSCRIPTIONS or size > MAX_SUBSCRIBED:
                self._answer(frame, NO_MEMORY)
                return None
            self._answer(frame, SUCCESS)
            own.update(dict.fromkeys(new))
            self._subscribed = size
            return Subscribed(urls, single, new)
        self._answer(frame, SUCCESS)
        gone = [url for url in dict.fromkeys(urls) if url in own]
        for url in gone:
            del own[url]
        self._subscribed -= sum(map(len, gone))
        return Unsubscribed(urls, single, gone)

    def is_subscribed(self, url: str) -> bool:
        """Tell whether the client gets what is published to *url*."""
        return any(matches(subscription, url) for subscription in self.subscriptions)

    def receive_quick(self, frame: Frame) -> Frame | None:
        """Take a frame from this client's place on the quick channel; gives it back if it is a datagram."""
        return frame if self.greeted and frame.type == DATAGRAM and not frame.flags & REPLY else None
