"""Work queues and event emitters, under their old names."""

from __future__ import annotations

from junto.vsoa import emitters, workqueues

__all__ = ["EventEmitter", "WorkQueue", "resource_recycle"]


class WorkQueue(workqueues.WorkQueue):
    """Does jobs in one daemon thread, in their order."""


class EventEmitter(emitters.EventEmitter):
    """Calls listeners of events; with the name as it was once written."""

    add_listerner = emitters.EventEmitter.on


def resource_recycle() -> None:
    """Do nothing: what belongs to a thread is freed with it."""
