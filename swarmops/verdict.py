"""Whether a service runs as it should: pure, on facts."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import inf

from swarmops.constraints import eligible, excluded_by
from swarmops.crashes import HOPELESS_FAILURES, Runs
from swarmops.facts import Json, Service, SwarmNode, Task, host_ports
from swarmops.placement import Obstacle, obstacles, told

MONITOR_SECONDS = 5.0
"""How long swarm watches a new task where a service does not say: its own default."""
PAUSED = {"paused": "update", "rollback_paused": "rollback"}
"""The states of what swarm has begun and does not go on with."""
DIGEST = re.compile(r"@sha256:[0-9a-f]{64}")
FORGOTTEN_SECONDS = 30.0
"""So long after an update should have been over it is taken for over: see docs/stacks.md."""
NOT_ACTIVE = "swarm is not active"
"""An engine says so whose part in the swarm began anew while it ran: see docs/nodes.md."""


@dataclass(frozen=True)
class Verdict:
    """How far a service is.

    `missing` says what is not there yet, `unproven` what is there and has not proved itself yet, which takes `left`
    seconds more at the least; `failure` why it never will be, in lines; `may_recover` that it may, with something else
    that is still to come. `blamed` are the tasks that speak of it.
    """

    running: int
    wanted: int
    missing: str = ""
    unproven: str = ""
    left: float = 0.0
    failure: str = ""
    may_recover: bool = False
    blamed: tuple[Task, ...] = field(default=(), compare=False)

    @property
    def line(self) -> str:
        """What is missing or has failed, with its first reason, on one line."""
        said, *reasons = self.failure.split("\n    ")
        return self.missing or (f"{said} ({reasons[0]})" if reasons else said)


def same_version(task: Task, template: Json) -> bool:
    """Whether a task is of the version that the service has now.

    The runtime is in the service's half alone. A change of placement leaves the tasks that still comply as they are,
    and one of ports is in no task's specification.
    """
    ignored = {"Runtime", "Placement"}
    return {key: value for key, value in task.spec.items() if key not in ignored} == {
        key: value for key, value in template.items() if key not in ignored
    }


def monitor_seconds(service: Service) -> float:
    """How long a new task has to stay up: swarm's own monitor window, which is there for updates alone."""
    config = "RollbackConfig" if service.update_state.startswith("rollback") else "UpdateConfig"
    nanoseconds = (service.spec.get(config) or {}).get("Monitor")
    return nanoseconds / 1e9 if nanoseconds else MONITOR_SECONDS


def rolled_back(service: Service) -> bool:
    """Whether swarm itself puts the previous version back, or has done so.

    After a rollback that an operator asked for there is a previous version again, the one that was left.
    """
    return service.update_state.startswith("rollback") and service.previous is None


def update_of(service: Service) -> str:
    """One update of a service: the next one begins at another time."""
    return f"{service.id} {service.update_begun}"


def _other_ports_since(service: Service) -> str:
    """Since when the service has other ports or another endpoint mode than before; empty once that is carried out.

    Swarm replaces the tasks for it, and tells by nothing but the time which ones are new.
    """
    before, now = (_endpoint(spec) for spec in (service.previous or {}, service.spec))
    if not before or before == now or service.update_state.endswith("completed"):
        return ""
    return (service.update_begun or service.changed).rstrip("Z")


def _endpoint(spec: Json) -> Json:
    return {key: value for key, value in (spec.get("EndpointSpec") or {}).items() if value}


def judge(
    service: Service,
    tasks: Iterable[Task],
    nodes: Iterable[SwarmNode],
    *,
    past: Collection[str] = (),
    up: Mapping[str, float] | None = None,
    proved: bool = True,
    ended: Iterable[Task] = (),
) -> Verdict:
    """The verdict on one service, from the tasks and the nodes of the swarm.

    `past` has the ids of the tasks that had ended before anything was asked for, and the updates, as `update_of` calls
    them, that swarm had paused by then: they tell nothing about what comes.
    `up` says for how many seconds a task has been seen running; without it, or `proved`, nothing has to be proved.
    `ended` are tasks that were seen to be over: of each place swarm keeps few (`swarm.task_history`).
    """
    return _Case(service, list(tasks), list(nodes), past, list(ended)).verdict(
        up or {}, proved=proved and up is not None
    )


