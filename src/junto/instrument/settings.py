"""What can be set for a client, checked where it is given."""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, TypedDict

from junto.instrument.retrying import Retry
from junto.sansio.lines import Terminator

if TYPE_CHECKING:
    import ssl

__all__ = [
    "IPTOS_LOWCOST",
    "IPTOS_LOWDELAY",
    "IPTOS_NORMAL",
    "IPTOS_RELIABILITY",
    "IPTOS_THROUGHPUT",
    "TCP_ONLY",
    "USUAL",
    "ClientOptions",
    "Eol",
    "KeepAlive",
    "Settings",
    "Stale",
    "Timeout",
    "Usual",
    "check_callback",
    "check_timeout",
]

IPTOS_NORMAL: Final = 0x00
IPTOS_LOWDELAY: Final = 0x10
IPTOS_THROUGHPUT: Final = 0x08
IPTOS_RELIABILITY: Final = 0x04
IPTOS_LOWCOST: Final = 0x02


class Usual(enum.Enum):
    """Stands for: as the client is set."""

    USUAL = "as the client is set"

    def __repr__(self) -> str:
        return "USUAL"


USUAL: Final = Usual.USUAL

Timeout = float | None | Literal[Usual.USUAL]
Eol = bytes | tuple[bytes, ...]
Stale = Literal["keep", "discard", "error"]
KeepAlive = bool | int | Mapping[str, Any] | None


class ClientOptions(TypedDict, total=False):
    """The keyword arguments of every client; see `Settings` for what each means."""

    eol: Eol
    auto_reconnect: bool
    on_connection_made: Callable[[], Any] | None
    on_connection_lost: Callable[[BaseException | None], Any] | None
    on_eof_received: Callable[[], Any] | None
    buffer_size: int
    no_delay: bool
    tos: int
    connection_timeout: float | None
    timeout: float | None
    keep_alive: KeepAlive
    write_eol: bytes | None
    linger: float
    retry: Retry | None
    retry_on: Callable[[BaseException], bool] | None
    stale: Stale
    min_interval: float
    query_delay: float
    on_reconnect_failed: Callable[[BaseException, int, float | None], Any] | None
    callback_errors: Literal["log", "raise"]
    trace: Callable[[float, str, int, bytes], object] | None
    max_block: int | None
    check_errors: bool
    encoding: str
    user_timeout: float | None
    tls: ssl.SSLContext | None


TCP_ONLY: Final = ("no_delay", "tos", "keep_alive", "user_timeout", "tls")
_CALLBACKS: Final = (
    "on_connection_made",
    "on_connection_lost",
    "on_eof_received",
    "on_reconnect_failed",
    "retry_on",
    "trace",
)
_KEEP_ALIVE: Final = {"active": True, "idle": 60, "interval": 10, "retry": 3}


