"""What the swarm knows of itself, by the word of the managers that a drill leaves alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from swarmops import facts
from swarmops.cluster import Cluster
from swarmops.connect.api import EngineAPI
from swarmops.drill import Drill, wanting
from swarmops.errors import CommandFailed, ConnectionFailed
from swarmops.facts import Service, SwarmNode, Task
from swarmops.ingress import PROXY, STACK
from swarmops.verdict import judge

LOOK_SECONDS = 1.0
"""An answer that takes longer is none: a manager without a leader keeps its own to itself for a while."""


@dataclass(frozen=True)
class Seen:
    """The swarm at one moment."""

    nodes: list[SwarmNode]
    services: list[Service]
    tasks: list[Task]

    @classmethod
    def read(cls, api: EngineAPI) -> Seen:
        """Asks a manager."""
        services, tasks, nodes = facts.overview(api)
        return cls(nodes, services, tasks)

    @property
    def proxy(self) -> str:
        """The image of the ingress's proxies; empty when there are none."""
        return next((one.image for one in self.services if one.name == f"{STACK}_{PROXY}"), "")

    @property
    def leaders(self) -> list[str]:
        """The names of those that lead."""
        return [node.name for node in self.nodes if node.leader]

    @property
    def managers(self) -> list[str]:
        """The names of those that manage, the leader first."""
        listed = [node for node in self.nodes if node.manages]
        return [node.name for node in sorted(listed, key=lambda node: not node.leader)]

    @property
    def workers(self) -> list[SwarmNode]:
        """Those that do not manage."""
        return [node for node in self.nodes if not node.manages]

    def wanting(self, drill: Drill) -> str:
        """What the swarm itself lacks for a drill, in words: it may have fewer managers than the inventory."""
        return wanting(drill, len(self.managers), len(self.workers))

    def busiest(self) -> str:
        """The worker that runs the most tasks."""
        running = [task.node_id for task in self.tasks if task.state == "running"]
        return max(self.workers, key=lambda node: running.count(node.id)).name

    @property
    def past(self) -> frozenset[str]:
        """The tasks that have ended by now, by id."""
        return frozenset(task.id for task in self.tasks if task.over)

    def missing(self, gone: Collection[str] = (), past: Collection[str] = ()) -> str:
        """What is not as it should be, in words.

        `gone` are nodes that nothing is expected of, `past` tasks that tell nothing about now.
        """
        if len(self.leaders) != 1:
            return f"{len(self.leaders)} leaders"
        for node in self.nodes:
            if node.name in gone:
                continue
            if not node.ready:
                return f"{node.name} is {node.state}"
            if node.manages and node.reachability != "reachable":
                return f"{node.name} is {node.reachability}"
        nodes = [replace(node, state="down") if node.name in gone else node for node in self.nodes]
        verdicts = (judge(service, self.tasks, nodes, past=past) for service in self.services)
        return ", ".join(filter(None, (verdict.line for verdict in verdicts)))


class Eyes:
    """Some managers, each over a connection of its own, asked in turn until one answers."""

    def __init__(self, cluster: Cluster, names: Iterable[str]) -> None:
        self._apis = [EngineAPI(cluster.door(name), timeout=LOOK_SECONDS) for name in names]

    def look(self) -> Seen | None:
        """What the first one says that knows; None when none does. Whoever did not is asked last from now on."""
        for api in list(self._apis):
            try:
                return Seen.read(api)
            except (ConnectionFailed, CommandFailed):
                self._apis = [*self._apis[1:], self._apis[0]]
        return None