def undone(service: Service, tasks: Iterable[Task], nodes: Iterable[SwarmNode], past: Collection[str]) -> Verdict:
    """The verdict on a service that swarm itself has put back: what was asked for failed, whatever runs now."""
    case = _Case(service, list(tasks), list(nodes), past)
    blamed = [task for task in case.own if task.failed and task.id not in past]
    return case.failed("swarm has put the version before back", blamed)


class _Case:
    """One service, and what bears on it."""

    def __init__(
        self,
        service: Service,
        tasks: Sequence[Task],
        nodes: Sequence[SwarmNode],
        past: Collection[str],
        ended: Sequence[Task] = (),
    ) -> None:
        self.service, self.tasks, self.nodes, self.past, self.ended = service, tasks, nodes, past, ended
        self.job = service.mode.endswith("job")
        self.spread = service.mode.startswith("global")
        self.policy: Json = service.template.get("RestartPolicy") or {}
        self.members = {node.id: node for node in nodes}
        self.since = "" if self.job else _other_ports_since(service)
        self.own = sorted((task for task in tasks if task.service_id == service.id), key=lambda task: task.created)
        self.current = [task for task in self.own if self._is_current(task)]
        self.latest = {self._place(task): task for task in self.own}
        live = [node for node in nodes if node.ready]
        self.homes = {node.id for node in live if not self.spread or eligible(node, service.template)}
        # The nodes where swarm stops what should not run. It leaves a global service's task on a paused one as it is.
        self.tended = {node.id for node in live if not (self.spread and node.availability == "pause")}
        self.wanted = len(self.homes) + self._unheard() if self.spread else self._replicas()
        self.good = {self._place(task): task for task in self.current if self._runs(task) or self._has_ended_well(task)}
        self.counts = Verdict(len(self.good), self.wanted)

    def verdict(self, up: Mapping[str, float], *, proved: bool) -> Verdict:
        """What is missing first, then what has to be proved."""
        if len(self.good) < self._wanted_now():
            return self._hopeless() or self._missing(f"{len(self.good)} of {self.wanted}{self._why()}")
        if self.service.update_state in ("updating", "rollback_started") and not self._forgotten(up):
            return self._missing(f"{len(self.good)} of {self.wanted}, the update is being watched")
        if left := self._leftover():
            text = f"{self.service.name}: {left} task{'s' if left > 1 else ''} too many"
            return self._paused() or replace(self.counts, missing=text)
        if not proved and (flapping := self._flapping(up)):
            return flapping
        if proved and (unproven := self._unproven(up)):
            return self._paused() or unproven
        return (self._paused() if proved else None) or self.counts

    def failed(self, text: str, blamed: Iterable[Task]) -> Verdict:
        witnesses = tuple(blamed)
        return self._failure(text, told(map(self._said, witnesses)), witnesses)

    def _failure(self, text: str, lines: Iterable[str], blamed: tuple[Task, ...] = ()) -> Verdict:
        return replace(self.counts, failure="\n    ".join([f"{self.service.name}: {text}", *lines]), blamed=blamed)

    def _missing(self, text: str) -> Verdict:
        return replace(self.counts, missing=f"{self.service.name} {text}", blamed=tuple(self._failures()[-1:]))

    def _is_current(self, task: Task) -> bool:
        version = task.iteration == self.service.iteration and same_version(task, self.service.template)
        return version and self._complies(task) and task.created.rstrip("Z") >= self.since

    def _complies(self, task: Task) -> bool:
        """Whether its node meets the constraints: swarm replaces what runs elsewhere."""
        node = self.members.get(task.node_id)
        return not node or not excluded_by(
            node, (self.service.template.get("Placement") or {}).get("Constraints") or []
        )

    def _place(self, task: Task) -> object:
        return task.node_id if self.spread else task.slot

    def _runs(self, task: Task) -> bool:
        return task.state == "running" and task.desired in ("running", "complete") and task.node_id in self.homes

    def _has_ended_well(self, task: Task) -> bool:
        """Whether it is over, was meant to be some day, and is the last of its place."""
        if task.state != "complete" or self.latest[self._place(task)] is not task:
            return False
        return self._may_end() and (task.node_id in self.homes or not self.spread)

    def _may_end(self) -> bool:
        """Whether a task that exits with 0 has done its work."""
        return bool(self.job or self.policy.get("Condition", "any") in ("none", "on-failure"))

    def _ended_badly(self, task: Task) -> bool:
        return task.failed or (task.state == "complete" and not self._may_end())

    def _unheard(self) -> int:
        """The nodes that a leader just elected has not heard of yet: they should run a global service all the same."""
        unknown = [replace(node, state="ready") for node in self.nodes if node.state == "unknown"]
        return sum(eligible(node, self.service.template) for node in unknown)

    def _replicas(self) -> int:
        if self.service.replicas is not None:
            return self.service.replicas
        job = self.service.spec["Mode"]["ReplicatedJob"]
        return int(job.get("TotalCompletions", job.get("MaxConcurrent", 1)))

    def _wanted_now(self) -> int:
        """A job does not run all of its tasks at once."""
        at_once = self.service.spec["Mode"].get("ReplicatedJob", {}).get("MaxConcurrent")
        return min(self.wanted, self._done() + at_once) if at_once else self.wanted

    def _done(self) -> int:
        return sum(task.state == "complete" for task in self.good.values())

    def _leftover(self) -> int:
        """How many tasks run too many: of an old version, in a place of no account, or more replicas than wanted."""
        kept = {task.id for task in self.good.values()}
        running = [task for task in self.own if task.state == task.desired == "running" and task.node_id in self.tended]
        counted = sum(task.id in kept for task in running)
        return len(running) - min(counted, self.wanted)

    def _unproven(self, up: Mapping[str, float]) -> Verdict | None:
        if self.job:
            text, left = f"completes ({self._done()} of {self.wanted})", inf if self._done() < self.wanted else 0.0
        else:
            window, running = monitor_seconds(self.service), (task for task in self.good.values() if self._runs(task))
            text = "stays up"
            lasting = ((self.runs[self._place(task)].to_outlive(), up.get(task.id, 0.0)) for task in running)
            left = max((window + before - now for before, now in lasting), default=0.0)
        return replace(self.counts, unproven=f"{self.service.name} {text}", left=left) if left > 0 else None

    def _flapping(self, up: Mapping[str, float]) -> Verdict | None:
        """A task that has run for no longer yet than those before it, which all failed soon."""
        for place, task in self.good.items():
            if last := self.runs[place].flapping(task, up.get(task.id, inf)):
                return self.failed(f"{len(last)} tasks in a row failed, and another has just begun", last)
        return None

    def _forgotten(self, up: Mapping[str, float]) -> bool:
        """Whether swarm would have ended its update long ago: what it replaced by is gone, and it waits for that."""
        key = "RollbackConfig" if self.service.update_state.startswith("rollback") else "UpdateConfig"
        delay = (self.service.spec.get(key) or {}).get("Delay", 0) / 1e9
        ends = 2 * delay + monitor_seconds(self.service) + FORGOTTEN_SECONDS
        seconds = [up.get(task.id, 0.0) for task in self.good.values() if task.state == "running"]
        kept = {task.id for task in self.good.values()}
        coming = any(
            not task.over and task.desired in ("ready", "running") for task in self.current if task.id not in kept
        )
        return bool(min(seconds, default=0.0) > ends) and not coming

    def _hopeless(self) -> Verdict | None:
        """Why no more will come than there is."""
        nowhere = self._unfit if self.spread else self._nowhere
        return self._paused() or self._in_a_row() or self._given_up() or nowhere()

    def _paused(self) -> Verdict | None:
        what, before = PAUSED.get(self.service.update_state), update_of(self.service) in self.past
        if not what or (before and not self._stuck()):
            return None
        # What failed in an update that was paused before anything was asked for is why it is stuck.
        return self.failed(f"swarm has paused the {what}", self._failures(ever=before))

    def _stuck(self) -> bool:
        """Whether a paused update has left something undone: swarm replaces no further task of another version.

        A task that is missing for another reason, as when its node is drained, comes all the same.
        """
        old = [task for task in self.own if not self._is_current(task) and task.node_id in self.tended]
        last = {self._place(task): task for task in self.current if task.over}
        return any(task.desired == "running" and not task.over for task in old) or any(
            task.failed for place, task in last.items() if place not in self.good
        )

    def _in_a_row(self) -> Verdict | None:
        """The last runs of one place all ended, and each should have gone on.

        One that ends as long as another service does not answer may yet run.
        """
        enough = max(HOPELESS_FAILURES, self.policy.get("MaxAttempts") or 0)
        for runs in self.runs.values():
            if last := runs.in_a_row(enough):
                return replace(self.failed(f"{enough} tasks in a row failed", last), may_recover=True)
        return None

    @cached_property
    def runs(self) -> dict[object, Runs]:
        """The runs of each place that there is, those that swarm has forgotten since among them."""
        known = {task.id for task in self.own}
        forgotten = [task for task in self.ended if task.service_id == self.service.id and task.id not in known]
        tasks: dict[object, list[Task]] = {place: [] for place in self.latest}
        for task in (*forgotten, *self.own):
            tasks.get(self._place(task), []).append(task)
        return {place: Runs.of(of, self._is_current, self.past, self._ended_badly) for place, of in tasks.items()}

    def _given_up(self) -> Verdict | None:
        """Swarm makes the next run of a place as it gives up the last one: where there is none, none comes."""
        if not (self.job or self.policy.get("MaxAttempts") or self.policy.get("Condition", "any") != "any"):
            return None
        over = [task for task in self.latest.values() if task.over and task.desired == "shutdown"]
        ended = [task for task in over if not self._has_ended_well(task)]
        mine = [task for task in ended if self._is_current(task)]
        if not mine or len(self.latest) - len(ended) >= self._wanted_now():
            return None
        return self.failed("its restart policy allows no further run", mine)

    def _nowhere(self) -> Verdict | None:
        """No node can take what is missing, not even when it comes back, is opened again or has less to do."""
        found = obstacles(self.service, self.nodes, self.tasks)
        never = _lasting(found)
        limit = (self.service.template.get("Placement") or {}).get("MaxReplicas") or self.wanted
        if host_ports((self.service.spec.get("EndpointSpec") or {}).get("Ports")):
            limit = 1
        room = (len(found) - len(never)) * limit
        if room >= self._wanted_now():
            return None
        text = f"at most {limit} per node, and {self.wanted} do not fit" if room else "no node can run it"
        return self._failure(text, told(never))

    def _unfit(self) -> Verdict | None:
        """A home that never can take its task: swarm waits for one on each of them."""
        lacking = [node for node in self.nodes if node.id in self.homes and node.id not in self.good]
        never = _lasting(obstacles(self.service, lacking, self.tasks))
        return self._failure("these nodes should run it, and cannot", told(never)) if never else None

    def _why(self) -> str:
        """What keeps the tasks that are missing, in parentheses."""
        said = self._unplaced() or self._down() or told(map(self._said, self._failures()[-1:])) or self._on_their_way()
        return f" ({'; '.join(said)})" if said else ""

    def _unplaced(self) -> list[str]:
        """What rules the nodes out for a task that waits for one; swarm's own word where that explains nothing."""
        waiting = [task for task in self.current if task.state == "pending" and task.desired != "shutdown"]
        nodes = [node for node in self.nodes if not self.spread or node.id in {task.node_id for task in waiting}]
        found = obstacles(self.service, nodes, self.tasks) if waiting else []
        if all(what for _, what in found):
            return told((name, what.text) for name, what in found if what)
        return list(dict.fromkeys(task.error for task in waiting if task.error))

    def _down(self) -> list[str]:
        on = {task.node_id for task in self.current if task.desired == "running" and not task.over}
        return told((node.name, node.state) for node in self.nodes if not node.ready and node.id in on)

    def _on_their_way(self) -> list[str]:
        """How far the tasks are that have a node already."""
        coming = (task for task in self.current if not task.over and task.state != "running" and task.node_id)
        return told((self._host(task), task.state) for task in coming)

    def _failures(self, *, ever: bool = False) -> list[Task]:
        """What failed of the present version since it was asked for, or `ever`, the latest last."""
        return [task for task in self.current if self._ended_badly(task) and (ever or task.id not in self.past)]

    def _said(self, task: Task) -> tuple[str, str]:
        silent = f"ended with exit code {task.exit_code or 0}" if task.state == "complete" else task.state
        said = DIGEST.sub("", task.error).removeprefix("task: ") or silent
        if said.endswith(NOT_ACTIVE):
            said += ": where that lasts, its engine has to be restarted"
        return self._host(task), said

    def _host(self, task: Task) -> str:
        return self.members[task.node_id].name if task.node_id in self.members else "?"


def _lasting(found: Iterable[tuple[str, Obstacle | None]]) -> list[tuple[str, str]]:
    """The obstacles against which waiting does not help, as `told` takes them."""
    return [(name, what.text) for name, what in found if what and what.lasting]
