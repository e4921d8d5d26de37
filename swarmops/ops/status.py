"""What is: nodes, services, where the tasks run, and what is wrong."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from swarmops import facts, health
from swarmops.cluster import Cluster
from swarmops.errors import ConnectionFailed, EngineFailed, InputError, suggest
from swarmops.facts import Service, SwarmNode, Task
from swarmops.health import Vitals
from swarmops.ops import vitals
from swarmops.ops.convergence import running_for
from swarmops.report import Screen, table
from swarmops.verdict import Verdict, judge
from swarmops.wait import Deadline

KEPT_RUNS = 2
"""So many runs that are over are shown of each slot: with the one that runs, what was before it, and before that."""


@dataclass(frozen=True)
class Status:
    """The swarm at one moment."""

    nodes: list[SwarmNode]
    services: list[Service]
    tasks: list[Task]
    missing: list[str]
    vitals: Mapping[str, Vitals] = field(default_factory=dict)
    up: Mapping[str, float] = field(default_factory=dict)
    """For how many seconds each task has been running, by id."""

    @classmethod
    def read(cls, cluster: Cluster) -> Status:
        """Asks a manager that answers."""
        up = cluster.ask(running_for)
        services, tasks, nodes = cluster.ask(facts.overview)
        present = {node.name for node in nodes} | {node.address for node in nodes}
        missing = [node.name for node in cluster.inventory.nodes if not {node.name, node.address} & present]
        return cls(nodes, services, tasks, missing, up=up)

    @classmethod
    def whole(cls, cluster: Cluster) -> Status:
        """With what each node says of itself."""
        seen = cls.read(cluster)
        return replace(seen, vitals=vitals.read(cluster, seen.nodes))

    def verdict(self, service: Service) -> Verdict:
        """The verdict on one of the services."""
        return judge(service, self.tasks, self.nodes, up=self.up, proved=False)

    def problems(self) -> list[str]:
        """What is wrong and why, a line each."""
        found = [f"{name} is in the inventory and not in the swarm" for name in self.missing]
        found += [f"{node.name} is {node.state}" for node in self.nodes if not node.ready]
        found += [
            f"{node.name} is a manager that is {node.reachability}"
            for node in self.nodes
            if node.manages and node.reachability != "reachable"
        ]
        found += health.problems(self.nodes, self.vitals)
        verdicts = [self.verdict(service) for service in self.services]
        return found + [
            verdict.failure or verdict.missing for verdict in verdicts if verdict.failure or verdict.missing
        ]

    def text(self) -> str:
        """Two tables, the problems, and notes."""
        parts = [table(("NODE", "ROLE", "STATE", "AVAILABILITY", "ADDRESS", "ENGINE", "TASKS"), self._node_rows())]
        if self.services:
            parts.append(table(("SERVICE", "MODE", "RUNNING", "IMAGE", "PORTS", "ON"), self._service_rows()))
        problems = self.problems()
        last = [f"! {problem}" for problem in problems] or ["All is well."]
        parts.append("\n".join(last + [f"~ {note}" for note in health.notes(self.nodes)]))
        return "\n\n".join(parts)

    def json(self) -> dict[str, Any]:
        """The same for scripts."""
        return {
            "nodes": [asdict(node) for node in self.nodes],
            "services": [self._service_json(service) for service in self.services],
            "tasks": [task_json(task, self._names(), self._hosts()) for task in self.tasks],
            "health": {name: one.json() for name, one in self.vitals.items()},
            "problems": self.problems(),
            "notes": health.notes(self.nodes),
        }

    def _node_rows(self) -> list[list[object]]:
        running = [task.node_id for task in self.tasks if task.state == "running"]
        return [
            [
                node.name,
                "leader" if node.leader else "manager" if node.manages else node.role,
                node.state,
                node.availability,
                node.address,
                node.engine,
                running.count(node.id),
            ]
            for node in self.nodes
        ]

    def _service_rows(self) -> list[list[object]]:
        rows: list[list[object]] = []
        for service in self.services:
            verdict = self.verdict(service)
            image = service.image.partition("@")[0]
            ports = ", ".join(service.ports) or "-"
            rows.append(
                [service.name, service.mode, f"{verdict.running}/{verdict.wanted}", image, ports, self._where(service)]
            )
        return rows

    def _where(self, service: Service) -> str:
        hosts = self._hosts()
        on = [hosts.get(task.node_id, "?") for task in self._running(service)]
        counts = {host: on.count(host) for host in sorted(on)}
        return ", ".join(host if count == 1 else f"{host} x{count}" for host, count in counts.items()) or "-"

    def _running(self, service: Service) -> list[Task]:
        return [task for task in self.tasks if task.service_id == service.id and task.state == "running"]

    def _service_json(self, service: Service) -> dict[str, Any]:
        verdict = self.verdict(service)
        return {
            "id": service.id,
            "name": service.name,
            "stack": service.stack,
            "mode": service.mode,
            "image": service.image,
            "running": verdict.running,
            "wanted": verdict.wanted,
            "ports": list(service.ports),
            "update_state": service.update_state,
        }

    def _hosts(self) -> dict[str, str]:
        return {node.id: node.name for node in self.nodes}

    def _names(self) -> dict[str, str]:
        return {service.id: service.name for service in self.services}


WATCH_SECONDS = 1.0
"""So often a watcher sees what has changed."""
VITALS_SECONDS = 30.0
"""So often each node is asked for its own word meanwhile: that costs a process there."""


def watch(cluster: Cluster, screen: Screen) -> None:
    """Shows what is, for ever; while no manager answers, that. Raises BrokenPipeError when nobody reads any more."""
    due, kept = Deadline(0), {}
    while True:
        try:
            seen = Status.read(cluster)
            if not due.left:
                due, kept = Deadline(VITALS_SECONDS), vitals.read(cluster, seen.nodes)
            text = replace(seen, vitals=kept).text()
        except (ConnectionFailed, EngineFailed) as error:
            text = str(error)
        cluster.progress.close()
        screen.show(text)
        time.sleep(WATCH_SECONDS)


def task_json(task: Task, services: dict[str, str], hosts: dict[str, str]) -> dict[str, Any]:
    """One task for scripts."""
    return {
        "id": task.id,
        "service": services.get(task.service_id, task.service_id),
        "slot": task.slot,
        "node": hosts.get(task.node_id, ""),
        "state": task.state,
        "desired": task.desired,
        "error": task.error,
        "image": task.image,
        "since": task.since,
    }


def named(services: Iterable[Service], name: str) -> list[Service]:
    """The services of a stack, or the one of that name. Raises InputError for an unknown name."""
    listed = list(services)
    if found := [service for service in listed if name in (service.name, service.stack)]:
        return found
    known = {known for service in listed for known in (service.name, service.stack) if known}
    raise InputError(f"{name}: the swarm has no such stack or service{suggest(name, known)}", remedy="inv status")


def ps(status: Status, name: str, *, everything: bool = False) -> str:
    """The tasks of a stack or service, the newest first in each slot, and what is wrong with its services.

    Of what is over, each slot shows the newest KEPT_RUNS unless `everything`. Raises InputError for an unknown name.
    """
    services = {service.id: service for service in named(status.services, name)}
    hosts = {node.id: node.name for node in status.nodes}
    slots: dict[tuple[str, int, str], list[Task]] = {}
    for task in sorted(status.tasks, key=lambda task: task.created, reverse=True):
        if service := services.get(task.service_id):
            host = hosts.get(task.node_id, "?")
            slots.setdefault((service.name, task.slot, "" if task.slot else host), []).append(task)
    shown = {slot: tasks if everything else _newest(tasks) for slot, tasks in slots.items()}
    rows = [
        [
            f"{service}.{slot or host}",
            hosts.get(task.node_id, "-"),
            task.state,
            task.desired,
            task.image.partition("@")[0],
            task.since[:19],
            _reason(task),
        ]
        for (service, slot, host), tasks in sorted(shown.items())
        for task in tasks
    ]
    parts = [table(("TASK", "NODE", "STATE", "DESIRED", "IMAGE", "SINCE", "ERROR"), rows)]
    if left_out := sum(map(len, slots.values())) - len(rows):
        parts.append(f"{left_out} older left out: inv ps {name} --all")
    verdicts = [status.verdict(service) for service in services.values()]
    parts.append("\n".join(f"! {text}" for verdict in verdicts if (text := verdict.failure or verdict.missing)))
    return "\n\n".join(filter(None, parts))


def _newest(tasks: Iterable[Task]) -> list[Task]:
    """Without what is over and old; `tasks` are those of one slot, the newest first."""
    over = [task.id for task in tasks if task.over]
    return [task for task in tasks if task.id not in over[KEPT_RUNS:]]


def _reason(task: Task) -> str:
    """Why a task does not run, on one line."""
    if task.state == "running":
        return "-"
    return " ".join(task.error.split()) or (f"exit code {task.exit_code}" if task.exit_code else "-")
