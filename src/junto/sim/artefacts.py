"""The artefact of a failed run: one file, ``.sim.json``, from which the run can be made again."""

from __future__ import annotations

import base64
import importlib.metadata
import io
import platform
import re
import sys
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from junto.sim.errors import SimError
from junto.sim.faults import Faults
from junto.sim.plans import Plan
from junto.sim.report import Failure, read_failure, report_json
from junto.sim.scenarios import Scenario
from junto.sim.summaries import Order, Summary
from junto.sim.trace import Trace, read_trace

__all__ = ["ENDING", "FORMAT", "Artefact", "ArtefactError", "failed_before", "junto_version", "name_for"]

FORMAT = "junto-sim/1"
ENDING = ".sim.json"
_KEPT_TRACE = 8_000_000  # characters; of a longer one there is only the digest


class ArtefactError(SimError, ValueError):
    """A file is no artefact, or one of another format."""


class Artefact(msgspec.Struct, kw_only=True):
    """What a run depends on, and what came of it.

    Attributes:
        program: What was run: ``module:function``, ``path.py:function`` or the
            name that pytest has for a test.
        order: The run.
        plan: The lines of its plan, for people; those of the order count.
        options: The options that the run was given, as far as JSON has them.
        lost: The names of those that it has not.
        junto: The version of junto.
        python: That of Python.
        libraries: Those of what else was imported.
        hash_seed: PYTHONHASHSEED, or None if it was not known.
        signature: What the run failed with.
        digest: That of its trace.
        failure: What is reported of it.
        trace: Its trace, compressed; empty if it is too long.
    """

    format: str = FORMAT
    program: str
    order: Order
    plan: list[str]
    options: dict[str, Any]
    lost: list[str]
    junto: str
    python: str
    platform: str
    libraries: dict[str, str]
    hash_seed: str | None
    signature: str
    digest: str
    failure: msgspec.Raw
    trace: str = ""

    @classmethod
    def make(
        cls,
        scenario: Scenario,
        program: str,
        order: Order,
        summary: Summary,
        failure: Failure,
        hash_seed: str | None,
    ) -> Artefact:
        """Write down a run that has failed and was recorded."""
        known = {
            "faults": scenario.faults,
            "plan": None if scenario.plan is None else str(scenario.plan),
            "timeout": scenario.timeout,
        }
        options, lost = _as_json({**known, **scenario.options})
        return cls(
            program=program,
            order=order,
            plan=str(Plan.of(summary.plan)).splitlines(),
            options=options,
            lost=lost,
            junto=junto_version(),
            python=platform.python_version(),
            platform=platform.platform(terse=True),
            libraries=_libraries(),
            hash_seed=hash_seed,
            signature=summary.signature or "",
            digest=summary.digest or "",
            failure=msgspec.Raw(report_json(failure)),
            trace=_packed(summary),
        )

    def again(self, order: Order, summary: Summary, failure: Failure) -> Artefact:
        """Write down another run of the same program."""
        return msgspec.structs.replace(
            self,
            order=order,
            plan=str(Plan.of(summary.plan)).splitlines(),
            digest=summary.digest or "",
            failure=msgspec.Raw(report_json(failure)),
            trace=_packed(summary),
        )

    @classmethod
    def read(cls, path: str | Path) -> Artefact:
        """Read a file.

        Raises:
            ArtefactError: It is no artefact, or one of another format.
            OSError: It cannot be read.
        """
        try:
            found = msgspec.json.decode(Path(path).read_bytes(), type=_Format)
            if found.format != FORMAT:
                raise ArtefactError(f"{path} has the format {found.format!r}; {FORMAT!r} can be read")
            return msgspec.json.decode(Path(path).read_bytes(), type=cls)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise ArtefactError(f"{path} is no artefact of a run: {error}") from error

    def write(self, path: str | Path) -> None:
        """Write the file anew, with its directory; raises `OSError` as `open`."""
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        text = msgspec.json.format(msgspec.json.encode(self), indent=1)
        Path(path).write_bytes(text + b"\n")

    def reported(self) -> Failure:
        """Tell what was reported of it."""
        return read_failure(bytes(self.failure))

    def events(self) -> Trace | None:
        """Read its trace, or None if it was too long to be kept."""
        if not self.trace:
            return None
        return read_trace(io.BytesIO(zlib.decompress(base64.b64decode(self.trace))))

    def changes(self) -> dict[str, Any]:
        """Tell the options for `Scenario.of`; what happens is in the order."""
        options = {name: tuple(v) if isinstance(v, list) else v for name, v in self.options.items()}
        options.pop("faults", None)
        return options

    def differences(self) -> list[str]:
        """Tell in sentences what here is not as it was there, and may change the run."""
        found = []
        if self.junto != junto_version():
            found.append(
                f"it was made by junto {self.junto}, and this is {junto_version()}: "
                "the same seed may be another run"
            )
        here = platform.python_version()
        if self.python.rpartition(".")[0] != here.rpartition(".")[0]:
            found.append(f"it was made by Python {self.python}, and this is {here}")
        if self.lost:
            found.append(f"it does not hold the options {', '.join(self.lost)}")
        for name, version in self.libraries.items():
            now = _version(name)
            if now != version and name != "junto":
                found.append(f"it was made with {name} {version}, and here is {now or 'none'}")
        return found


def _packed(summary: Summary) -> str:
    trace = summary.trace or ""
    return base64.b64encode(zlib.compress(trace.encode(), 6)).decode() if len(trace) <= _KEPT_TRACE else ""


class _Format(msgspec.Struct):
    format: str = "?"


def junto_version() -> str:
    """Tell the version of junto; ``unknown`` if it runs without having been installed."""
    return _version("junto") or "unknown"


def name_for(program: str, seed: int) -> str:
    """Make the name of a file, without its ending."""
    name = re.split(r"::|:", program)[-1].removeprefix("test_")
    return f"{re.sub(r'[^A-Za-z0-9_.-]+', '-', name).strip('-.') or 'run'}-{seed}"


def failed_before(directory: Path, program: str) -> list[int]:
    """List the seeds with which a program has failed before, as far as there are artefacts of them."""
    seeds = set()
    for path in directory.glob(f"{name_for(program, 0)[:-2]}*{ENDING}"):
        try:
            found = Artefact.read(path)
        except (ArtefactError, OSError):
            continue
        if found.program == program:
            seeds.add(found.order.seed)
    return sorted(seeds)


def _as_json(options: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    kept: dict[str, Any] = {}
    lost = []
    for name, value in options.items():
        if isinstance(value, Faults):
            defaults = msgspec.to_builtins(Faults())
            fields = msgspec.to_builtins(value)
            kept[name] = {field: item for field, item in fields.items() if item != defaults[field]}
            continue
        try:
            kept[name] = msgspec.to_builtins(value)
            msgspec.json.encode(kept[name])
        except (TypeError, msgspec.MsgspecError):
            kept.pop(name, None)
            lost.append(name)
    return {name: value for name, value in kept.items() if value is not None}, lost


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _libraries() -> dict[str, str]:
    """Find the versions of the packages that have been imported."""
    loaded = {name.partition(".")[0] for name in sys.modules}
    found = {
        package
        for name, packages in importlib.metadata.packages_distributions().items()
        if name in loaded
        for package in packages
    }
    return {name: version for name in sorted(found) if (version := _version(name))}
