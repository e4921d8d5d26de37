"""`drain`, `activate`, `promote`, `demote`: true by the engine's word when the command returns."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from engine import Lab, docker, eventually, get

WORKERS = ("worker01", "worker02", "worker03")


@pytest.fixture(autouse=True)
def as_before(deployed: Lab) -> Iterator[None]:
    """Whatever a test leaves behind, the next one finds three active workers."""
    yield
    for name in WORKERS:
        deployed.node("manager", "docker", "node", "update", "--availability", "active", "--role", "worker", name)


def managers(lab: Lab) -> dict[str, str]:
    return {
        name: node["ManagerStatus"]["Reachability"] for name, node in lab.nodes().items() if node.get("ManagerStatus")
    }


def has_control(lab: Lab, node: str) -> bool:
    """What the node itself says: only a manager answers for the swarm."""
    return lab.node(node, "docker", "info", "--format", "{{.Swarm.ControlAvailable}}").out.strip() == "true"


def test_drain_empties_a_node_and_activate_opens_it(deployed: Lab) -> None:
    eventually(lambda: deployed.running("worker01"), within=20, what="there is something to drain")
    eventually(lambda: get(deployed.url(80)).status == 200, within=20, what="the ingress answers before the drain")
    deployed.inv("drain", "worker01")
    assert deployed.running("worker01") == []
    assert deployed.nodes()["worker01"]["Spec"]["Availability"] == "drain"
    for service in ("echo_api", "echo_nginx"):
        assert [task["Node"] in ("worker02", "worker03") for task in deployed.tasks(service)] == [True] * 3
    assert get(deployed.url(80)).status == 200
    assert "Nothing to change." in deployed.inv("drain", "worker01").out
    deployed.inv("activate", "worker01")
    assert deployed.nodes()["worker01"]["Spec"]["Availability"] == "active"
    assert "Nothing to change." in deployed.inv("activate", "worker01").out


def test_promote_and_demote(deployed: Lab) -> None:
    run = deployed.inv("promote", "worker02")
    assert managers(deployed) == {"manager": "reachable", "worker02": "reachable"}
    assert has_control(deployed, "worker02")
    assert "the next inv up demotes it" in run.out
    assert "Nothing to change." in deployed.inv("promote", "worker02").out

    deployed.inv("up")
    assert set(managers(deployed)) == {"manager"}
    assert not has_control(deployed, "worker02")

    # A node that does not have its certificate as a worker yet takes 32 s to become a manager again.
    deployed.inv("promote", "worker02", "--timeout", "25")
    deployed.inv("demote", "worker02")
    assert set(managers(deployed)) == {"manager"}
    assert not has_control(deployed, "worker02")
    assert deployed.nodes()["worker02"]["Spec"]["Role"] == "worker"


def test_the_last_manager_is_not_demoted(deployed: Lab) -> None:
    before = deployed.nodes()["manager"]
    run = deployed.inv("demote", "manager", check=1)
    assert "last manager" in run.err
    after = deployed.nodes()["manager"]
    assert (after["Version"], after["ManagerStatus"]) == (before["Version"], before["ManagerStatus"])


@pytest.mark.parametrize("verb", ["promote", "demote", "drain", "activate"])
def test_an_unknown_node_is_bad_input(deployed: Lab, verb: str) -> None:
    assert "worker02" in deployed.inv(verb, "worker2", check=2).err


def test_an_extra_manager_joins_and_a_worker_becomes_one(deployed: Lab) -> None:
    """A host that is new to the inventory joins; one that moves to the managers is promoted, and demoted again."""
    before, first = deployed.lives(), deployed.container("manager")
    with deployed.changed():
        deployed.hosts("managers")["manager02"] = {"address": deployed.address(50)}
        deployed.hosts("managers")["worker03"] = {"address": deployed.address(34)}
        del deployed.hosts("workers")["worker03"]
        deployed.save()
        deployed.inv("up")
        assert managers(deployed) == dict.fromkeys(("manager", "manager02", "worker03"), "reachable")
        assert deployed.nodes()["manager02"]["Status"]["State"] == "ready"
        assert "Nothing to change." in deployed.inv("up").out
        assert deployed.lives()[first] == before[first], "what has not changed is left alone"

        # Back again while there are three: a node that changes its group is made anew.
        deployed.hosts("workers")["worker03"] = {}
        del deployed.hosts("managers")["worker03"]
        deployed.save()
        deployed.inv("up")
        assert set(managers(deployed)) == {"manager", "manager02"}
        deployed.inv("demote", "manager02")
        assert not has_control(deployed, "manager02")
        deployed.node("manager", "docker", "node", "rm", "--force", "manager02")
        docker("rm", "--force", deployed.container("manager02"))
        docker("volume", "rm", deployed.container("manager02"))
    deployed.inv("up")
    assert set(deployed.nodes()) == {"manager", *WORKERS}
    assert set(managers(deployed)) == {"manager"}


def test_a_promotion_by_hand_is_put_back(deployed: Lab) -> None:
    deployed.node("manager", "docker", "node", "promote", "worker01")
    run = deployed.inv("up")
    assert "worker01: demote to worker" in run.text
    assert set(managers(deployed)) == {"manager"}
