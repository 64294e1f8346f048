"""What a simulator is: the classes to derive one's own from."""

from __future__ import annotations

import abc
from collections.abc import Awaitable
from typing import Any, TypeAlias

from junto.exposing import describe
from junto.mosaik.requests import AsyncMosaik, Mosaik

__all__ = ["API", "AsyncSimulator", "Simulator"]

API = ("init", "create", "setup_done", "step", "get_data")
"""What mosaik calls in every simulator, beside ``stop``."""

Meta: TypeAlias = dict[str, Any]
Entities: TypeAlias = list[dict[str, Any]]
Inputs: TypeAlias = dict[str, dict[str, dict[str, Any]]]
Outputs: TypeAlias = dict[str, Any]


class _Described:
    """What both kinds of simulators do in the same way."""

    meta: Meta

    def __init__(self, meta: Meta | None = None) -> None:
        """Complete the meta data with what is not said in it.

        Args:
            meta: More of it than the class says.
        """
        extra = [f["path"] for f in describe(self) if f["path"] not in API and "/" not in f["path"]]
        known: Meta = {"api_version": "3.0", "type": "time-based", "models": {}, "extra_methods": extra}
        self.meta = {**known, **getattr(type(self), "meta", {}), **(meta or {})}


class Simulator(_Described, abc.ABC):
    """A simulator in plain code. Subclasses say what they simulate.

    mosaik may call `get_data` while a `step` waits for mosaik; apart from that, no two methods run
    at the same time. Other methods that are marked with `junto.expose` can be called by the
    scenario; mosaik is told their names. Arguments are converted to what annotations say.

    Attributes:
        meta: What mosaik must know: ``type``, ``models`` and so on; what is left out is completed.
        mosaik: For requests to mosaik; there from `init` on.
    """

    mosaik: Mosaik

    def init(self, sid: str, *args: Any, **params: Any) -> Meta:
        """Begin as the simulator *sid*; called once, before all else.

        Args:
            sid: The id that mosaik gave to this simulator.
            *args: Not used by mosaik 3.
            **params: ``time_resolution``, the seconds that one step of the integer time stands for,
                and what the scenario gave to ``world.start``.

        Returns:
            The meta data.
        """
        return self.meta

    @abc.abstractmethod
    def create(self, num: int, model: str, *args: Any, **params: Any) -> Entities:
        """Create *num* entities of *model*.

        Returns:
            For each a dictionary with ``eid`` and ``type``, and maybe ``rel``, ``children``, ``extra_info``.
        """

    def setup_done(self) -> None:
        """Take note that all entities are created and connected; called once."""

    @abc.abstractmethod
    def step(self, time: int, inputs: Inputs, max_advance: int) -> int | None:
        """Simulate from *time* on.

        Args:
            time: Now, as an integer, in steps of the time resolution.
            inputs: ``{eid: {attribute: {full id of the source: value}}}``.
            max_advance: No input will come up to this time, unless this simulator causes it.

        Returns:
            When to be called again; ``None``, if the type allows it, for when there is input.
        """

    def get_data(self, outputs: dict[str, list[str]]) -> Outputs:
        """Tell the values of attributes, as ``{eid: {attribute: value}}``.

        Args:
            outputs: Which attributes of which entities.
        """
        return {}

    def finalize(self) -> None:
        """Clean up; called once, when mosaik says ``stop`` or is gone, or the program is interrupted.

        mosaik waits a tenth of a second for it, and then terminates a simulator that it started,
        unless its ``auto_terminate`` was set to false.
        """


class AsyncSimulator(_Described, abc.ABC):
    """A simulator on asyncio. As `Simulator`; each method may be ``async def``.

    Attributes:
        meta: As in `Simulator`.
        mosaik: For requests to mosaik, which are awaited; there from `init` on.
    """

    mosaik: AsyncMosaik

    def init(self, sid: str, *args: Any, **params: Any) -> Meta | Awaitable[Meta]:
        """Begin as the simulator *sid*; see `Simulator.init`."""
        return self.meta

    @abc.abstractmethod
    def create(self, num: int, model: str, *args: Any, **params: Any) -> Entities | Awaitable[Entities]:
        """Create entities; see `Simulator.create`."""

    def setup_done(self) -> Awaitable[None] | None:
        """Take note that all entities are created and connected; called once."""
        return None

    @abc.abstractmethod
    def step(self, time: int, inputs: Inputs, max_advance: int) -> Awaitable[int | None] | int | None:
        """Simulate from *time* on; see `Simulator.step`."""

    def get_data(self, outputs: dict[str, list[str]]) -> Outputs | Awaitable[Outputs]:
        """Tell the values of attributes; see `Simulator.get_data`."""
        return {}

    def finalize(self) -> Awaitable[None] | None:
        """Clean up; see `Simulator.finalize`."""
        return None
