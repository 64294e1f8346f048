"""What happens to a client, and what follows from it: the half that its connections call.

The other half, what a user calls, is `junto.vsoa.client`.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any

from junto.errors import ConnectionFailed, ConnectionLost, Overloaded, fresh
from junto.runtime import Future, Runtime
from junto.sansio.vsoa.client import Welcomed
from junto.sansio.vsoa.frames import PUBLISH, SUBSCRIBE, UNSUBSCRIBE, Frame, encode
from junto.sansio.vsoa.urls import SubscriberIndex
from junto.vsoa.asking import Asking
from junto.vsoa.callbacks import tell
from junto.vsoa.connection import Connection
from junto.vsoa.messages import Message, Reply, StatusError
from junto.vsoa.subscribing import MessageCallback, Subscription
from junto.waiting import Shared

if TYPE_CHECKING:
    import ssl

__all__ = ["ClientEndpoint"]


class ClientEndpoint:
    """What a client has besides its methods: what waits, what it subscribed to, and its connections."""

    def __init__(self, runtime: Runtime, *, request_timeout: float | None = 60.0) -> None:
        """Prepare a client, which `established` connects.

        Args:
            runtime: The world it lives in.
            request_timeout: Seconds after which a request fails for which none was given, exact to a
                tenth; ``None`` waits until the connection ends.
        """
        self._runtime = runtime
        self._create_future = runtime.create_future
        self._usual_time = request_timeout
        self._asking = Asking(runtime)
        self._connection: Connection | None = None
        self._unsent: dict[int, bytes] = {}
        self._index: SubscriberIndex[Subscription] = SubscriberIndex()
        self._subscriptions: dict[Subscription, None] = {}
        self._reconnect: Callable[[], Coroutine[Any, Any, object]] | None = None
        self._reconnecting: Future[object] | None = None
        self._gone: BaseException | None = None
        self._closed: Shared[None] = Shared(runtime)
        self._host = ""
        self._tls: ssl.SSLContext | None = None
        self.send_timeout: float | None = None
        self.info: Any = None
        self.on_message: MessageCallback | None = None
        self.on_datagram: MessageCallback | None = None
        self.on_connect: Callable[[Any], Any] | None = None
        self.on_disconnect: Callable[[Any, BaseException], Any] | None = None

    def connects_to(self, host: str, tls: ssl.SSLContext | None) -> None:
        """Take note of the name of the server's host, and of what streams beside the connection need."""
        self._host = host
        self._tls = tls

    def keep_connected(self, reconnect: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Run the flow *reconnect* whenever the connection is lost; it connects this client anew.

        Requests in flight fail then, since nobody knows whether the server saw them; later ones wait.
        """
        self._reconnect = reconnect

    def established(self, connection: Connection, welcome: Welcomed) -> None:
        """Go on with *connection*, on which the server has accepted us.

        Raises:
            ConnectionFailed: It is lost already, or the client is closed.
        """
        if connection.transport is None or self._gone is not None:
            connection.abort()
            raise ConnectionFailed("the connection was lost at once")
        self._connection = connection
        self.info = welcome.info.param
        unsent, self._unsent = self._unsent, {}
        for subscription in self._subscriptions:
            self._announce(subscription)
        for number, frame in unsent.items():
            asked = self._asking.open.get(number)
            if asked is not None and not asked[1].done():
                connection.send(frame)
        self._tell(self.on_connect, self)

    def lost(self, connection: Connection, error: Exception | None) -> None:
        if connection is not self._connection:
            return  # an attempt that failed, and says so itself
        self._connection = None
        if isinstance(error, ConnectionLost):
            reason: BaseException = error
        else:
            reason = ConnectionLost(
                "the server closed the connection" if error is None else f"the connection broke: {error}"
            )
            reason.__cause__ = error
        if self._gone is not None:
            reason = self._gone
        self._asking.fail(reason, self._unsent)
        self._tell(self.on_disconnect, self, reason)
        if self._reconnect is None or self._gone is not None:
            self._ended(reason)
        else:
            self._reconnecting = self._runtime.create_task(self._reconnect())

    def _ended(self, error: BaseException) -> None:
        """End for good, which happens once."""
        if self._closed.done():
            return
        self._gone = self._gone or error
        if self._reconnecting is not None:
            self._reconnecting.cancel()
        self._unsent.clear()
        self._asking.fail(error)
        for subscription in list(self._subscriptions):
            subscription.finish(error)
        self._closed.set_result(None)

    def received(self, frame: Frame, quick: bool) -> None:
        """Take a publication or a datagram."""
        if frame.type == PUBLISH:
            message = Message.of(frame, quick)
            for subscription in self._index.find(frame.url):
                subscription.put(message)
            if self.on_message is not None:
                self._tell(self.on_message, message)
        elif self.on_datagram is not None:
            self._tell(self.on_datagram, Message.of(frame, quick))

    def replied(self, frame: Frame) -> None:
        """Take a reply."""
        asked = self._asking.take(frame.type, frame.seqno)
        if asked is None:
            return
        _, future, strict, _ = asked
        reply = Reply.of(frame)
        if strict and reply.status:
            future.set_exception(StatusError.of(reply, self.get_extra_info("peername")))
        else:
            future.set_result(reply)

    def _tell(self, callback: Callable[..., Any] | None, *args: Any) -> None:
        tell(self._runtime, "a client", callback, *args)

    def _ask(
        self,
        kind: int,
        url: str = "",
        param: bytes = b"",
        data: bytes = b"",
        flags: int = 0,
        timeout: float | None = None,
        *,
        strict: bool = True,
    ) -> Future[Reply]:
        connection = self._connection
        if connection is None or connection.paused or self._gone is not None:
            connection = self._check_open()
        asking = self._asking
        number = asking.take_number()
        frame = encode(kind, url, param, data, flags, number)
        if connection is not None:  # first, for the rest can be done while it is under way
            connection.send(frame, at_once=not asking.open)
        future: Future[Reply] = self._create_future()
        asking.add(number, kind, future, strict, timeout, self._usual_time)
        if connection is None:
            self._unsent[number] = frame
            future.add_done_callback(lambda _: self._unsent.pop(number, None))
        return future

    def _check_open(self) -> Connection | None:
        if self._gone is not None:
            raise fresh(self._gone)
        connection = self._connection
        if connection is not None and connection.is_stuck():
            raise Overloaded("the server does not take what was sent before")
        return connection

    def _announce(self, subscription: Subscription) -> None:
        """Tell the server of a subscription: URL by URL, for some servers know no lists."""
        left = set(subscription.urls)

        def answered(url: str, future: Future[Reply]) -> None:
            if future.cancelled():
                return
            error = future.exception()
            if error is None:
                left.discard(url)
                if not left:
                    subscription.accepted()
            elif self._gone is not None or not isinstance(error, ConnectionLost):
                subscription.finish(error)
                self.unsubscribe(subscription)

        for url in subscription.urls:
            self._ask(SUBSCRIBE, url).add_done_callback(partial(answered, url))

    def unsubscribe(self, subscription: Subscription, timeout: float | None = None) -> list[Future[Reply]]:
        """Want no more of *subscription*; gives the answers to be waited for."""
        if self._subscriptions.pop(subscription, self) is self:
            return []
        for url in subscription.urls:
            self._index.remove(url, subscription)
        if self._connection is None or self._gone is not None:
            return []
        wanted = {url for other in self._subscriptions for url in other.urls}
        answers = [
            self._ask(UNSUBSCRIBE, url, timeout=timeout, strict=False)
            for url in dict.fromkeys(subscription.urls)
            if url not in wanted
        ]
        for answer in answers:
            answer.add_done_callback(_look_at)  # whoever unsubscribes may not wait for it
        return answers

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Ask the transport: ``peername``, ``sockname``, ``peercert``, ``cipher``, ``socket`` and more."""
        return default if self._connection is None else self._connection.get_extra_info(name, default)


def _look_at(future: Future[Any]) -> None:
    if not future.cancelled():
        future.exception()
