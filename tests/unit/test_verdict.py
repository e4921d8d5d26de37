from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from samples import NEW, OLD, manager, member, service, task

from swarmops.facts import Service, SwarmNode, Task
from swarmops.verdict import judge, same_version

TWO = (member("worker01"), member("worker02"))
GLOBAL = {"Global": {}}
WORKERS_ONLY = NEW | {"Placement": {"Constraints": ["node.role==worker"]}}
ONE_SHOT = NEW | {"RestartPolicy": {"Condition": "none"}}


@dataclass(frozen=True)
class Case:
    service: Service
    tasks: tuple[Task, ...] = ()
    nodes: tuple[SwarmNode, ...] = TWO
    counts: tuple[int, int] = (1, 1)
    missing: str = ""
    failure: str = ""
    more: tuple[str, ...] = field(default=())
    """Further texts in the failure."""


def failed(slot: int, at: int, error: str = "task: non-zero exit (1)", **said: Any) -> Task:
    return task(slot, "failed", at=at, error=error, **said)


CASES = {
    "all replicas run": Case(service(2), (task(1), task(2, node="worker02")), counts=(2, 2)),
    "a replica is not there yet": Case(service(2), (task(1),), counts=(1, 2), missing="web 1 of 2"),
    "a replica is starting": Case(service(1), (task(1, "starting"),), counts=(0, 1), missing="web 0 of 1"),
    "a replica runs and is to stop": Case(
        service(1), (task(1, desired="shutdown"),), counts=(0, 1), missing="web 0 of 1"
    ),
    "a wait names the latest error": Case(
        service(1),
        (failed(1, 1, "old"), failed(1, 2, "no such image"), task(1, "pending", at=3)),
        counts=(0, 1),
        missing="web 0 of 1 (no such image)",
    ),
    "a wait names the constraint that no node meets": Case(
        service(1, template=NEW | {"Placement": {"Constraints": ["node.labels.disk == ssd"]}}),
        (task(1, "pending", spec=NEW, error="no suitable node"),),
        counts=(0, 1),
        missing="web 0 of 1 (no node that is ready meets node.labels.disk == ssd)",
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
        missing="web 0 of 1",
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
        service(1), (task(1, "complete"),), counts=(0, 1), missing="web 0 of 1"
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
        failure="web: update paused due to failure of task t1",
        more=("task: non-zero exit (1)",),
    ),
    "rollback paused": Case(
        service(1, update="rollback_paused", message="paused"), (task(1),), failure="web: paused"
    ),
    "two failures in a row": Case(
        service(1),
        (failed(1, 1), failed(1, 2)),
        counts=(0, 1),
        missing="web 0 of 1 (task: non-zero exit (1))",
    ),
    "three failures in a row": Case(
        service(1),
        (failed(1, 1, "exit 1"), task(1, "rejected", at=2, error="no such image"), failed(1, 3, "exit 1")),
        counts=(0, 1),
        failure="web: 3 tasks in a row failed",
        more=("exit 1", "no such image"),
    ),
    "three failures, a fourth run waits for a node": Case(
        service(1),
        (*(failed(1, at) for at in (1, 2, 3)), task(1, "pending", at=4)),
        counts=(0, 1),
        failure="web: 3 tasks in a row failed",
    ),
    "three failures, and then it runs": Case(service(1), (*(failed(1, at) for at in (1, 2, 3)), task(1, at=4))),
    "a success between failures": Case(
        service(1),
        (failed(1, 1), failed(1, 2), task(1, "complete", at=3), failed(1, 4)),
        counts=(0, 1),
        missing="web 0 of 1 (task: non-zero exit (1))",
    ),
    "three failures in three slots": Case(
        service(3),
        tuple(failed(slot, 1) for slot in (1, 2, 3)),
        counts=(0, 3),
        missing="web 0 of 3 (task: non-zero exit (1))",
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
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_judge(case: Case) -> None:
    verdict = judge(case.service, case.tasks, case.nodes)
    said = verdict.failure.splitlines() or [""]
    assert (verdict.running, verdict.wanted) == case.counts
    assert (verdict.missing, said[0]) == (case.missing, case.failure)
    assert not case.more or tuple(line.strip() for line in said[1:]) == case.more


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
