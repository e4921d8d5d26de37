from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
from samples import IMAGE, NEW, OLD, manager, member, service, task

from swarmops.facts import Service, SwarmNode, Task
from swarmops.verdict import judge, rolled_back, same_version, undone

TWO = (member("worker01"), member("worker02"))
GLOBAL = {"Global": {}}
GIB = 2**30
SMALL, LARGE = (
    member(name, resources={"MemoryBytes": size * GIB}) for name, size in (("worker01", 4), ("worker02", 200))
)
HUGE = NEW | {"Resources": {"Reservations": {"MemoryBytes": 100 * GIB}}}
STALE: dict[str, Any] = {"update": "paused", "begun": "then"}
"""What a service says whose update swarm paused at some time."""
WORKERS_ONLY = NEW | {"Placement": {"Constraints": ["node.role==worker"]}}
ONE_SHOT = NEW | {"RestartPolicy": {"Condition": "none"}}
TWO_ATTEMPTS = NEW | {"RestartPolicy": {"Condition": "any", "MaxAttempts": 2}}
TEN = NEW | {"RestartPolicy": {"Condition": "any", "MaxAttempts": 10}}
ARM = {"OS": "linux", "Architecture": "aarch64"}
SSD = NEW | {
    "Placement": {
        "Constraints": ["node.labels.disk == ssd"],
        "Platforms": [{"OS": "linux", "Architecture": "arm64"}],
    }
}

IN_A, IN_B = (NEW | {"Placement": {"Constraints": [f"node.labels.zone=={zone}"]}} for zone in "ab")
ZONES = (
    member("worker01", labels={"zone": "a"}),
    member("worker02", labels={"zone": "b"}, availability="pause"),
)


@dataclass(frozen=True)
class Case:
    service: Service
    tasks: tuple[Task, ...] = ()
    nodes: tuple[SwarmNode, ...] = TWO
    counts: tuple[int, int] = (1, 1)
    missing: str = ""
    failure: str = ""
    unproven: str = ""
    more: tuple[str, ...] = ()
    """Further texts in the failure."""
    past: tuple[str, ...] = ()
    up: Mapping[str, float] | None = None
    """For how long tasks have been seen running; None where they need not prove anything."""


def up(*seconds: float) -> dict[str, float]:
    """How long the tasks of the first slots have been up on worker01."""
    return {task(slot).id: each for slot, each in enumerate(seconds, 1)}


def failed(slot: int, at: int, error: str = "task: non-zero exit (1)", **said: Any) -> Task:
    return task(slot, "failed", at=at, error=error, **said)


def other_ports(now: Service, changed: str = "") -> Service:
    """The service with another port than before."""
    before, after = ({"EndpointSpec": {"Mode": "dnsrr", "Ports": [{"PublishedPort": port}]}} for port in (80, 81))
    return replace(now, spec=dict(now.spec) | after, previous=dict(now.spec) | before, changed=changed)


