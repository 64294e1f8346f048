from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from junto.sansio.vsoa.urls import HandlerTable, SubscriberIndex, matches, subscriptions_for

PUBLISHED = ["/", "/a", "/a/", "/a/b", "/a/b/", "/a/b/c", "/ab", "/a//", "/a//b", "//", "//a", "/A", "/b"]
DELIVERED = {
    "/": "1111111111111",
    "/a": "0100000000000",
    "/a/": "0111110110000",
    "/a/b": "0001000000000",
    "/a/b/": "0001110000000",
    "/a//": "0010000110000",
    "//": "1000000001100",
}
urls = st.text("ab/", max_size=6).map(lambda text: "/" + text)


@pytest.mark.parametrize("subscription", DELIVERED)
def test_a_subscription_gets_what_the_table_says(subscription: str) -> None:
    assert "".join(str(int(matches(subscription, url))) for url in PUBLISHED) == DELIVERED[subscription]


@given(urls, urls)
def test_the_subscriptions_of_a_url_are_those_that_match(subscription: str, url: str) -> None:
    found = list(subscriptions_for(url))
    assert len(found) == len(set(found))
    assert (subscription in found) == matches(subscription, url)


HANDLED = {
    ("/a/b",): "- - - /a/b - - - - -",
    ("/a/b/",): "- - - /a/b/ /a/b/ /a/b/ /a/b/ - -",
    ("/",): "/ / / / / / / / /",
    ("/a/b", "/a/b/", "/"): "/ / / /a/b /a/b/ /a/b/ /a/b/ / /",
    ("/a/", "/a/b/"): "- /a/ /a/ /a/b/ /a/b/ /a/b/ /a/b/ /a/ -",
}
REQUESTED = ["/", "/a", "/a/", "/a/b", "/a/b/", "/a/b/c", "/a/b//c", "/a/bc", "/A/b"]


@pytest.mark.parametrize("registered", HANDLED, ids=" ".join)
def test_the_most_exact_handler_wins(registered: tuple[str, ...]) -> None:
    table: HandlerTable[str] = HandlerTable()
    for url in reversed(registered):
        table.add(url, url)
    assert [table.find(url) or "-" for url in REQUESTED] == HANDLED[registered].split()
    assert table.urls() == list(reversed(registered))


def test_a_handler_can_be_replaced_and_removed() -> None:
    table: HandlerTable[int] = HandlerTable()
    table.add("/a", 1)
    table.add("/a", 2)
    assert table.find("/a") == 2
    assert table.remove("/a")
    assert not table.remove("/a")
    assert table.find("/a") is None
    with pytest.raises(ValueError, match="slash"):
        table.add("a", 3)


def test_a_subscriber_with_several_matching_subscriptions_is_found_once() -> None:
    index: SubscriberIndex[str] = SubscriberIndex()
    for url in ("/", "/a/", "/a/b", "/c"):
        index.add(url, "one")
    index.add("/a/b", "two")
    assert sorted(index.find("/a/b")) == ["one", "two"]
    assert index.find("/x") == ["one"]
    assert index.find("/a/b") is index.find("/a/b")


def test_an_index_follows_every_change() -> None:
    index: SubscriberIndex[str] = SubscriberIndex()
    assert index.find("/a") == []
    index.add("/a", "one")
    assert index.find("/a") == ["one"]
    index.remove("/a", "two")
    index.remove("/b", "one")
    index.remove("/a", "one")
    assert index.find("/a") == []


def test_an_index_remembers_only_so_many_answers() -> None:
    index: SubscriberIndex[str] = SubscriberIndex()
    index.add("/", "one")
    for number in range(3000):
        assert index.find(f"/{number}") == ["one"]
    assert len(index._answers) <= 1024


def test_what_is_found_can_be_arranged() -> None:
    index: SubscriberIndex[int] = SubscriberIndex()
    for number in (1, 3, 2):
        index.add("/a", number)
    assert index.find("/a", sorted) == [1, 2, 3]
    index.forget_answers()
    assert index.find("/a", lambda found: [max(found)]) == [3]


def test_a_url_of_nothing_but_slashes_costs_hardly_more_than_another() -> None:
    class Counted(dict[str, Any]):
        asked = 0

        def get(self, key: str, default: Any = None) -> Any:
            self.asked += 1
            return super().get(key, default)

    url = "/" * 65_535
    table: HandlerTable[str] = HandlerTable()
    table._handlers = handlers = Counted()
    table.add("/", "all")
    table.add("/axis/", "axes")
    assert table.find(url) == "all"
    assert handlers.asked < 10
    index: SubscriberIndex[str] = SubscriberIndex()
    index._subscribers = subscribers = Counted()
    index.add("/", "one")
    index.add("/axis/", "two")
    assert index.find(url) == ["one"]
    assert subscribers.asked < 10
