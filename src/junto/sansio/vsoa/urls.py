"""Who is meant by a URL: the handler of a request, the subscribers of what is published.

URLs are compared as they are: case counts, and ``//``, ``.`` or ``%41`` mean nothing special.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Generic, TypeVar

from junto.sansio.vsoa.frames import MAX_URL

__all__ = ["HandlerTable", "SubscriberIndex", "check_url", "is_url", "matches", "subscriptions_for"]

T = TypeVar("T")
S = TypeVar("S")

_KEPT = 1024  # answers that an index remembers


def is_url(value: object) -> bool:
    """Tell whether *value* is a text that begins with a slash."""
    return isinstance(value, str) and value.startswith("/")


def check_url(url: str) -> None:
    """Refuse what is no URL.

    Raises:
        ValueError: *url* does not begin with a slash.
    """
    if not is_url(url):
        raise ValueError(f"a URL of VSOA begins with a slash, not as {url!r}")


class HandlerTable(Generic[T]):
    """Handlers by URL.

    One for ``/a/b`` handles just that; one for ``/a/b/`` handles ``/a/b``, ``/a/b/`` and all below; one for
    ``/`` what no other does. The most exact wins: the URL itself, then the longest one above it.
    """

    def __init__(self) -> None:
        self._handlers: dict[str, T] = {}
        self._longest = 0

    def add(self, url: str, handler: T) -> None:
        """Let *handler* handle *url*, instead of the one before.

        Raises:
            ValueError: *url* does not begin with a slash.
        """
        check_url(url)
        self._handlers[url] = handler
        self._longest = max(self._longest, len(url))

    def remove(self, url: str) -> bool:
        """Take the handler of *url* away; tells whether there was one."""
        return self._handlers.pop(url, None) is not None

    def find(self, url: str) -> T | None:
        """Find the handler for a request to *url*; ``None`` if there is none."""
        found = self._handlers.get(url)
        if found is not None:
            return found
        found = self._handlers.get(url + "/")
        # Whoever asks for thousands of slashes makes nobody look at each of them.
        end = min(len(url), self._longest)
        while found is None:
            end = url.rfind("/", 0, end)
            if end < 0:
                return None
            found = self._handlers.get(url[: end + 1])
        return found

    def urls(self) -> list[str]:
        """List the URLs that have a handler, oldest first."""
        return list(self._handlers)


def matches(subscription: str, url: str) -> bool:
    """Tell whether who subscribed to *subscription* gets what is published to *url*."""
    if subscription == "/" or subscription == url:
        return True
    return subscription.endswith("/") and (url + "/").startswith(subscription)


def subscriptions_for(url: str, longest: int = MAX_URL) -> Iterator[str]:
    """Give every subscription that gets what is published to *url*, each once.

    Of those that stand for all below them, only the ones of at most *longest* characters.
    """
    yield url
    yield url + "/"
    end = url.rfind("/", 0, min(len(url) - 1, longest))
    while end >= 0:
        yield url[: end + 1]
        end = url.rfind("/", 0, end)
    if url[:1] != "/":
        yield "/"


class SubscriberIndex(Generic[S]):
    """Who has subscribed to what; finds the subscribers of a URL without asking each."""

    def __init__(self) -> None:
        self._subscribers: dict[str, dict[S, None]] = {}
        self._answers: dict[str, list[S]] = {}
        self._longest = 0

    def add(self, url: str, subscriber: S) -> None:
        self._longest = max(self._longest, len(url))
        self._subscribers.setdefault(url, {})[subscriber] = None
        self._answers.clear()

    def remove(self, url: str, subscriber: S) -> None:
        subscribers = self._subscribers.get(url)
        if subscribers is not None and subscribers.pop(subscriber, self) is not self:
            if not subscribers:
                del self._subscribers[url]
            self._answers.clear()

    def forget_answers(self) -> None:
        """Take note that what `find` makes of its findings has changed."""
        self._answers.clear()

    def find(self, url: str, arrange: Any = list) -> list[S]:
        """Find those who get what is published to *url*.

        Args:
            url: Where it is published.
            arrange: Makes of all of them a list of those who really get it, in their order.

        Returns:
            The list, the same object for the same URL until something changes.
        """
        answer = self._answers.get(url)
        if answer is None:
            found: dict[S, None] = {}
            for subscription in subscriptions_for(url, self._longest):
                found.update(self._subscribers.get(subscription, {}))
            answer = arrange(found)
            if len(self._answers) >= _KEPT:
                self._answers.clear()
            self._answers[url] = answer
        return answer
