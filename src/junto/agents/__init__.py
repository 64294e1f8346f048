"""Agents: many small services that know one another by URL, in one container or on many machines.

Import a flavour: `junto.agents.aio`, `junto.agents.sync`, `junto.agents.trio` or `junto.agents.simpy`; what
is the same for all of them is here. Containers speak with those of the package ``aiomas`` 2.0.1.
"""

from junto.agents.mailboxes import Policy
from junto.agents.proxies import url_of
from junto.agents.supervision import Failure, Restart
from junto.clock import Clock, ExternalClock

__all__ = ["Clock", "ExternalClock", "Failure", "Policy", "Restart", "url_of"]
