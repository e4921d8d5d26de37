"""What a drill takes and gives, and what is seen of a swarm meanwhile."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
from samples import manager, member, service, task

from swarmops import drill
from swarmops.cluster import Cluster
from swarmops.drill import DRILLS, Outcome
from swarmops.errors import InputError
from swarmops.facts import SwarmNode
from swarmops.inventory import load
from swarmops.ops.drills import run
from swarmops.ops.drills.eyes import Seen
from swarmops.ops.drills.ways import WAYS
from swarmops.report import Progress

HOSTS = """all:
  vars: {{cluster: two, transport: {transport}, subnet: 10.89.0.0/24}}
  children:
    managers: {{hosts: {{m1: {{ansible_host: 192.0.2.1, address: 10.89.0.11}}}}}}
    workers: {{hosts: {{w1: {{ansible_host: 192.0.2.2, address: 10.89.0.32}}}}}}
"""


def outcome(name: str = "worker-killed", **said: Any) -> Outcome:
    usual = {
        "drill": name, "did": "killed worker01", "detected": 15.04, "recovered": 18.0, "whole": 3.0,
        "sent": 900, "lost": 0, "sent_after": 250, "lost_after": 0,
    }  # fmt: skip
    return Outcome(**usual | said)


def swarm(*nodes: SwarmNode, tasks: tuple[Any, ...] = ()) -> Seen:
    return Seen(list(nodes), [service(2)], list(tasks))


def test_every_drill_can_be_carried_out() -> None:
    assert [one.name for one in DRILLS] == list(WAYS)


def test_a_name_that_is_unknown() -> None:
    assert drill.named("disk-full").workers == 2
    with pytest.raises(InputError, match=r"no drill disk-ful, did you mean disk-full\?"):
        drill.named("disk-ful")


@pytest.mark.parametrize(
    ("name", "managers", "workers", "text"),
    [
        ("worker-killed", 1, 2, ""),
        ("worker-killed", 3, 1, "worker-killed takes 2 workers"),
        ("leader-killed", 1, 3, "leader-killed takes 3 managers"),
        ("everything-restarted", 1, 0, ""),
    ],
)
def test_what_a_lab_lacks(name: str, managers: int, workers: int, text: str) -> None:
    assert drill.wanting(drill.named(name), managers, workers) == text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("quorum-lost-and-recovered", "quorum-lost-and-recovered takes 3 managers"),
        ("leader-killed", "leader-killed takes 3 managers"),
        ("disk-full", ""),
    ],
)
def test_what_a_swarm_lacks_whatever_the_inventory_says(name: str, text: str) -> None:
    demoted = swarm(LEADER, manager("m2"), member("m3"), member("worker01"))
    assert demoted.wanting(drill.named(name)) == text


def test_an_outcome_says_what_users_would_have_seen() -> None:
    assert outcome("leader-killed", lost=3, deployed=12.06).text().splitlines() == [
        "leader-killed: killed worker01",
        "  detected after     15.0 s",
        "  recovered after    18.0 s",
        "  new deploy after   12.1 s",
        "  whole again         3.0 s after it was mended",
        "  requests         3 of 900 lost; after recovery 0 of 250",
    ]


def test_medians_of_each_drill_and_the_sum_of_what_may_not_be() -> None:
    rounds = [outcome(detected=seconds, lost_after=1) for seconds in (14.0, 99.0, 15.0)]
    head, killed, leader = drill.medians([*rounds, outcome("leader-killed", deployed=12.0)]).splitlines()
    assert re.split("  +", head) == list(drill.HEAD)
    assert killed.split() == ["worker-killed", "3", "15.0", "18.0", "-", "3.0", "900", "0", "3"]
    assert leader.split()[4] == "12.0"


def test_what_was_lost_after_recovery_is_named() -> None:
    lost = drill.lost_after([outcome(lost=7), outcome("disk-full", lost_after=2)])
    assert lost == ["disk-full: 2 of 250 requests lost after recovery"]


def test_real_hosts_are_not_broken(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="real hosts: labs alone"):
        run.possible(cluster(tmp_path, "ssh"), DRILLS, skip=True)


def test_what_is_not_possible_is_left_out_or_refused(tmp_path: Path) -> None:
    small = cluster(tmp_path, "lab")
    assert [one.name for one in run.possible(small, DRILLS, skip=True)] == ["everything-restarted"]
    with pytest.raises(InputError, match="leader-killed takes 3 managers"):
        run.possible(small, [drill.named("leader-killed")], skip=False)


def cluster(folder: Path, transport: str) -> Cluster:
    file = folder / "inventory.yaml"
    file.write_text(HOSTS.format(transport=transport))
    return Cluster(load(file), Progress(io.StringIO()))


LEADER = manager("m1", leader=True)


@pytest.mark.parametrize(
    ("nodes", "gone", "text"),
    [
        ([LEADER, member("worker01")], [], ""),
        ([manager("m1")], [], "0 leaders"),
        ([LEADER, manager("m2", "unreachable")], [], "m2 is unreachable"),
        ([LEADER, member("worker01", state="unknown")], [], "worker01 is unknown"),
        ([LEADER, member("worker01"), member("worker02", state="down")], ["worker02"], ""),
    ],
)
def test_what_is_missing(nodes: list[SwarmNode], gone: list[str], text: str) -> None:
    tasks = (task(1), task(2)) if len(nodes) > 1 and nodes[1].hostname == "worker01" and nodes[1].ready else ()
    seen = Seen(nodes, [service(2)] if tasks else [], list(tasks))
    assert seen.missing(gone) == text


def test_what_runs_on_a_node_that_is_gone_is_missing() -> None:
    """Swarm itself may not know it yet."""
    seen = swarm(LEADER, member("worker01"), member("worker02"), tasks=(task(1), task(2, node="worker02")))
    assert seen.missing() == ""
    assert seen.missing(["worker02"]).startswith("web 1 of 2")


def test_the_worker_that_runs_most_is_hit() -> None:
    seen = swarm(LEADER, member("worker01"), member("worker02"), tasks=(task(1), task(2, node="worker02"), task(3)))
    assert WAYS["worker-killed"].choose(seen) == ["worker01"]


def test_managers_are_hit_beginning_with_the_leader() -> None:
    seen = swarm(manager("m1"), manager("m2", leader=True), manager("m3"), member("worker01"))
    assert WAYS["leader-killed"].choose(seen) == ["m2"]
    assert WAYS["quorum-lost-and-recovered"].choose(seen) == ["m2", "m1"]


def test_only_what_is_refused_from_now_on_tells_of_a_full_disk() -> None:
    told, nodes = WAYS["disk-full"].told, (LEADER, member("worker01"))
    old, new = task(1, "rejected"), task(1, "rejected", at=7)
    before = swarm(*nodes, tasks=(old,))
    assert not told(before, before, ["worker01"])
    assert told(swarm(*nodes, tasks=(old, new)), before, ["worker01"])
    assert not told(swarm(*nodes, tasks=(old, new)), before, ["m1"])
    assert not told(None, before, ["worker01"])
