"""What users derive their agents from.

An agent costs little: four fields. All else, its tasks and its subscriptions, is made when it is needed, and
kept in its container.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, get_args

from junto.agents.mailboxes import Policy

if TYPE_CHECKING:
    from junto.agents.container import Container
    from junto.agents.supervision import Restart, Supervised

__all__ = ["Agent", "Host"]

C = TypeVar("C", bound="Host")


class Host(ABC):
    """What agents live in: a container, or what a flavour makes of one."""

    @property
    @abstractmethod
    def core(self) -> Container:
        """The container itself."""

    @abstractmethod
    def admit(self, agent: Agent[Any], name: str | None, tags: Iterable[str]) -> str:
        """Take in a new agent, and give it its id; called by its constructor."""

    @abstractmethod
    def withdraw(self, agent: Agent[Any]) -> None:
        """Let go of an agent at once; called when its constructor has failed."""

    @abstractmethod
    def begin(self, agent: Agent[Any]) -> None:
        """Have `Agent.started` run in the next turn; called when *agent* is made."""

    @abstractmethod
    def tell(self, to: Any, name: str, /, *args: Any, **kwargs: Any) -> None:
        """Send a message."""

    @abstractmethod
    def spawn(
        self,
        agent: Agent[Any],
        work: Callable[..., Any],
        args: tuple[Any, ...],
        restart: Restart | None,
        name: str | None,
    ) -> Supervised:
        """Run a task of *agent*."""

    @abstractmethod
    def subscribe(self, agent: Agent[Any], topic: str, handler: Callable[[str, Any], Any]) -> None:
        """Have *handler* called with what is published here."""

    @abstractmethod
    def unsubscribe(self, agent: Agent[Any], topic: str) -> None:
        """Have it called no more."""


class _AgentType(type):
    """Lets an agent begin when its constructor is done, those of derived classes included, or not at all."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        kind: Any = cls
        agent = kind.__new__(kind, *args, **kwargs)
        try:
            agent.__init__(*args, **kwargs)
        except BaseException:
            if hasattr(agent, "_aid"):  # it lives there already
                agent.container.withdraw(agent)
            raise
        if cls.started is not Agent.started:  # type: ignore[attr-defined]  # all its classes have that
            agent.container.begin(agent)
        return agent


class Agent(Generic[C], metaclass=_AgentType):
    """A service with an address of its own; it lives in a container.

    Its methods that are marked with `expose` may be called, told and asked from outside. Attributes that hold
    services are part of it, as in all services.

    Attributes:
        container: Where it lives.
        mailbox_limit: How many messages may wait for one agent of this class.
        mailbox_policy: What happens to one more; see `Policy`.
    """

    __slots__ = ("__weakref__", "_aid", "_waiting", "container")

    mailbox_limit: ClassVar[int] = 10_000
    mailbox_policy: ClassVar[Policy] = "refuse"

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.mailbox_policy not in get_args(Policy):
            raise ValueError(f"mailbox_policy must be one of {get_args(Policy)}, not {cls.mailbox_policy!r}")
        if cls.mailbox_limit < 1:
            raise ValueError(f"mailbox_limit must be at least 1, not {cls.mailbox_limit!r}")

    def __init__(self, container: C, *, name: str | None = None, tags: Iterable[str] = ()) -> None:
        """Live in *container* from now on.

        Args:
            container: Where.
            name: Under which others find it; unique in a directory.
            tags: What else others may look for.

        Raises:
            TypeError: *container* is none.
            ValueError: The name is taken in this container.
            ConnectionLost: The container is closed.
        """
        if not isinstance(container, Host):
            raise TypeError(f"an agent lives in a container, not in {container!r}")
        self.container = container
        self._waiting = 0
        self._aid = container.admit(self, name, tags)

    @property
    def id(self) -> str:
        """What it is called in its container: a number, in the order in which agents were made."""
        return self._aid

    @property
    def url(self) -> str:
        """Under which it is reached from outside.

        Raises:
            ValueError: Its container listens nowhere.
        """
        return self.container.core.url_of(self._aid)

    @property
    def name(self) -> str | None:
        """Under which others find it."""
        return self.container.core.index.name_of(self._aid)

    @property
    def tags(self) -> frozenset[str]:
        """What else others may look for."""
        return self.container.core.index.tags_of(self._aid)

    def started(self) -> Any:
        """Be called when it has begun to live, in the turn after it was made; may wait, as handlers may."""

    def stopping(self) -> Any:
        """Be called before it ends, when nobody reaches it any more; may wait, as handlers may."""

    def tell(self, to: Any, name: str, /, *args: Any, **kwargs: Any) -> None:
        """Send a message; see `Container.tell`."""
        self.container.tell(to, name, *args, **kwargs)

    def spawn(
        self, work: Callable[..., Any], /, *args: Any, restart: Restart | None = None, name: str | None = None
    ) -> Supervised:
        """Run ``work(*args)`` beside all else, until it ends or the agent does.

        Args:
            work: An ``async def`` function, or whatever else handlers may be.
            *args: Its arguments.
            restart: Whether to run it anew when it fails; ``None`` for not.
            name: How reports call it; ``None`` for the function's own name.

        Raises:
            LocalProtocolError: The agent has ended.
        """
        return self.container.spawn(self, work, args, restart, name)

    def subscribe(self, topic: str, handler: Callable[[str, Any], Any], /) -> None:
        """Have *handler* called with the topic and the content of all that is published in this container.

        It gets them through the mailbox, one after the other, among what the agent is told.

        Raises:
            LocalProtocolError: The agent has ended.
        """
        self.container.subscribe(self, topic, handler)

    def unsubscribe(self, topic: str, /) -> None:
        """Want no more of *topic*; doing so twice is fine."""
        self.container.unsubscribe(self, topic)

    def __repr__(self) -> str:
        core = self.container.core
        return f"{type(self).__name__}({core.url_of(self._aid) if core.urls else self._aid!r})"
