from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from samples import NEW, manager, member, service, task

from swarmops.evacuation import affected, alone, confined, lines, stranded, waiting
from swarmops.facts import Service, SwarmNode, Task

MANAGER, ONE, TWO = manager("manager"), member("worker01"), member("worker02")
NODES = [MANAGER, ONE, TWO]
NO_WORKER = "manager: node.role==worker"
GLOBAL: dict[str, Any] = {"Global": {}}
DRAINED = replace(ONE, availability="drain")


def bound(*constraints: str, **placement: Any) -> Service:
    return service(template=NEW | {"Placement": {"Constraints": list(constraints), **placement}})


WORKERS = bound("node.role==worker")


@pytest.mark.parametrize(
    ("wanted", "tasks", "leaving", "found"),
    [
        (service(), [task()], [ONE], 1),
        (service(), [task(node="worker02")], [ONE], 0),
        (service(), [task(state="shutdown")], [ONE], 0),
        (service(), [task(node="worker02")], [ONE, TWO], 1),
        (service(mode=GLOBAL), [task()], [ONE], 1),
        # Drained already: what is over there may still be on its way to another node.
        (service(), [task(state="shutdown")], [DRAINED], 1),
        (service(), [task(state="shutdown", node="worker02")], [DRAINED], 0),
        (service(mode=0), [task(state="shutdown")], [DRAINED], 0),
        (service(mode={"ReplicatedJob": {}}, iteration=0), [task(state="complete")], [DRAINED], 0),
        (service(mode={"ReplicatedJob": {}}, iteration=0), [task()], [DRAINED], 1),
    ],
)
def test_what_is_affected(wanted: Service, tasks: list[Task], leaving: list[SwarmNode], found: int) -> None:
    assert len(affected([wanted], tasks, leaving)) == found


@pytest.mark.parametrize(
    ("wanted", "nodes", "leaving", "why"),
    [
        (service(), NODES, [ONE], None),
        (WORKERS, NODES, [ONE], None),
        (WORKERS, NODES, [ONE, TWO], [NO_WORKER]),
        (WORKERS, [MANAGER, ONE], [ONE], [NO_WORKER]),
        (WORKERS, [MANAGER, ONE, replace(TWO, availability="drain")], [ONE], [NO_WORKER, "worker02: drained"]),
        (WORKERS, [ONE, replace(TWO, availability="pause")], [ONE], ["worker02: paused"]),
        (WORKERS, [ONE, replace(TWO, state="down")], [ONE], ["worker02: down"]),
        # A leader just elected has not heard of it yet.
        (WORKERS, [ONE, replace(TWO, state="unknown")], [ONE], None),
        (bound("node.role==manager"), NODES, [MANAGER], ["worker01, worker02: node.role==manager"]),
        (service(), [ONE], [ONE], ["there is no other node"]),
        # Room may come: that is waited for, not refused.
        (bound(MaxReplicas=1), NODES, [ONE], None),
    ],
)  # fmt: skip
def test_what_no_other_node_may_run(
    wanted: Service, nodes: list[SwarmNode], leaving: list[SwarmNode], why: list[str] | None
) -> None:
    tasks = [task(slot, node=name) for slot, name in enumerate(("manager", "worker01", "worker02"))]
    ids = [node.id for node in leaving]
    assert stranded([wanted], tasks, nodes, ids) == ({"web": why} if why else {})


@pytest.mark.parametrize(
    ("mode", "tasks", "found"),
    [
        (1, [task()], True),
        (1, [task(node="worker02")], False),
        (2, [task(1), task(2)], True),
        (2, [task(1), task(2, node="worker02")], False),
        (2, [task(1), task(2, node="worker02", state="starting")], True),
        (2, [task(1), task(2, node="worker02", desired="shutdown")], True),
        (1, [task(state="starting")], False),
        (1, [], False),
        (GLOBAL, [task()], False),
        ({"ReplicatedJob": {}}, [task()], False),
    ],
)
def test_what_runs_there_alone(mode: Any, tasks: list[Task], found: bool) -> None:
    assert bool(alone([service(mode=mode)], tasks, [ONE.id])) is found


@pytest.mark.parametrize(
    ("wanted", "leaving", "why"),
    [
        (bound(MaxReplicas=1), [ONE], None),
        (bound(MaxReplicas=1), [MANAGER, ONE], ["worker02: has 1, at most 1 per node"]),
        (bound("node.role==worker", MaxReplicas=1), [], [NO_WORKER, "worker01, worker02: has 1, at most 1 per node"]),
        (service(), NODES, ["there is no other node"]),
    ],
)  # fmt: skip
def test_what_no_other_node_takes_now(wanted: Service, leaving: list[SwarmNode], why: list[str] | None) -> None:
    tasks = [task(1), task(2, node="worker02")]
    assert confined([wanted], tasks, NODES, [node.id for node in leaving]) == ({"web": why} if why else {})


@pytest.mark.parametrize(
    ("seen", "found"),
    [
        (task(state="pending", node=""), True),
        (task(state="pending", desired="shutdown"), False),
        (task(state="assigned", desired="running"), False),
    ],
)
def test_what_waits_for_a_node(seen: Task, found: bool) -> None:
    assert bool(waiting([service()], [seen])) is found


def test_lines() -> None:
    assert lines({"web": ["a: down", "b: drained"], "api": ["c"]}) == "\n    web: a: down; b: drained\n    api: c"
