"""Waiting until services run as they should, and stay up."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from math import inf

from swarmops import facts
from swarmops.cluster import Cluster
from swarmops.commands import service as commands
from swarmops.connect.api import EngineAPI
from swarmops.errors import SwarmopsError, WaitTimeout
from swarmops.facts import Json, Service, SwarmNode, Task
from swarmops.members import match
from swarmops.verdict import PAUSED, Verdict, judge, rolled_back, undone, update_of
from swarmops.wait import Deadline, until

LOG_LINES = 8
MOST_SAID = 200
LOG_SECONDS = 10.0
"""How long a failed task's last words may take: for those of a node that is gone the engine waits for ever."""


class Watch:
    """Some services, by id, looked at together: three questions to a manager, however many they are.

    What had failed, or been paused or rolled back by swarm, when it first looks is history: it tells nothing about what
    comes. Where something may have failed by then already, `past` has what was `over` before the change.
    `up` says of tasks for how many seconds they have been running, where this need not be seen.
    """

    def __init__(
        self,
        cluster: Cluster,
        service_ids: Iterable[str],
        *,
        past: frozenset[str] | None = None,
        up: Mapping[str, float] | None = None,
    ) -> None:
        self._cluster = cluster
        self._ids = set(service_ids)
        self._gone = False
        self._past = past
        now = time.monotonic()
        self._up = {task: now - seconds for task, seconds in (up or {}).items()}
        self._ended: dict[str, Task] = {}
        self._blamed: list[Task] = []
        self._left = inf

    def missing(self, but: Collection[str] = ()) -> str:
        """What is missing, in words; of all `but` some, by name. Raises SwarmopsError when a service never will run."""
        return _missing(self._verdicts(proved=False, but=but))

    def holds(self) -> str:
        """Like `missing`, and empty only once every task has stayed up for its service's monitor window.

        The time is this process's own: since a task was first seen running, unless `up` has it. Jobs have to complete.
        """
        verdicts = self._verdicts(proved=True)
        self._left = inf
        if self._gone:
            raise SwarmopsError("a service was removed by somebody else meanwhile", remedy="inv status")
        if missing := _missing(verdicts):
            return missing
        self._left = max((verdict.left for verdict in verdicts), default=0.0)
        unproven = _listed(verdict.unproven for verdict in verdicts)
        return unproven and f"all tasks run; watching whether {unproven}"

    def pause(self) -> float:
        """The seconds until every task can have stayed up for long enough, where that is all that `holds` awaits."""
        return self._left

    def last_words(self) -> str:
        """What the tasks that failed last printed, as lines to append to a message."""
        return "".join(last_words(self._cluster, task) for task in self._blamed)

    def _verdicts(self, *, proved: bool, but: Collection[str] = ()) -> list[Verdict]:
        services, tasks, nodes = self._cluster.ask(facts.overview)
        services = [service for service in services if service.id in self._ids]
        self._gone = len(services) < len(self._ids)
        if self._past is None:
            self._past = _over(services, tasks)
        up = self._seen_up(tasks)
        self._ended |= {task.id: task for task in tasks if task.over and task.service_id in self._ids}
        awaited = [service for service in services if service.name not in but]
        verdicts = [self._judge(service, tasks, nodes, up, proved=proved) for service in awaited]
        self._blamed = [verdict.blamed[-1] for verdict in verdicts if verdict.blamed]
        coming = any(verdict.missing for verdict in verdicts if not verdict.failure)
        if hopeless := [one for one in verdicts if one.failure and not (one.may_recover and coming)]:
            raise SwarmopsError("\n  ".join(map(self._explain, hopeless)))
        return verdicts

    def _judge(
        self, service: Service, tasks: list[Task], nodes: list[SwarmNode], up: dict[str, float], *, proved: bool
    ) -> Verdict:
        past = self._past or frozenset()
        if rolled_back(service) and update_of(service) not in past:
            return undone(service, tasks, nodes, past)
        return judge(service, tasks, nodes, past=past, up=up, proved=proved, ended=self._ended.values())

    def _seen_up(self, tasks: Iterable[Task]) -> dict[str, float]:
        """For how long each task has been running."""
        now = time.monotonic()
        self._up = {task.id: self._up.get(task.id, now) for task in tasks if task.state == "running"}
        return {task: now - since for task, since in self._up.items()}

    def _explain(self, verdict: Verdict) -> str:
        return verdict.failure + (last_words(self._cluster, verdict.blamed[-1]) if verdict.blamed else "")


