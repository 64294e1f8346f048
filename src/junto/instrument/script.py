"""What a simulated instrument answers: a script, from a mapping, a function or a TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

__all__ = ["CLOSE", "NO_ANSWER", "RESET", "Answer", "Control", "Pause", "Script", "Sequel", "load_script"]


class Control:
    """What an instrument does instead of answering."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


NO_ANSWER: Final = Control("NO_ANSWER")
CLOSE: Final = Control("CLOSE")
RESET: Final = Control("RESET")


@dataclass(frozen=True, slots=True)
class Pause:
    """So many seconds before what follows."""

    seconds: float


@dataclass(slots=True)
class Sequel:
    """Answers to a request that comes several times, one after the other; the last one is repeated."""

    answers: Sequence[Answer]
    _at: int = field(default=0, init=False)

    def next(self) -> Answer:
        answer = self.answers[min(self._at, len(self.answers) - 1)]
        self._at += 1
        return answer


Answer = bytes | str | Control | Pause | Sequel | Sequence["Answer"]
"""Bytes as they are, a text with the terminator added, a control, a pause, a sequence consumed in turn, or a
list of all these, of which each piece is sent by itself."""

Answers = Mapping[str, Any] | Callable[[str], Any]
"""What an instrument answers, by request."""


class Script:
    """Answers to requests.

    Attributes:
        eol: What ends a request, and is added to texts.
        latency: Seconds before each answer.
        fragment: At most so many bytes are sent at once; 0 for any number.
        disconnect_after: After so many requests a connection is closed; 0 for never.
        greeting: What is sent to each new connection.
    """

    def __init__(
        self,
        answers: Answers,
        *,
        eol: bytes = b"\n",
        latency: float = 0.0,
        fragment: int = 0,
        disconnect_after: int = 0,
        greeting: bytes = b"",
        unknown: Any = NO_ANSWER,
    ) -> None:
        """Prepare to answer.

        Args:
            answers: By request, without its terminator; or a function that gives the answer to one. In
                a mapping, a key that ends with ``*`` answers all that begins so, and may be a function
                of the rest; ``None`` is no answer.
            eol: What ends a request, and is added to texts.
            latency: Seconds before each answer.
            fragment: At most so many bytes are sent at once; 0 for any number.
            disconnect_after: After so many requests a connection is closed; 0 for never.
            greeting: What is sent to each new connection.
            unknown: The answer to what is not in *answers*.

        Raises:
            ValueError: Something is out of range.
        """
        if not eol:
            raise ValueError("a terminator has at least one byte")
        if latency < 0 or fragment < 0 or disconnect_after < 0:
            raise ValueError("latency, fragment and disconnect_after must not be negative")
        self._answers = answers
        self._unknown = unknown
        self.eol = eol
        self.latency = latency
        self.fragment = fragment
        self.disconnect_after = disconnect_after
        self.greeting = greeting

    def steps(self, request: str) -> Iterator[bytes | Control | Pause]:
        """Give what is done upon *request*, one step after the other."""
        yield from self._steps(self._find(request))

    def _find(self, request: str) -> Any:
        answers = self._answers
        if callable(answers):
            return answers(request)
        if request in answers:
            found = answers[request]
            return found() if callable(found) else found
        for key, found in answers.items():
            if key.endswith("*") and len(key) > 1 and request.startswith(key[:-1]):
                return found(request[len(key) - 1 :].strip()) if callable(found) else found
        return self._unknown

    def _steps(self, answer: Any) -> Iterator[bytes | Control | Pause]:
        if answer is None:
            return
        if isinstance(answer, str):
            answer = answer.encode() + self.eol
        if isinstance(answer, bytes | bytearray):
            size = self.fragment or len(answer) or 1
            for at in range(0, len(answer), size):
                yield bytes(answer[at : at + size])
        elif isinstance(answer, Control | Pause):
            yield answer
        elif isinstance(answer, Sequel):
            yield from self._steps(answer.next())
        elif isinstance(answer, int | float):
            yield Pause(float(answer))
        elif isinstance(answer, Sequence):
            for step in answer:
                yield from self._steps(step)
        else:
            raise TypeError(f"an instrument cannot answer with {answer!r}")


