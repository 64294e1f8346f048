"""From a URL to a client.

Forms::

    tcp://host:5025?timeout=2&eol=crlf     tls://host:5026     unix:///run/instrument.sock
    serial:///dev/ttyUSB0?baudrate=9600    rfc2217://host:4000?baudrate=9600
    loop://    what is written comes back  exec:command        a child process's input and output
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, Final, NamedTuple
from urllib.parse import unquote_to_bytes

from junto.address import Address
from junto.instrument.connectors import connector_for, loop_back
from junto.instrument.system import Connector, System

__all__ = ["Place", "parse", "register_scheme", "socket_for_url"]

_EOLS: Final = {"lf": b"\n", "cr": b"\r", "crlf": b"\r\n", "lfcr": b"\n\r", "nul": b"\0"}

# Where the client of each way of waiting is. It is named here, not imported, for none but the one that is
# asked for may be loaded.
_CLIENTS: Final = {
    "async": ("junto.aio", "TCP"),
    "asyncio": ("junto.aio", "TCP"),
    "sync": ("junto.sync", "TCP"),
    "syncio": ("junto.sync", "TCP"),
    "futures": ("junto.sync", "FuturesTCP"),
    "trio": ("junto.trio", "TCP"),
    "simpy": ("junto.simpy", "TCP"),
}


class Place(NamedTuple):
    """What a URL says.

    Attributes:
        scheme: Its scheme, in small letters.
        rest: What stands behind ``:`` or ``://``, without the query.
        settings: What the query says of the line or the process, by name.
    """

    scheme: str
    rest: str
    settings: dict[str, Any]


Opener = Callable[[Place, System], Connector]


def _bool(text: str) -> bool:
    if text.lower() in ("1", "true", "yes", "on"):
        return True
    if text.lower() in ("0", "false", "no", "off"):
        return False
    raise ValueError(f"{text!r} is neither true nor false")


def _seconds(text: str) -> float | None:
    return None if text.lower() == "none" else float(text)


def _eol(text: str) -> bytes:
    return _EOLS.get(text.lower()) or unquote_to_bytes(text)


def _number(text: str) -> int:
    return int(text, 0)


_OPTIONS: Final[dict[str, Callable[[str], Any]]] = {
    "eol": _eol,
    "write_eol": _eol,
    "timeout": _seconds,
    "connection_timeout": _seconds,
    "auto_reconnect": _bool,
    "buffer_size": _number,
    "linger": float,
    "stale": str,
    "min_interval": float,
    "query_delay": float,
    "max_block": _number,
    "check_errors": _bool,
    "encoding": str,
}
_TCP_OPTIONS: Final[dict[str, Callable[[str], Any]]] = {
    "no_delay": _bool,
    "tos": _number,
    "keep_alive": _bool,
    "user_timeout": _seconds,
}
_LINE_OPTIONS: Final[dict[str, Callable[[str], Any]]] = {
    "baudrate": _number,
    "bytesize": _number,
    "parity": str,
    "stopbits": float,
    "xonxoff": _bool,
    "rtscts": _bool,
    "dsrdtr": _bool,
}
_RESERVED: Final = frozenset({"hislip", "vxi11"})
_openers: dict[str, tuple[Opener, dict[str, Callable[[str], Any]]]] = {}


def register_scheme(
    scheme: str, opener: Opener, settings: dict[str, Callable[[str], Any]] | None = None
) -> None:
    """Let *scheme* be opened by what *opener* makes of a place.

    Args:
        scheme: In small letters.
        opener: Gets the place and what knows the system; gives the connector.
        settings: The keys of the query that are the place's own, with what reads each.
    """
    _openers[scheme] = (opener, settings or {})


def _need_nothing(place: Place) -> None:
    if place.rest:
        raise ValueError(f"{place.scheme}:// names no place, but there is {place.rest!r}")


def _open_loop(place: Place, system: System) -> Connector:
    _need_nothing(place)
    return loop_back


def _open_unix(place: Place, system: System) -> Connector:
    return connector_for(Address.parse(f"unix://{place.rest}"), None)


def _open_child(place: Place, system: System) -> Connector:
    return system.connect_child(place.rest)


def _open_serial(place: Place, system: System) -> Connector:
    if not place.rest:
        raise ValueError("serial:// needs a device, as in serial:///dev/ttyUSB0")
    return system.connect_serial(place.rest, place.settings)


def _open_rfc2217(place: Place, system: System) -> Connector:
    Address.parse(f"tcp://{place.rest}")
    return system.connect_serial(f"rfc2217://{place.rest}", place.settings)


register_scheme("loop", _open_loop)
register_scheme("unix", _open_unix)
register_scheme("exec", _open_child)
register_scheme("serial", _open_serial, _LINE_OPTIONS)
register_scheme("rfc2217", _open_rfc2217, _LINE_OPTIONS)


def parse(url: str) -> tuple[Place, dict[str, Any]]:
    """Read *url*; return the place, and the options of the client that its query sets.

    Raises:
        ValueError: It is none; the message tells why.
    """
    if not isinstance(url, str):
        raise ValueError(f"a URL is a text such as 'tcp://127.0.0.1:5025', not {url!r}")
    scheme, colon, rest = url.partition(":")
    scheme = scheme.lower()
    if scheme in _RESERVED:
        raise ValueError(f"{scheme}:// is reserved, and not there yet")
    if not colon or (scheme not in _openers and scheme not in ("tcp", "tls")):
        known = ", ".join(sorted([*_openers, "tcp", "tls"]))
        raise ValueError(f"{url!r} has none of the schemes {known}")
    if scheme == "exec":
        return Place(scheme, rest, {}), {}  # all of it is the command, with its question marks
    if not rest.startswith("//"):
        raise ValueError(f"{url!r} lacks // behind {scheme}:")
    rest, _, query = rest[2:].partition("?")
    own = _openers[scheme][1] if scheme in _openers else _TCP_OPTIONS
    settings: dict[str, Any] = {}
    options: dict[str, Any] = {}
    for part in filter(None, query.split("&")):
        key, equals, text = part.partition("=")
        read = own.get(key) or _OPTIONS.get(key)
        if read is None or not equals:
            raise ValueError(f"{url!r} sets {key!r}, which {scheme}:// does not know")
        try:
            value = read(text)
        except ValueError as error:
            raise ValueError(f"{url!r} sets {key} to {text!r}: {error}") from None
        (settings if key in own and scheme in _openers else options)[key] = value
    return Place(scheme, rest, settings), options


def socket_for_url(url: str, *, concurrency: str = "async", **options: Any) -> Any:
    """Make the client of the instrument at *url*, closed still.

    Args:
        url: See the module's text; keys of the query set options.
        concurrency: ``"async"`` or ``"asyncio"``, ``"sync"`` or ``"syncio"``, ``"futures"``, ``"trio"``,
            ``"simpy"``.
        **options: See `junto.instrument.settings.Settings`; they outweigh the query. For ``"simpy"``,
            *env* is one of them.

    Raises:
        ValueError: The URL or an option is wrong, or there is no such way of waiting.
    """
    place, found = parse(url)
    try:
        module, name = _CLIENTS[concurrency]
    except (KeyError, TypeError):
        raise ValueError(f"concurrency is one of {', '.join(_CLIENTS)}, not {concurrency!r}") from None
    options = {**found, **options}
    if place.scheme in ("tcp", "tls"):
        if place.rest.endswith("/"):
            raise ValueError(f"{url!r} has a path")
        address = Address.parse(f"{place.scheme}://{place.rest}")
        if not address.host:
            raise ValueError(f"{url!r} names no host")
        if place.scheme == "tls" and options.get("tls") is None:
            raise ValueError("tls:// needs the option tls, an ssl.SSLContext")
        client = getattr(importlib.import_module(module), name)
        return client(host=address.host, port=address.port, **options)
    client = getattr(importlib.import_module(module), name)
    opener, _ = _openers[place.scheme]
    return client.over(connector=opener(place, client.system()), name=_shown(place), **options)


def _shown(place: Place) -> str:
    return f"exec:{place.rest}" if place.scheme == "exec" else f"{place.scheme}://{place.rest}"
