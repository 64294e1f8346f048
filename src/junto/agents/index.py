"""Names and tags: of the agents of one container, and of a directory's entries."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

__all__ = ["Index"]

K = TypeVar("K", bound=Hashable)

_NOTHING: frozenset[str] = frozenset()


class Index(Generic[K]):
    """Finds things by the one name and the many tags they have, at once however many there are."""

    __slots__ = ("_about", "_by_name", "_by_tag")

    def __init__(self) -> None:
        self._by_name: dict[str, K] = {}
        self._by_tag: dict[str, dict[K, None]] = {}
        self._about: dict[K, tuple[str | None, frozenset[str]]] = {}

    def add(self, key: K, name: str | None, tags: Iterable[str]) -> None:
        """Take in *key*, which may be there already, with another name and other tags.

        Raises:
            ValueError: Something else has the name; nothing was changed.
        """
        if isinstance(tags, str):
            raise TypeError("tags are several texts, not one")
        if name is not None and self._by_name.get(name, key) != key:
            raise ValueError(f"the name {name!r} is taken")
        self.remove(key)
        tags = frozenset(tags)
        if name is None and not tags:
            return
        self._about[key] = (name, tags)
        if name is not None:
            self._by_name[name] = key
        for tag in sorted(tags):
            self._by_tag.setdefault(tag, {})[key] = None

    def remove(self, key: K) -> bool:
        """Take out *key*; tells whether it was there."""
        about = self._about.pop(key, None)
        if about is None:
            return False
        name, tags = about
        if name is not None:
            del self._by_name[name]
        for tag in tags:
            keys = self._by_tag[tag]
            del keys[key]
            if not keys:
                del self._by_tag[tag]
        return True

    def find(self, name: str) -> K | None:
        """Give what has *name*."""
        return self._by_name.get(name)

    def find_all(self, tag: str) -> list[K]:
        """Give all that have *tag*, in the order in which they came."""
        return list(self._by_tag.get(tag, ()))

    def name_of(self, key: K) -> str | None:
        """Give the name of *key*."""
        return self._about.get(key, (None, _NOTHING))[0]

    def tags_of(self, key: K) -> frozenset[str]:
        """Give the tags of *key*."""
        return self._about.get(key, (None, _NOTHING))[1]

    def __contains__(self, key: K) -> bool:
        return key in self._about

    def __len__(self) -> int:
        return len(self._about)
