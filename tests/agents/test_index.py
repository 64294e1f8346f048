from __future__ import annotations

import pytest

from junto.agents.index import Index


def test_things_are_found_by_name_and_by_tag() -> None:
    index: Index[int] = Index()
    index.add(1, "ann", ["x", "y"])
    index.add(2, None, ["x"])
    index.add(3, "bob", [])
    index.add(4, None, [])
    assert (index.find("ann"), index.find("bob"), index.find("eve")) == (1, 3, None)
    assert (index.find_all("x"), index.find_all("y"), index.find_all("z")) == ([1, 2], [1], [])
    assert (index.name_of(1), index.tags_of(1)) == ("ann", {"x", "y"})
    assert (index.name_of(4), index.tags_of(4)) == (None, frozenset())
    assert (len(index), 4 in index) == (3, False)


def test_what_is_added_again_changes_and_what_is_removed_leaves_nothing() -> None:
    index: Index[int] = Index()
    index.add(1, "ann", ["x"])
    with pytest.raises(ValueError, match="taken"):
        index.add(2, "ann", ["y"])
    assert index.find_all("y") == []
    index.add(1, "eve", ["y"])
    index.add(1, "eve", ["y"])
    assert (index.find("ann"), index.find("eve"), index.find_all("x")) == (None, 1, [])
    assert index.remove(1)
    assert not index.remove(1)
    assert (len(index), index.find("eve"), index.find_all("y")) == (0, None, [])
    with pytest.raises(TypeError):
        index.add(1, None, "x")
