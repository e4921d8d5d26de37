from __future__ import annotations

from typing import Any

import pytest
from samples import host, manager, member

from swarmops import plan
from swarmops.errors import SwarmopsError
from swarmops.facts import Engine, SwarmNode
from swarmops.inventory import Role
from swarmops.inventory.schema import Network

NODES = (host("manager", Role.MANAGER), host("worker01"))
BOTH = {"manager": manager("manager"), "worker01": member("worker01")}


def swarm_state(state: str, node_id: str = "id-worker01") -> Engine:
    return Engine(node_id, state, control=False, version="26.1.5", error="")


@pytest.mark.parametrize(
    ("listed", "ids", "found"),
    [
        ([member("worker01")], {}, {"worker01": "id-worker01"}),
        ([member("other")], {}, {}),
        ([member("worker01", state="down")], {}, {}),
        ([member("worker01", state="down")], {"worker01": "id-worker01"}, {"worker01": "id-worker01"}),
        # A former life, and the present one.
        ([member("worker01", id="old", state="down"), member("worker01", id="new")], {}, {"worker01": "new"}),
        ([member("worker01", id="new"), member("worker01", id="old", state="down")], {}, {"worker01": "new"}),
        ([member("worker01", id="old"), member("worker01", id="new")], {"worker01": "new"}, {"worker01": "new"}),
        # A real host whose host name is another than the inventory's.
        ([member("vm-17", id="x")], {"worker01": "x"}, {"worker01": "x"}),
        ([member("worker01", id="old")], {"worker01": "not yet listed"}, {}),
        ([member("worker01")], {"worker01": ""}, {"worker01": "id-worker01"}),
    ],
)
def test_match(listed: list[SwarmNode], ids: dict[str, str], found: dict[str, str]) -> None:
    matched = plan.match(NODES, listed, ids)
    assert {name: node.id for name, node in matched.items()} == found


@pytest.mark.parametrize(
    ("members", "missing"),
    [
        (BOTH, ""),
        ({}, "manager is not in the swarm, worker01 is not in the swarm"),
        (BOTH | {"worker01": member("worker01", state="down")}, "worker01 is down"),
        (BOTH | {"manager": manager("manager", "unreachable")}, "manager is a manager that is unreachable"),
        # A worker in the inventory that is a manager now: its role is for later, its health is not.
        (BOTH | {"worker01": manager("worker01", "unknown")}, "worker01 is a manager that is unknown"),
        (BOTH | {"manager": member("manager")}, ""),
    ],
)
def test_not_ready(members: dict[str, SwarmNode], missing: str) -> None:
    assert plan.not_ready(NODES, members) == missing


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize(
    ("engine", "joins"),
    [
        (swarm_state("inactive", ""), True),
        (swarm_state("active"), False),
        (swarm_state("active", "id-manager"), False),
        (swarm_state("pending"), False),
    ],
)
def test_may_join(engine: Engine, joins: bool, own: bool) -> None:
    assert plan.may_join(NODES[1], engine, BOTH.values(), own=own) is joins


def test_a_node_of_another_swarm() -> None:
    engine = swarm_state("active", "stranger")
    assert plan.may_join(NODES[1], engine, BOTH.values(), own=True)
    with pytest.raises(SwarmopsError, match="worker01 is a member of another swarm") as error:
        plan.may_join(NODES[1], engine, BOTH.values(), own=False)
    assert "docker swarm leave --force on worker01" in error.value.remedy


def test_a_locked_node_is_not_taken_out_of_its_swarm() -> None:
    with pytest.raises(SwarmopsError, match="locked"):
        plan.may_join(NODES[1], swarm_state("locked", ""), BOTH.values(), own=True)


@pytest.mark.parametrize(
    ("stated", "present", "command"),
    [
        ({}, {}, None),
        ({}, {"labels": {"a": "1"}, "availability": "drain"}, None),
        ({"labels": {"a": "1"}}, {"labels": {"a": "1", "b": "2"}}, None),
        ({"availability": "active"}, {}, None),
        ({"labels": {"a": "1"}}, {}, "docker node update --label-add=a=1 id-worker01"),
        (
            {"labels": {"b": "2", "a": "1", "c": "3"}},
            {"labels": {"a": "0", "c": "3"}},
            "docker node update --label-add=a=1 --label-add=b=2 id-worker01",
        ),
        ({"availability": "drain"}, {}, "docker node update --availability=drain id-worker01"),
        (
            {"availability": "pause", "labels": {"a": "1"}},
            {"availability": "drain"},
            "docker node update --availability=pause --label-add=a=1 id-worker01",
        ),
    ],
)
def test_settings(stated: dict[str, Any], present: dict[str, Any], command: str | None) -> None:
    action = plan.settings(host("worker01", **stated), member("worker01", **present))
    assert (action and str(action.command)) == command


def test_an_action_says_what_and_why() -> None:
    action = plan.settings(host("worker01", availability="drain", labels={"b": "2", "a": "1"}), member("worker01"))
    assert action
    assert (action.node, action.what, action.reason) == ("worker01", "set a=1, b=2, drain", "the inventory states it")


def test_promotions_come_before_demotions() -> None:
    nodes = (host("a"), host("b", Role.MANAGER), host("c"), host("d", Role.MANAGER), host("e", Role.MANAGER))
    members = {
        "a": member("a", role="manager"),
        "b": member("b"),
        "c": member("c", role="manager"),
        "d": member("d"),
        "e": member("e", role="manager"),
    }
    assert plan.roles(nodes, members) == [
        ("b", Role.MANAGER),
        ("d", Role.MANAGER),
        ("a", Role.WORKER),
        ("c", Role.WORKER),
    ]


def test_roles_that_are_right() -> None:
    assert plan.roles(NODES, BOTH) == []


@pytest.mark.parametrize(
    ("old", "removed"),
    [
        (member("worker01", id="old", state="down"), True),
        (member("worker01", id="old"), False),
        (member("worker01", state="down"), False),  # the present one
        (member("foreign", id="old", state="down"), False),
        (manager("worker01", "unreachable", id="old", state="down"), False),
    ],
)
def test_former_lives(old: SwarmNode, removed: bool) -> None:
    actions = plan.former_lives(NODES, [*BOTH.values(), old], BOTH)
    assert [str(action.command) for action in actions] == (["docker node rm --force old"] if removed else [])


@pytest.mark.parametrize(
    ("wanted", "existing", "commands"),
    [
        ({}, [], []),
        ({"net": Network()}, ["net"], []),
        ({"net": Network()}, ["bridge"], ["docker network create --driver overlay --label=k=v net"]),
        (
            {"a": Network(attachable=True, encrypted=True, subnet="10.90.0.0/24"), "b": Network()},
            ["b"],
            ["docker network create --driver overlay --attachable --opt encrypted --subnet 10.90.0.0/24 --label=k=v a"],
        ),
    ],
)
def test_networks(wanted: dict[str, Network], existing: list[str], commands: list[str]) -> None:
    actions = plan.networks(wanted, [{"Name": name} for name in existing], {"k": "v"})
    assert [str(action.command) for action in actions] == commands


@pytest.mark.parametrize(
    ("attachable", "stated", "drifted"), [(True, True, 0), (False, False, 0), (True, False, 1), (False, True, 1)]
)
def test_network_drift(attachable: bool, stated: bool, drifted: int) -> None:
    existing = [{"Name": "net", "Attachable": attachable}, {"Name": "ingress", "Attachable": False}]
    notes = plan.network_drift({"net": Network(attachable=stated), "new": Network()}, existing)
    assert len(notes) == drifted
    assert all(note.startswith("network net is ") for note in notes)
