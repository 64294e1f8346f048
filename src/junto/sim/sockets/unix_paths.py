"""The files of unix sockets: a host's own, which its programs may look at and remove."""

from __future__ import annotations

import os
import stat
from typing import Any

from junto.sim.here import here
from junto.sim.interception.installing import replaces

__all__ = [
    "chmod",
    "lstat",
    "remove",
    "stat_",
    "unlink",
]

_stat, _lstat, _unlink, _remove, _chmod = os.stat, os.lstat, os.unlink, os.remove, os.chmod


def _is_socket(path: Any) -> bool:
    host = here.host
    return host is not None and isinstance(path, str | bytes | os.PathLike) and host.stack.unix.exists(path)


def _describe(path: Any) -> os.stat_result:
    assert here.host is not None
    number = here.host.stack.unix.number(path)
    return os.stat_result((stat.S_IFSOCK | 0o755, number, 1, 1, 0, 0, 0, 0, 0, 0))


@replaces("os", "stat")
def stat_(path: Any, *, dir_fd: int | None = None, follow_symlinks: bool = True) -> os.stat_result:
    """Describe a file, or the host's socket of that path."""
    if _is_socket(path):
        return _describe(path)
    return _stat(path, dir_fd=dir_fd, follow_symlinks=follow_symlinks)


@replaces("os", "lstat")
def lstat(path: Any, *, dir_fd: int | None = None) -> os.stat_result:
    """Describe a file, or the host's socket of that path."""
    return _describe(path) if _is_socket(path) else _lstat(path, dir_fd=dir_fd)


@replaces("os", "unlink")
def unlink(path: Any, *, dir_fd: int | None = None) -> None:
    """Remove a file, or the host's socket of that path."""
    if _is_socket(path):
        assert here.host is not None
        here.host.stack.unix.unlink(path)
    else:
        _unlink(path, dir_fd=dir_fd)


@replaces("os", "remove")
def remove(path: Any, *, dir_fd: int | None = None) -> None:
    """Remove a file, or the host's socket of that path."""
    if _is_socket(path):
        assert here.host is not None
        here.host.stack.unix.unlink(path)
    else:
        _remove(path, dir_fd=dir_fd)


@replaces("os", "chmod")
def chmod(path: Any, mode: int, *, dir_fd: int | None = None, follow_symlinks: bool = True) -> None:
    """Change who may use a file; of a host's socket everybody may."""
    if not _is_socket(path):
        _chmod(path, mode, dir_fd=dir_fd, follow_symlinks=follow_symlinks)


for _supporting in (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks):
    for _real, _stand_in in (
        (_stat, stat_),
        (_lstat, lstat),
        (_unlink, unlink),
        (_remove, remove),
        (_chmod, chmod),
    ):
        if _real in _supporting:  # who asks whether a function can do more asks for the one that it has
            _supporting.add(_stand_in)