def over(cluster: Cluster) -> frozenset[str]:
    """What is history by now, by id: tasks that have ended, and updates that swarm has paused or rolled back."""
    return _over(*cluster.ask(facts.overview)[:2])


def serving(cluster: Cluster, service_ids: Collection[str]) -> frozenset[str]:
    """Those of the services, by id, that run as they should, and have for long enough by swarm's own times."""
    if not service_ids:
        return frozenset()
    up, (services, tasks, nodes) = cluster.ask(running_for), cluster.ask(facts.overview)
    past, running = _over(services, tasks), {task.service_id for task in tasks if task.state == "running"}
    there = [one for one in services if one.id in running.intersection(service_ids)]
    verdicts = {one.id: judge(one, tasks, nodes, past=past, up=up) for one in there}
    return frozenset(id_ for id_, one in verdicts.items() if not (one.missing or one.unproven or one.failure))


def wait(
    cluster: Cluster,
    service_ids: Iterable[str],
    deadline: Deadline,
    *,
    settled: bool = False,
    past: frozenset[str] | None = None,
) -> None:
    """Waits until the services run as they should and stay up.

    `settled` ones are not changed now: what swarm itself says has run for long enough has proved itself, and what an
    interrupted command has changed just before has not. `past` is as for a Watch. Raises SwarmopsError or WaitTimeout.
    """
    watch = Watch(cluster, service_ids, past=past, up=cluster.ask(running_for) if settled else None)
    try:
        until(watch.holds, deadline, cluster.progress, watch.pause)
    except WaitTimeout as late:
        raise WaitTimeout(late.said + watch.last_words(), remedy=late.remedy) from None


def last_words(cluster: Cluster, task: Task) -> str:
    """What a task that failed printed last, as lines to append to a message; nothing where that cannot be had soon."""
    if not task.container:
        return ""
    return _health(cluster, task) + _printed(cluster, task)


def _health(cluster: Cluster, task: Task) -> str:
    """What its health check said last, where that is why it ended. Swarm does not tell, of one that ended with 0."""
    with suppress(SwarmopsError, ValueError):
        members = match(cluster.inventory.nodes, cluster.ask(facts.nodes), {})
        node = next((name for name, member in members.items() if member.id == task.node_id), None)
        said = cluster.door(node).run(commands.health(task.container), timeout=LOG_SECONDS).stdout if node else "null"
        return unhealthy(json.loads(said) or {})
    return ""


def unhealthy(health: Json) -> str:
    """What the health check said that failed, as a line to append to a message; nothing where none has."""
    failed = [one for one in health.get("Log") or [] if one["ExitCode"]]
    if health.get("Status") != "unhealthy" or not failed:
        return ""
    # The last one may have ended with the container itself.
    told = next((one for one in reversed(failed) if one["Output"].strip()), failed[0])
    output = " ".join(told["Output"].split())[:MOST_SAID]
    return f"\n    its health check failed{output and ': '}{output} (exit code {told['ExitCode']})"


def _printed(cluster: Cluster, task: Task) -> str:
    try:
        door = cluster.door(cluster.manager().node)
        result = door.run(commands.logs(task.id, LOG_LINES), check=False, timeout=LOG_SECONDS)
    except SwarmopsError:
        return ""
    lines = (result.stdout + result.stderr).strip().splitlines() if result.code == 0 else []
    return "".join(f"\n    | {line}" for line in lines[-LOG_LINES:])


def _over(services: Iterable[Service], tasks: Iterable[Task]) -> frozenset[str]:
    ended = (update_of(service) for service in services if rolled_back(service) or service.update_state in PAUSED)
    return frozenset((*(task.id for task in tasks if task.over), *ended))


def running_for(api: EngineAPI) -> dict[str, float]:
    """For how many seconds each task has been running: since when swarm says so, by the manager's clock, not ours.

    A node whose clock is ahead says something of the future; that counts as now.
    """
    now = datetime.fromisoformat(api.get("/info")["SystemTime"])  # asked first: what an answer takes counts for nothing
    running = [task for task in facts.tasks(api) if task.state == "running"]
    return {task.id: max(0.0, (now - datetime.fromisoformat(task.since)).total_seconds()) for task in running}


def _missing(verdicts: Iterable[Verdict]) -> str:
    """What is missing, and what has failed and may recover with it."""
    return _listed(verdict.line for verdict in verdicts)


def _listed(texts: Iterable[str]) -> str:
    return ", ".join(filter(None, texts))