_CONTROLS: Final = {"none": NO_ANSWER, "close": CLOSE, "reset": RESET}
_DEVICE: Final = {"eol", "latency", "fragment", "disconnect_after", "greeting"}


def load_script(path: str | Path) -> Script:
    r"""Read a script from a TOML file.

    In the table ``device`` may stand ``eol``, ``latency``, ``fragment``, ``disconnect_after`` and
    ``greeting``; in ``replies`` the answers by request; in ``variables`` initial values by header: with
    ``VOLT = "1.0"``, ``VOLT?`` is answered with what was set last by ``VOLT 2.5``. An answer is a text, a
    list of answers that are given in turn, or a table with ``reply`` or ``hex`` and with ``delay`` (seconds),
    ``fragments`` (a list of texts, each sent by itself) or ``fault``: ``"none"``, ``"close"`` or ``"reset"``.

    Raises:
        ValueError: The file is not of that form; the message tells where.
        OSError: It cannot be read.
    """
    with open(path, "rb") as file:
        try:
            data = tomllib.load(file)
        except tomllib.TOMLDecodeError as error:
            raise ValueError(f"{path} is not TOML: {error}") from error
    unknown = set(data) - {"device", "replies", "variables"}
    device = _table(path, data, "device")
    unknown |= {f"device.{key}" for key in set(device) - _DEVICE}
    if unknown:
        raise ValueError(f"{path}: nobody knows {', '.join(sorted(unknown))}")
    eol = str(device.pop("eol", "\n")).encode()
    answers: dict[str, Any] = {}
    for request, value in _table(path, data, "replies").items():
        try:
            answers[request] = _answer(value, eol)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{path}: the reply to {request!r}: {error}") from error
    for header, value in _table(path, data, "variables").items():
        _add_variable(answers, header, str(value))
    try:
        greeting = str(device.pop("greeting", "")).encode()
        return Script(
            answers, eol=eol, greeting=greeting, unknown=answers.pop("*", NO_ANSWER), **_numbers(device)
        )
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error


def _numbers(device: dict[str, Any]) -> dict[str, Any]:
    for key, value in device.items():
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise TypeError(f"{key} is a number, not {value!r}")
    return device


def _table(path: str | Path, data: dict[str, Any], name: str) -> dict[str, Any]:
    table = data.get(name, {})
    if not isinstance(table, dict):
        raise ValueError(f"{path}: {name} is a table")
    return dict(table)


def _answer(value: Any, eol: bytes) -> Any:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        if not value:
            raise ValueError("a list of answers needs at least one")
        return Sequel([_answer(one, eol) for one in value])
    if not isinstance(value, dict):
        raise TypeError(f"{value!r} is no text, list or table")
    unknown = set(value) - {"reply", "delay", "hex", "fragments", "fault"}
    if unknown:
        raise ValueError(f"nobody knows {', '.join(sorted(unknown))}")
    steps: list[Any] = []
    if "delay" in value:
        steps.append(Pause(float(value["delay"])))
    if "reply" in value:
        steps.append(str(value["reply"]))
    if "hex" in value:
        steps.append(bytes.fromhex(value["hex"]))
    steps += [str(piece).encode() for piece in value.get("fragments", ())]
    if "fault" in value:
        if value["fault"] not in _CONTROLS:
            raise ValueError(f"a fault is one of {', '.join(_CONTROLS)}, not {value['fault']!r}")
        steps.append(_CONTROLS[value["fault"]])
    return steps


def _add_variable(answers: dict[str, Any], header: str, value: str) -> None:
    held = [value]

    def ask() -> str:
        return held[0]

    def tell(text: str) -> None:
        held[0] = text

    answers[f"{header}?"] = ask
    answers[f"{header} *"] = tell
