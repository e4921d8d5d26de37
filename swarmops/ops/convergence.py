"""Waiting until services run as they should, and stay up."""

from __future__ import annotations

from collections.abc import Iterable

from swarmops import facts
from swarmops.cluster import Cluster
from swarmops.commands import service as commands
from swarmops.connect.api import EngineAPI
from swarmops.errors import SwarmopsError
from swarmops.facts import Service, Task
from swarmops.verdict import Verdict, judge
from swarmops.wait import Deadline, until

STAY_UP_SECONDS = 1.0
"""How long the verdict has to hold: a container that exits at once is running for a moment."""
LOG_LINES = 8


class Watch:
    """Some services, by id, looked at together: three questions to a manager, however many they are."""

    def __init__(self, cluster: Cluster, service_ids: Iterable[str]) -> None:
        self._cluster = cluster
        self._ids = set(service_ids)
        self._since: Deadline | None = None
        self._old: frozenset[str] | None = None

    def missing(self) -> str:
        """What is missing, in words. Raises SwarmopsError when a service never will run."""
        verdicts = self._verdicts()
        if hopeless := [(tasks, verdict) for _, tasks, verdict in verdicts if verdict.failure]:
            raise SwarmopsError("\n  ".join(self._explain(tasks, verdict) for tasks, verdict in hopeless))
        return ", ".join(verdict.missing for _, _, verdict in verdicts if verdict.missing)

    def holds(self) -> str:
        """Like `missing`, and empty only once it has been so for STAY_UP_SECONDS."""
        if missing := self.missing():
            self._since = None
            return missing
        self._since = self._since or Deadline(STAY_UP_SECONDS)
        return "all tasks run; watching that they stay up" if self._since.left else ""

    def _verdicts(self) -> list[tuple[Service, list[Task], Verdict]]:
        services, tasks, nodes = self._cluster.ask(_look)
        seen = [service for service in services if service.id in self._ids]
        # What failed before the watch began is history: only new failures tell whether it can still come.
        if self._old is None:
            self._old = frozenset(task.id for task in tasks if task.failed)
        news = [task for task in tasks if task.id not in self._old]
        mine = {service.id: [task for task in news if task.service_id == service.id] for service in seen}
        return [(service, mine[service.id], judge(service, mine[service.id], nodes)) for service in seen]

    def _explain(self, tasks: list[Task], verdict: Verdict) -> str:
        failed = sorted((task for task in tasks if task.failed), key=lambda task: task.since)
        return verdict.failure + (last_words(self._cluster, failed[-1]) if failed else "")


def wait(cluster: Cluster, service_ids: Iterable[str], deadline: Deadline, *, settled: bool = False) -> None:
    """Waits until the services run as they should and stay up; nobody changed a `settled` one, so it need not prove it.

    Raises SwarmopsError or WaitTimeout.
    """
    watch = Watch(cluster, service_ids)
    until(watch.missing if settled else watch.holds, deadline, cluster.progress)


def last_words(cluster: Cluster, task: Task) -> str:
    """What a task that failed printed last, as lines to append to a message."""
    result = cluster.door(cluster.manager().node).run(commands.logs(task.id, LOG_LINES), check=False, timeout=15)
    lines = (result.stdout + result.stderr).strip().splitlines() if result.code == 0 else []
    return "".join(f"\n    | {line}" for line in lines[-LOG_LINES:])


def _look(api: EngineAPI) -> tuple[list[Service], list[Task], list[facts.SwarmNode]]:
    return facts.services(api), facts.tasks(api), facts.nodes(api)