CASES = {
    "all replicas run": Case(service(2), (task(1), task(2, node="worker02")), counts=(2, 2)),
    "a replica is not there yet": Case(service(2), (task(1),), counts=(1, 2), missing="web 1 of 2"),
    "a replica is starting": Case(
        service(1), (task(1, "starting"),), counts=(0, 1), missing="web 0 of 1 (worker01: starting)"
    ),
    "a replica runs and is to stop": Case(
        service(1), (task(1, desired="shutdown"),), counts=(0, 1), missing="web 0 of 1"
    ),
    "a wait names the latest error": Case(
        service(1),
        (failed(1, 1, "old"), failed(1, 2, "no such image"), task(1, "pending", at=3)),
        counts=(0, 1),
        missing="web 0 of 1 (worker01: no such image)",
    ),
    "no replicas wanted, none there": Case(service(0), counts=(0, 0)),
    "no replicas wanted, one left": Case(service(0), (task(1),), counts=(1, 0), missing="web: 1 task too many"),
    "scaled down, two still run": Case(
        service(1),
        (task(1), task(2), task(3)),
        counts=(3, 1),
        missing="web: 2 tasks too many",
    ),
    "scaled down, the others are being stopped": Case(service(1), (task(1), task(2, desired="shutdown"))),
    "scaled down, the others are gone": Case(service(1), (task(1), task(2, "shutdown"))),
    "the old version alone runs": Case(service(1), (task(1, spec=OLD),), counts=(0, 1), missing="web 0 of 1"),
    "the old version still runs": Case(
        service(1), (task(1, at=2), task(1, spec=OLD)), counts=(1, 1), missing="web: 1 task too many"
    ),
    "the old version has been stopped": Case(service(1), (task(1, at=2), task(1, "shutdown", spec=OLD))),
    "a dead node's task does not count": Case(
        service(1),
        (task(1),),
        (member("worker01", state="down"), member("worker02")),
        counts=(0, 1),
        missing="web 0 of 1 (worker01: down)",
    ),
    "a dead node's task is not too many": Case(
        service(1),
        (task(1), task(1, node="worker02", at=2)),
        (member("worker01", state="down"), member("worker02")),
    ),
    "global: on every node": Case(
        service(GLOBAL), (task(0), task(0, node="worker02")), counts=(2, 2)
    ),
    "global: not on every node": Case(service(GLOBAL), (task(0),), counts=(1, 2), missing="web 1 of 2"),
    "global: not where a constraint excludes it": Case(
        service(GLOBAL, template=WORKERS_ONLY), (task(0),), (member("worker01"), manager("manager"))
    ),
    "global: not where the node is drained": Case(
        service(GLOBAL), (task(0),), (member("worker01"), member("worker02", availability="drain"))
    ),
    "global: not where the node is down": Case(
        service(GLOBAL), (task(0),), (member("worker01"), member("worker02", state="down"))
    ),
    "global: a new leader has not heard of a node": Case(
        service(GLOBAL),
        (task(0), task(0, node="worker02")),
        (member("worker01"), member("worker02", state="unknown")),
        counts=(1, 2),
        missing="web 1 of 2 (worker02: unknown)",
    ),
    "global: a paused node keeps its task": Case(
        service(GLOBAL),
        (task(0), task(0, node="worker02")),
        (member("worker01"), member("worker02", availability="pause")),
    ),
    "global: a paused node keeps even the old version": Case(
        service(GLOBAL),
        (task(0), task(0, node="worker02", spec=OLD)),
        (member("worker01"), member("worker02", availability="pause")),
    ),
    "global: a paused node's task stands for no other": Case(
        service(GLOBAL),
        (task(0, node="worker02"),),
        (member("worker01"), member("worker02", availability="pause")),
        counts=(0, 1),
        missing="web 0 of 1",
    ),
    "global: a task on a node that a constraint now excludes": Case(
        service(GLOBAL, template=WORKERS_ONLY),
        (task(0), task(0, node="manager")),
        (member("worker01"), manager("manager")),
        missing="web: 1 task too many",
    ),
    "global: no node may run it": Case(
        service(GLOBAL, template=WORKERS_ONLY), (), (manager("manager"),), counts=(0, 0)
    ),
    "one-shot: complete": Case(
        service(1, template=ONE_SHOT), (task(1, "complete", spec=ONE_SHOT),)
    ),
    "one-shot: still runs": Case(service(1, template=ONE_SHOT), (task(1, spec=ONE_SHOT),)),
    "a task that should go on and ended": Case(
        service(1), (task(1, "complete"),), counts=(0, 1), missing="web 0 of 1 (worker01: ended with exit code 0)"
    ),
    "job: so many completions": Case(
        service({"ReplicatedJob": {"MaxConcurrent": 1, "TotalCompletions": 2}}),
        (task(0, "complete"), task(1, "complete")),
        counts=(2, 2),
    ),
    "job: one complete, one at work": Case(
        service({"ReplicatedJob": {"MaxConcurrent": 1, "TotalCompletions": 2}}),
        (task(0, "complete"), task(1, "running")),
        counts=(2, 2),
    ),
    "global job: on every node": Case(
        service({"GlobalJob": {}}), (task(0, "complete"),), counts=(1, 2), missing="web 1 of 2"
    ),
    "updating": Case(
        service(1, update="updating"), (task(1),), missing="web 1 of 1, the update is being watched"
    ),
    "rolling back": Case(
        service(1, update="rollback_started"), (task(1),), missing="web 1 of 1, the update is being watched"
    ),
    "update completed": Case(service(1, update="completed"), (task(1),)),
    "update paused": Case(
        service(1, update="paused", message="update paused due to failure of task t1"),
        (task(1, spec=OLD), failed(1, 1)),
        counts=(0, 1),
        failure="web: swarm has paused the update",
        more=("worker01: non-zero exit (1)",),
    ),
    "rollback paused": Case(
        service(1, update="rollback_paused", message="paused"),
        (task(1, "starting"),),
        counts=(0, 1),
        failure="web: swarm has paused the rollback",
    ),
    "update paused, and then all came up": Case(service(1, update="paused"), (task(1),)),
    "update paused, and the tasks have not proved themselves": Case(
        service(1, update="paused"), (task(1),), up={}, failure="web: swarm has paused the update"
    ),
    "paused before, and all runs: not for long enough": Case(
        service(1, **STALE), (failed(1, 1), task(1, at=2)), past=("s1 then",), up={}, unproven="web stays up"
    ),
    "paused before, and a task is moved": Case(
        service(1, **STALE),
        (failed(1, 1), task(1, "shutdown", at=2), task(1, "starting", node="worker02", at=3)),
        past=("s1 then", "t1-worker01-1"),
        counts=(0, 1),
        missing="web 0 of 1 (worker02: starting)",
    ),
    "paused before, and a task still fails": Case(
        service(2, **STALE),
        (task(1), failed(2, 1), task(2, "starting", at=2)),
        past=("s1 then", "t2-worker01-1"),
        counts=(1, 2),
        failure="web: swarm has paused the update",
        more=("worker01: non-zero exit (1)",),
    ),
    "paused before, and the old version is left": Case(
        service(2, **STALE),
        (task(1), task(2, spec=OLD)),
        past=("s1 then",),
        counts=(1, 2),
        failure="web: swarm has paused the update",
    ),
    "paused before, and the old version is left beside the new one": Case(
        service(1, **STALE),
        (task(1, spec=OLD), task(1, at=2)),
        past=("s1 then",),
        failure="web: swarm has paused the update",
    ),
    "another update was paused before": Case(
        service(1, update="paused", begun="now"),
        (task(1),),
        past=("s1 then",),
        up={},
        failure="web: swarm has paused the update",
    ),
    "rollback paused before, and all runs": Case(
        service(1, update="rollback_paused", begun="then"), (task(1),), past=("s1 then",), up=up(5)
    ),
    "two failures in a row": Case(
        service(1),
        (failed(1, 1), failed(1, 2)),
        counts=(0, 1),
        missing="web 0 of 1 (worker01: non-zero exit (1))",
    ),
    "an update that swarm watches": Case(
        service(1, update="updating"), (task(1),), up=up(34), missing="web 1 of 1, the update is being watched"
    ),
    "an update that swarm has forgotten to end": Case(service(1, update="updating"), (task(1),), up=up(36)),
    "an update with a delay that swarm watches": Case(
        service(1, update="updating", UpdateConfig={"Delay": 10**10}),
        (task(1),),
        up=up(54),
        missing="web 1 of 1, the update is being watched",
    ),
    "three failures in a row": Case(
        service(1),
        (failed(1, 1, "exit 1"), task(1, "rejected", at=2, error="no such image"), failed(1, 3, "exit 1")),
        counts=(0, 1),
        failure="web: 3 tasks in a row failed",
        more=("worker01: exit 1", "worker01: no such image"),
    ),
    "refused by an engine that began its part in the swarm anew": Case(
        service(1),
        (task(1, "rejected", at=1, error="cannot create a swarm scoped network when swarm is not active"),),
        counts=(0, 1),
        missing="web 0 of 1 (worker01: cannot create a swarm scoped network when swarm is not active: "
        "where that lasts, its engine has to be restarted)",
    ),
    "three failures in a row of ten attempts": Case(
        service(1, template=TEN),
        (*(failed(1, at, spec=TEN) for at in (1, 2, 3)), task(1, "ready", spec=TEN, at=4)),
        counts=(0, 1),
        missing="web 0 of 1 (worker01: non-zero exit (1))",
    ),
    "ten failures in a row of ten attempts": Case(
        service(1, template=TEN),
        tuple(failed(1, at, spec=TEN) for at in range(1, 11)),
        counts=(0, 1),
        failure="web: 10 tasks in a row failed",
    ),
    "three failures, a fourth run waits for a node": Case(
        service(1),
        (*(failed(1, at) for at in (1, 2, 3)), task(1, "pending", at=4)),
        counts=(0, 1),
        failure="web: 3 tasks in a row failed",
    ),
    "three failures, and then it runs": Case(service(1), (*(failed(1, at) for at in (1, 2, 3)), task(1, at=4))),
    "a run of some time between failures": Case(
        service(1),
        (failed(1, 1), failed(1, 2), task(1, desired="shutdown", at=4), failed(1, 5)),
        counts=(0, 1),
        missing="web 0 of 1 (worker01: non-zero exit (1))",
    ),
    "three tasks ended that should go on": Case(
        service(1),
        (failed(1, 1), *(task(1, "complete", at=at, exit_code=0) for at in (2, 3)), task(1, "pending", at=4)),
        counts=(0, 1),
        failure="web: 3 tasks in a row failed",
        more=("worker01: non-zero exit (1)", "worker01: ended with exit code 0"),
    ),
    "three failures on three nodes are told once": Case(
        service(1),
        tuple(failed(1, at, f"no such image: {IMAGE}", node=f"worker0{1 + at % 2}") for at in (1, 2, 3)),
        counts=(0, 1),
        failure="web: 3 tasks in a row failed",
        more=("worker02, worker01: no such image: registry:5000/web:1.0",),
    ),
    "failures of before are history": Case(
        service(1),
        (*(failed(1, at) for at in (1, 2, 3)), task(1, "pending", at=4, error="no suitable node")),
        past=("t1-worker01-1",),
        counts=(0, 1),
        missing="web 0 of 1 (no suitable node)",
    ),
    "three failures in three slots": Case(
        service(3),
        tuple(failed(slot, 1) for slot in (1, 2, 3)),
        counts=(0, 3),
        missing="web 0 of 3 (worker01: non-zero exit (1))",
    ),
    "three failures of the old version": Case(
        service(1), tuple(failed(1, at, spec=OLD) for at in (1, 2, 3)), counts=(0, 1), missing="web 0 of 1"
    ),
    "global: three failures on one node of two": Case(
        service(GLOBAL),
        (*(failed(0, at) for at in (1, 2, 3)), task(0, node="worker02")),
        counts=(1, 2),
        failure="web: 3 tasks in a row failed",
    ),
    "stays up: not for long enough": Case(
        service(2), (task(1), task(2)), up=up(9, 4.9), counts=(2, 2), unproven="web stays up"
    ),
    "stays up: long enough": Case(service(2), (task(1), task(2)), up=up(9, 5), counts=(2, 2)),
    "stays up: one was never seen before": Case(
        service(2), (task(1), task(2)), up=up(9), counts=(2, 2), unproven="web stays up"
    ),
    "stays up: the service has its own window": Case(
        service(1, UpdateConfig={"Monitor": 2_000_000_000}), (task(1),), up=up(2)
    ),
    "stays up: no window stated is swarm's default": Case(
        service(1, UpdateConfig={"Monitor": 0}), (task(1),), up=up(4), unproven="web stays up"
    ),
    "stays up: a rollback has its own window": Case(
        service(1, update="rollback_completed", RollbackConfig={"Monitor": 7_000_000_000}),
        (task(1),),
        up=up(6),
        unproven="web stays up",
    ),
    "stays up: what is complete has proved itself": Case(
        service(1, template=ONE_SHOT), (task(1, "complete", spec=ONE_SHOT),), up={}
    ),
    "stays up: no replicas, nothing to prove": Case(service(0), up={}, counts=(0, 0)),
    "one-shot: failed": Case(
        service(1, template=ONE_SHOT),
        (failed(1, 1, spec=ONE_SHOT),),
        counts=(0, 1),
        failure="web: its restart policy allows no further run",
        more=("worker01: non-zero exit (1)",),
    ),
    "one-shot: failed, and swarm has not given it up yet": Case(
        service(1, template=ONE_SHOT),
        (failed(1, 1, spec=ONE_SHOT, desired="ready"),),
        counts=(0, 1),
        missing="web 0 of 1 (worker01: non-zero exit (1))",
    ),
    "one-shot: stopped because its node was drained": Case(
        service(1, template=ONE_SHOT),
        (task(1, "shutdown", spec=ONE_SHOT),),
        counts=(0, 1),
        failure="web: its restart policy allows no further run",
        more=("worker01: shutdown",),
    ),
    "one-shot: complete once, and asked for again": Case(
        service(1, template=ONE_SHOT),
        (
            task(1, "complete", spec=ONE_SHOT),
            task(1, "shutdown", spec=OLD, at=1),
            task(1, "preparing", spec=ONE_SHOT, at=2),
        ),
        counts=(0, 1),
        missing="web 0 of 1 (worker01: preparing)",
    ),
    "attempts used up": Case(
        service(1, template=TWO_ATTEMPTS),
        (failed(1, 1, spec=TWO_ATTEMPTS), failed(1, 2, spec=TWO_ATTEMPTS)),
        past=("t1-worker01-1", "t1-worker01-2"),
        counts=(0, 1),
        failure="web: its restart policy allows no further run",
    ),
    "attempts used up in a place that is not wanted any more": Case(
        service(1, template=TWO_ATTEMPTS),
        (failed(2, 1, spec=TWO_ATTEMPTS), task(1, "starting", spec=TWO_ATTEMPTS)),
        counts=(0, 1),
        missing="web 0 of 1 (worker01: non-zero exit (1))",
    ),
    "job: failed for good": Case(
        service({"ReplicatedJob": {"MaxConcurrent": 1, "TotalCompletions": 1}}, iteration=0),
        (failed(0, 1, iteration=0),),
        counts=(0, 1),
        failure="web: its restart policy allows no further run",
    ),
    "job: the run before does not count": Case(
        service({"GlobalJob": {}}, iteration=1),
        (task(0, "complete", iteration=0), task(0, "complete", node="worker02", iteration=1)),
        counts=(1, 2),
        missing="web 1 of 2",
    ),
    "job: as many as may run at once": Case(
        service({"ReplicatedJob": {"MaxConcurrent": 1, "TotalCompletions": 3}}),
        (task(0, "complete"), task(1, desired="complete")),
        up={},
        counts=(2, 3),
        unproven="web completes (1 of 3)",
    ),
    "nowhere: each node lacks something for good": Case(
        service(1, template=SSD),
        (task(1, "pending", spec=NEW),),
        (member("worker01"), member("worker02", labels={"disk": "ssd"}, platform=ARM | {"Architecture": "x86_64"})),
        counts=(0, 1),
        failure="web: no node can run it",
        more=("worker01: node.labels.disk == ssd", "worker02: its platform is linux/amd64"),
    ),
    "nowhere: the former life of a node is no node": Case(
        service(1, template=SSD),
        (task(1, "pending", node="", spec=NEW),),
        (
            member("worker01", labels={"disk": "ssd"}, platform=ARM, availability="drain"),
            replace(member("worker01", state="down"), id="id-before"),
        ),
        counts=(0, 1),
        missing="web 0 of 1 (worker01: drained; worker01: node.labels.disk == ssd)",
    ),
    "nowhere: one that would do is down": Case(
        service(1, template=SSD),
        (task(1, "pending", node="", spec=NEW),),
        (member("worker01"), member("worker02", labels={"disk": "ssd"}, platform=ARM, state="down")),
        counts=(0, 1),
        missing="web 0 of 1 (worker01: node.labels.disk == ssd; worker02: down)",
    ),
    "nowhere: one that would do is drained": Case(
        service(1, template=SSD),
        (task(1, "pending", node="", spec=NEW),),
        (member("worker01"), member("worker02", labels={"disk": "ssd"}, platform=ARM, availability="drain")),
        counts=(0, 1),
        missing="web 0 of 1 (worker01: node.labels.disk == ssd; worker02: drained)",
    ),
    "nowhere: more replicas than fit": Case(
        service(3, template=NEW | {"Placement": {"MaxReplicas": 1}}),
        (task(1), task(2, node="worker02"), task(3, "pending", node="")),
        counts=(2, 3),
        failure="web: at most 1 per node, and 3 do not fit",
    ),
    "nowhere: more replicas with a port of the node's than nodes": Case(
        service(3, EndpointSpec={"Ports": [{"PublishMode": "host", "PublishedPort": 80, "TargetPort": 80}]}),
        (task(1), task(2, node="worker02"), task(3, "pending", node="")),
        counts=(2, 3),
        failure="web: at most 1 per node, and 3 do not fit",
    ),
    "nowhere: each node of a global service is too small": Case(
        service(GLOBAL, template=HUGE),
        tuple(task(0, "pending", node=node.hostname, spec=HUGE) for node in (SMALL, replace(SMALL, id="id-worker02"))),
        (SMALL, replace(SMALL, id="id-worker02", hostname="worker02")),
        counts=(0, 2),
        failure="web: these nodes should run it, and cannot",
        more=("worker01, worker02: 4 GiB of memory there, 100 wanted",),
    ),
    "nowhere: one node of a global service is too small": Case(
        service(GLOBAL, template=HUGE),
        (task(0, node="worker02", spec=HUGE),),
        (SMALL, LARGE),
        counts=(1, 2),
        failure="web: these nodes should run it, and cannot",
        more=("worker01: 4 GiB of memory there, 100 wanted",),
    ),
    "nowhere: a node that a global service does not want, and one that is still coming": Case(
        service(GLOBAL, template=HUGE | WORKERS_ONLY),
        (task(0, "starting", node="worker02", spec=HUGE),),
        (replace(SMALL, role="manager"), LARGE),
        counts=(0, 1),
        missing="web 0 of 1 (worker02: starting)",
    ),
    "nowhere: a node of a global service has less than it had": Case(
        service(GLOBAL, template=HUGE),
        (task(0, spec=HUGE), task(0, "starting", node="worker02", spec=HUGE)),
        (SMALL, LARGE),
        counts=(1, 2),
        missing="web 1 of 2 (worker02: starting)",
    ),
    "the scheduler's own word where nothing is known against a node": Case(
        service(1),
        (task(1, "pending", node="", error="no suitable node (missing plugin on 2 nodes)"),),
        counts=(0, 1),
        missing="web 0 of 1 (no suitable node (missing plugin on 2 nodes))",
    ),
    "start-first: the old task runs on where the new one may not, and what comes has no place yet": Case(
        service(1, template=IN_B, update="updating", begun="2024-01-01T00:00:05Z"),
        (task(1, spec=IN_A), task(1, "pending", node="", at=6, spec=IN_B)),
        ZONES,
        counts=(0, 1), up=up(60),
        missing="web 0 of 1 (worker01: node.labels.zone==b; worker02: paused)",
    ),
    "start-first: the old task runs on where the new one may not, and swarm has given up": Case(
        service(1, template=IN_B, update="paused", begun="2024-01-01T00:00:05Z"),
        (task(1, spec=IN_A), failed(1, 6, node="worker02", spec=IN_B)),
        ZONES,
        counts=(0, 1), up=up(60),
        failure="web: swarm has paused the update", more=("worker02: non-zero exit (1)",),
    ),
    "a task that still complies with other constraints stays": Case(
        service(1, template=WORKERS_ONLY, update="completed"), (task(1),), up=up(9),
    ),
    "other ports: not begun yet": Case(
        other_ports(service(1), changed="2024-01-01T00:00:05Z"), (task(1, at=0),),
        counts=(0, 1), missing="web 0 of 1",
    ),
    "other ports, start-first: the new task is still coming": Case(
        other_ports(service(1, update="updating", begun="2024-01-01T00:00:05Z")),
        (task(1, at=0), task(1, "starting", node="worker02", at=6)),
        counts=(0, 1), up=up(60), missing="web 0 of 1 (worker02: starting)",
    ),
    "other ports, start-first: the old task goes": Case(
        other_ports(service(1, update="updating", begun="2024-01-01T00:00:05Z")),
        (task(1, at=0), task(1, node="worker02", at=6)),
        missing="web 1 of 1, the update is being watched",
    ),
    "other ports, start-first: swarm has given up": Case(
        other_ports(service(1, update="paused", begun="2024-01-01T00:00:05Z")),
        (task(1, at=0), failed(1, 6, node="worker02")),
        counts=(0, 1), up=up(60),
        failure="web: swarm has paused the update", more=("worker02: non-zero exit (1)",),
    ),
    "other ports, start-first: swarm had given up before": Case(
        other_ports(service(1, update="paused", begun="2024-01-01T00:00:05Z")),
        (task(1, at=0), failed(1, 6, node="worker02")),
        counts=(0, 1), up=up(60), past=("s1 2024-01-01T00:00:05Z",),
        failure="web: swarm has paused the update", more=("worker02: non-zero exit (1)",),
    ),
    "other ports, carried out": Case(
        other_ports(service(1, update="completed", begun="2024-01-01T00:00:05Z")), (task(1, at=6),), up=up(),
        unproven="web stays up",
    ),
    "other ports where there were none to tell": Case(replace(service(1), previous={"Name": "web"}), (task(1),)),
    "it has to outlive the run before it, which failed": Case(
        service(1), (failed(1, 1, since="2024-01-01T00:00:05Z", exit_code=1), task(1, at=6)), up={"t1-worker01-6": 8.5},
        unproven="web stays up",
    ),
    "it has outlived the run before it": Case(
        service(1), (failed(1, 1, since="2024-01-01T00:00:05Z", exit_code=1), task(1, at=6)), up={"t1-worker01-6": 9.5},
    ),
    "it need not outlive what had failed before anything was asked for": Case(
        service(1), (failed(1, 1, since="2024-01-01T00:00:05Z", exit_code=1), task(1, at=6)), up={"t1-worker01-6": 5.5},
        past=("t1-worker01-1",),
    ),
    "it need not outlive what ended with its engine": Case(
        service(1),
        (failed(1, 1, since="2024-01-01T00:00:05Z", error="No such container: web.1.x"), task(1, at=6)),
        up={"t1-worker01-6": 5.5},
    ),
    "it need not outlive a run that was long": Case(
        service(1), (failed(1, 1, since="2024-01-01T01:00:00Z", exit_code=1), task(1, at=6)), up={"t1-worker01-6": 5.5},
    ),
    "it need not outlive what failed in another place, or never began": Case(
        service(2),
        (failed(1, 1, since="2024-01-01T00:00:05Z", exit_code=1), task(1, at=6), task(2, at=6),
         task(2, "rejected", at=1, since="2024-01-01T00:00:05Z")),
        counts=(2, 2), up={"t1-worker01-6": 9.5, "t2-worker01-6": 5.5},
    ),
    "paused, and all run long enough": Case(
        service(1, update="paused", begun="now"), (task(1), failed(1, 0)), counts=(1, 1), up=up(60),
        failure="web: swarm has paused the update", more=("worker01: non-zero exit (1)",),
    ),
    "not forgotten: what is to replace a task is still coming": Case(
        service(1, update="updating"), (task(1), task(1, "starting", node="worker02", at=6)), up=up(60),
        missing="web 1 of 1, the update is being watched",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_judge(case: Case) -> None:
    verdict = judge(case.service, case.tasks, case.nodes, past=case.past, up=case.up)
    said = verdict.failure.splitlines() or [""]
    assert (verdict.running, verdict.wanted) == case.counts
    assert (verdict.missing, verdict.unproven, said[0]) == (case.missing, case.unproven, case.failure)
    assert not case.more or tuple(line.strip() for line in said[1:]) == case.more


def test_what_swarm_has_put_back_says_why() -> None:
    back = service(1, update="rollback_completed")
    asked = service(1, update="rollback_completed", previous=NEW)
    assert (rolled_back(back), rolled_back(asked), rolled_back(service(1))) == (True, False, False)
    verdict = undone(back, (failed(1, 1, "of before"), failed(1, 2, spec=OLD), task(1, at=3)), TWO, {"t1-worker01-1"})
    assert verdict.failure == "web: swarm has put the version before back\n    worker01: non-zero exit (1)"
    assert [task.id for task in verdict.blamed] == ["t1-worker01-2"]


@pytest.mark.parametrize(
    ("spec", "same"),
    [
        (NEW, True),
        (NEW | {"Runtime": "container"}, True),
        (NEW | {"Placement": {"Constraints": ["node.role==manager"]}}, True),
        (NEW | {"ForceUpdate": 1}, False),
        (OLD, False),
    ],
)
def test_same_version(spec: dict[str, Any], same: bool) -> None:
    assert same_version(task(spec=spec), NEW) is same


@pytest.mark.parametrize(("seconds", "missing"), [(34, "web 1 of 1, the update is being watched"), (36, "")])
def test_an_update_that_swarm_has_forgotten_is_over_also_where_nothing_has_to_be_proved(
    seconds: float, missing: str
) -> None:
    verdict = judge(service(1, update="updating"), (task(1),), (member("worker01"),), up=up(seconds), proved=False)
    assert verdict.missing == missing


@pytest.mark.parametrize(
    ("ended", "now", "hopeless"),
    [
        ((failed(1, 1), failed(1, 2)), (failed(1, 3),), True),
        ((failed(1, 1), failed(1, 2)), (failed(1, 3), task(1, "ready", at=4)), True),
        ((failed(1, 2), failed(1, 1)), (failed(1, 2), failed(1, 3)), True),
        ((failed(1, 2),), (failed(1, 2), failed(1, 3)), False),
        ((failed(1, 1), failed(1, 2)), (task(1, "starting", at=3),), False),
        ((failed(1, 1, spec=OLD), failed(1, 2)), (failed(1, 3),), False),
        ((failed(1, 1, service_id="s2"), failed(1, 2)), (failed(1, 3),), False),
        ((failed(2, 1), failed(2, 2), failed(2, 3)), (failed(1, 3),), False),
        ((failed(1, 0), failed(1, 2)), (failed(1, 3),), False),
    ],
    ids=["forgotten", "the next one waits", "seen twice", "two", "may run", "old", "another's", "no place", "past"],
)
def test_failures_that_swarm_has_forgotten_count(
    ended: tuple[Task, ...], now: tuple[Task, ...], hopeless: bool
) -> None:
    verdict = judge(service(1), now, TWO, ended=ended, past={failed(1, 0).id})
    assert verdict.failure.startswith("web: 3 tasks in a row failed") is hopeless


@pytest.mark.parametrize(
    ("seconds", "before", "failure"),
    [
        (2.0, NEW, "web: 3 tasks in a row failed, and another has just begun"),
        (5.0, NEW, ""),
        (2.0, OLD, ""),
    ],
)
def test_a_service_that_flaps_is_not_well_between_two_failures(
    seconds: float, before: dict[str, Any], failure: str
) -> None:
    runs = [failed(1, at, since=f"2024-01-01T00:00:{at + 4:02}Z", spec=before, exit_code=1) for at in (0, 10, 20)]
    last = task(1, at=30)
    verdict = judge(service(1), [*runs, last], TWO, up={last.id: seconds}, proved=False)
    assert verdict.failure.partition("\n")[0] == failure
    past = {one.id for one in runs}
    assert not judge(service(1), [*runs, last], TWO, past=past, up={last.id: seconds}, proved=False).failure
    by_its_engine = [*runs[:2], replace(runs[2], exit_code=None, error="No such container: web.1.x"), last]
    assert not judge(service(1), by_its_engine, TWO, up={last.id: seconds}, proved=False).failure
    with_a_stop = [*runs, replace(task(1, "shutdown", at=25), spec=NEW), last]
    assert not judge(service(1), with_a_stop, TWO, up={last.id: seconds}, proved=False).failure
