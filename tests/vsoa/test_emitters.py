from __future__ import annotations

from typing import Any

import pytest

from junto.vsoa.emitters import NEW_LISTENER, REMOVE_LISTENER, EventEmitter


def test_listeners_are_called_in_their_order_as_often_as_they_are_there() -> None:
    emitter = EventEmitter()
    calls: list[Any] = []
    first = lambda *args, **kwargs: calls.append((1, args, kwargs))  # noqa: E731
    emitter.on("a", first)
    emitter.add_listener("a", lambda *args, **kwargs: calls.append(2))
    emitter.on("a", first)
    assert emitter.emit("a", (5,), {"k": 6})
    assert calls == [(1, (5,), {"k": 6}), 2, (1, (5,), {"k": 6})]
    assert not emitter.emit("b")
    assert emitter.listener_count("a") == 3
    assert emitter.listeners("a")[::2] == [first, first]
    assert emitter.emit(0) is False
    emitter.emit("a", "text")
    assert calls[3][1] == ("text",)
    with pytest.raises(TypeError):
        emitter.on("a", None)  # type: ignore[arg-type]  # the mistake that is meant


def test_changes_during_an_emission_are_for_the_next_one() -> None:
    emitter = EventEmitter()
    calls: list[str] = []

    def leave() -> None:
        calls.append("leave")
        emitter.remove_listener("a", leave)
        emitter.on("a", lambda: calls.append("late"))

    emitter.once("a", lambda: calls.append("once"))
    emitter.on("a", leave)
    emitter.on("a", lambda: calls.append("stay"))
    emitter.emit("a")
    assert calls == ["once", "leave", "stay"]
    calls.clear()
    emitter.emit("a")
    assert calls == ["stay", "late"]


def test_a_listener_for_one_time_is_called_one_time_even_inside_itself() -> None:
    emitter = EventEmitter()
    calls: list[int] = []
    depth: list[int] = []
    emitter.on("a", lambda: depth.append(1) or (len(depth) == 1 and emitter.emit("a")))
    emitter.once("a", lambda: calls.append(1))
    emitter.emit("a")
    assert calls == [1]


def test_coming_and_going_are_events() -> None:
    emitter = EventEmitter()
    seen: list[Any] = []
    emitter.on(NEW_LISTENER, lambda event, listener: seen.append(("new", event, emitter.listener_count("a"))))
    emitter.on(REMOVE_LISTENER, lambda event, listener: seen.append(("gone", event, listener)))
    emitter.once("a", print)
    assert seen == [("new", REMOVE_LISTENER, 0), ("new", "a", 0)]
    emitter.emit("a", ("",))
    assert seen[-1] == ("gone", "a", print)


def test_listeners_can_be_removed() -> None:
    emitter = EventEmitter()
    for _ in range(2):
        emitter.on("a", print)
    emitter.on("a", repr)
    emitter.on(0, repr)
    assert emitter.remove_listener("a", print)
    assert not emitter.remove_listener("a", print)
    assert emitter.listeners("a") == [repr]
    assert emitter.remove_listener("a")
    emitter.on("a", repr)
    emitter.remove_all_listeners(0)
    assert (emitter.listener_count(0), emitter.listener_count("a")) == (0, 1)
    gone: list[Any] = []
    emitter.on(REMOVE_LISTENER, lambda event, listener: gone.append(event))
    emitter.remove_all_listeners()
    assert gone == ["a", REMOVE_LISTENER]
    assert emitter.listener_count("a") == 0


def test_what_a_listener_raises_stops_the_emission() -> None:
    emitter = EventEmitter()
    emitter.on("a", lambda: 1 / 0)
    emitter.on("a", pytest.fail)
    with pytest.raises(ZeroDivisionError):
        emitter.emit("a")