@dataclass(slots=True, kw_only=True)
class Settings:
    """The settings of one client.

    Attributes:
        eol: What ends a line that is read; several, of which the first match counts.
        auto_reconnect: Whether a call that finds no connection opens one.
        on_connection_made: Called without arguments at each (re)connection, before any call that
            waits for it; may be ``async def``, and may use the client.
        on_connection_lost: Called with the error, or ``None``, once for each connection that ends.
        on_eof_received: Called without arguments when the peer ends its side.
        buffer_size: How many bytes a line may have; above twice as many waiting to be
            read, no more are received.
        no_delay: Whether small packets leave at once.
        tos: The type of service, one of the ``IPTOS_*``.
        connection_timeout: Seconds for one attempt to connect; ``None`` for ever.
        timeout: Seconds for one call; ``None`` for ever.
        keep_alive: ``None`` as the system has it, true or false, or a mapping with some of
            ``active``, ``idle``, ``interval`` (seconds) and ``retry``.
        write_eol: What ends a text that is sent; ``None`` for *eol*, its first.
        linger: Seconds that `close` gives unsent bytes.
        retry: How to try again if connecting fails; ``None`` for one attempt.
        retry_on: Tells whether to try again after an error; ``None`` for what passes by itself.
        stale: What becomes of bytes that are there already when a request is to be sent.
        min_interval: Seconds between the end of a call and the next write.
        query_delay: Seconds between the write and the read of a transaction.
        on_reconnect_failed: Called with the error, the number of the attempt, and the seconds until
            the next one or ``None``.
        callback_errors: Whether an error of *on_connection_made* is logged, or fails the call.
        trace: Called with the time, ``"<"`` or ``">"``, the generation and the bytes.
        max_block: The longest binary block to read, in bytes.
        check_errors: Whether `command` asks for errors of the instrument afterwards.
        encoding: That of texts.
        user_timeout: Seconds after which unanswered bytes break the connection, where the system
            can do that.
        tls: What a ``tls://`` address needs.
    """

    eol: Eol = b"\n"
    auto_reconnect: bool = True
    on_connection_made: Callable[[], Any] | None = None
    on_connection_lost: Callable[[BaseException | None], Any] | None = None
    on_eof_received: Callable[[], Any] | None = None
    buffer_size: int = 2**20
    no_delay: bool = True
    tos: int = IPTOS_LOWDELAY
    connection_timeout: float | None = None
    timeout: float | None = None
    keep_alive: KeepAlive = field(default_factory=lambda: dict(_KEEP_ALIVE))
    write_eol: bytes | None = None
    linger: float = 1.0
    retry: Retry | None = None
    retry_on: Callable[[BaseException], bool] | None = None
    stale: Stale = "keep"
    min_interval: float = 0.0
    query_delay: float = 0.0
    on_reconnect_failed: Callable[[BaseException, int, float | None], Any] | None = None
    callback_errors: Literal["log", "raise"] = "log"
    trace: Callable[[float, str, int, bytes], object] | None = None
    max_block: int | None = None
    check_errors: bool = False
    encoding: str = "ascii"
    user_timeout: float | None = None
    tls: ssl.SSLContext | None = None
    terminator: Terminator = field(init=False)
    # Whether nothing is to be waited for between calls, or inside them.
    plain: bool = field(init=False)

    def __post_init__(self) -> None:
        self.set_eol(self.eol)
        self.plain = not (self.min_interval or self.query_delay)
        if not isinstance(self.buffer_size, int):
            raise TypeError(f"buffer_size is a number of bytes, not {self.buffer_size!r}")
        if self.buffer_size < 1:
            raise ValueError(f"buffer_size must be at least 1, not {self.buffer_size!r}")
        for name in ("connection_timeout", "timeout", "user_timeout"):
            check_timeout(getattr(self, name), name)
        for name in ("linger", "min_interval", "query_delay"):
            value = getattr(self, name)
            if value is None:
                raise TypeError(f"{name} is a number of seconds, not None")
            check_timeout(value, name)
        if self.max_block is not None and self.max_block < 0:
            raise ValueError(f"max_block must not be negative, as {self.max_block!r} is")
        if self.write_eol is not None and not isinstance(self.write_eol, bytes):
            raise TypeError(f"write_eol is bytes, not {type(self.write_eol).__name__}")
        if self.retry is not None and not isinstance(self.retry, Retry):
            raise TypeError(f"retry is a Retry or None, not {self.retry!r}")
        if self.stale not in ("keep", "discard", "error"):
            raise ValueError(f"stale must be 'keep', 'discard' or 'error', not {self.stale!r}")
        if self.callback_errors not in ("log", "raise"):
            raise ValueError(f"callback_errors must be 'log' or 'raise', not {self.callback_errors!r}")
        for name in _CALLBACKS:
            check_callback(getattr(self, name), name)
        if not isinstance(self.tos, int):
            raise TypeError(f"tos is a number such as IPTOS_LOWDELAY, not {self.tos!r}")
        if not 0 <= self.tos <= 255:
            raise ValueError(f"tos is from 0 to 255, not {self.tos}")
        _check_keep_alive(self.keep_alive)
        try:
            "".encode(self.encoding)
        except LookupError as error:
            raise ValueError(str(error)) from None

    def set_eol(self, eol: Eol) -> None:
        self.terminator = Terminator(eol)
        self.eol = eol

    @property
    def ending(self) -> bytes:
        """What ends a text that is sent."""
        return self.terminator.alternatives[0] if self.write_eol is None else self.write_eol


def check_timeout(value: float | None, name: str = "timeout") -> None:
    """Refuse what is no number of seconds.

    Raises:
        TypeError: It is no number.
        ValueError: It is negative, or not a number.
    """
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} is a number of seconds or None, not {value!r}")
    if math.isnan(value) or value < 0:
        raise ValueError(f"{name} must not be negative, as {value!r} is")


def check_callback(value: object, name: str) -> None:
    """Refuse what can neither be called nor is ``None``.

    Raises:
        TypeError: It is something else.
    """
    if value is not None and not callable(value):
        raise TypeError(f"{name} is called, which {value!r} cannot be")


def _check_keep_alive(value: KeepAlive) -> None:
    if value is None or value in (0, 1):
        return
    if isinstance(value, int):
        raise ValueError(f"keep_alive as a number is 0 or 1, not {value!r}")
    if not isinstance(value, Mapping):
        raise TypeError(f"keep_alive is None, true, false or a mapping, not {value!r}")
    unknown: Iterable[str] = set(value) - set(_KEEP_ALIVE)
    if unknown:
        raise ValueError(f"keep_alive knows {', '.join(_KEEP_ALIVE)}, not {', '.join(sorted(unknown))}")
