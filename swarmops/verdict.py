"""Whether a service runs as it should: pure, on facts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from swarmops.constraints import eligible, excluded_by
from swarmops.facts import Json, Service, SwarmNode, Task

HOPELESS_FAILURES = 3
"""So many failed runs of one version in one slot, and no more are waited for: a restart does not help."""


@dataclass(frozen=True)
class Verdict:
    """How far a service is. `missing` says what is not there yet; `failure` why it never will be."""

    running: int
    wanted: int
    missing: str = ""
    failure: str = ""


def same_version(task: Task, template: Json) -> bool:
    """Whether a task is of the version that the service has now.

    The runtime is in the service's half alone. A change of placement leaves the tasks that still comply as they are.
    """
    ignored = {"Runtime", "Placement"}
    return {key: value for key, value in task.spec.items() if key not in ignored} == {
        key: value for key, value in template.items() if key not in ignored
    }


def judge(service: Service, tasks: Sequence[Task], nodes: Iterable[SwarmNode]) -> Verdict:
    """The verdict on one service, from its own tasks and the nodes of the swarm."""
    live = {node.id: node for node in nodes if node.ready}
    homes = {node.id for node in live.values() if not _global(service) or eligible(node, service.template)}
    wanted = len(homes) if _global(service) else _replicas(service)
    current = [task for task in tasks if same_version(task, service.template)]
    good = {_place(service, task): task for task in current if task.node_id in homes and _good(service, task)}
    counts = Verdict(len(good), wanted)
    if service.update_state in ("paused", "rollback_paused"):
        return _failed(counts, f"{service.name}: {service.update_message}", current)
    if worst := _hopeless(service, current):
        return _failed(counts, f"{service.name}: {len(worst)} tasks in a row failed", worst)
    if len(good) < wanted:
        why = _homeless(service, live.values()) or _latest_error(current)
        return _missing(counts, f"{service.name} {len(good)} of {wanted}{why}")
    if service.update_state in ("updating", "rollback_started"):
        return _missing(counts, f"{service.name} {len(good)} of {wanted}, the update is being watched")
    if leftover := _leftover(tasks, good.values(), wanted, _tended(service, live.values())):
        return _missing(counts, f"{service.name}: {leftover} task{'s' if leftover > 1 else ''} too many")
    return counts


def _global(service: Service) -> bool:
    return service.mode.startswith("global")


def _replicas(service: Service) -> int:
    if service.replicas is not None:
        return service.replicas
    job = service.spec["Mode"].get("ReplicatedJob", {})
    return int(job.get("TotalCompletions", job.get("MaxConcurrent", 1)))


def _good(service: Service, task: Task) -> bool:
    if task.state == "running":
        return task.desired == "running"
    return task.state == "complete" and (_one_shot(service) or service.mode.endswith("job"))


def _one_shot(service: Service) -> bool:
    policy = service.template.get("RestartPolicy") or {}
    return policy.get("Condition", "any") in ("none", "on-failure")


def _place(service: Service, task: Task) -> object:
    return task.node_id if _global(service) else task.slot


def _tended(service: Service, live: Iterable[SwarmNode]) -> set[str]:
    """The nodes where swarm stops what should not run. It leaves a global service's task on a paused node as it is."""
    return {node.id for node in live if not (_global(service) and node.availability == "pause")}


def _leftover(tasks: Iterable[Task], good: Iterable[Task], wanted: int, tended: set[str]) -> int:
    """How many tasks run too many: of an old version, in a place of no account, or more replicas than wanted."""
    kept = {task.id for task in good}
    running = [task for task in tasks if task.state == task.desired == "running" and task.node_id in tended]
    counted = sum(task.id in kept for task in running)
    return len(running) - min(counted, wanted)


def _hopeless(service: Service, current: Iterable[Task]) -> list[Task]:
    """The failed tasks of a place where the last runs all failed."""
    places: dict[object, list[Task]] = {}
    for task in sorted(current, key=lambda task: task.created):
        places.setdefault(_place(service, task), []).append(task)
    for runs in places.values():
        begun = [task for task in runs if task.state in ("failed", "rejected", "running", "complete", "starting")]
        last = begun[-HOPELESS_FAILURES:]
        if len(last) == HOPELESS_FAILURES and all(task.failed for task in last):
            return last
    return []


def _homeless(service: Service, live: Collection[SwarmNode]) -> str:
    """What no node meets of the constraints, where none may run the service."""
    constraints = (service.template.get("Placement") or {}).get("Constraints") or []
    if not constraints or any(not excluded_by(node, constraints) for node in live):
        return ""
    return f" (no node that is ready meets {' and '.join(constraints)})"


def _latest_error(current: Iterable[Task]) -> str:
    errors = [task.error for task in sorted(current, key=lambda task: task.since) if task.error]
    return f" ({errors[-1]})" if errors else ""


def _missing(counts: Verdict, text: str) -> Verdict:
    return Verdict(counts.running, counts.wanted, missing=text)


def _failed(counts: Verdict, text: str, tasks: Iterable[Task]) -> Verdict:
    reasons = dict.fromkeys(task.error for task in tasks if task.error)
    return Verdict(counts.running, counts.wanted, failure="\n    ".join([text, *reasons]))
