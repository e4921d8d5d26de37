"""One node at a time: what a verb did is true by the engine's word when it returns. Several: test_node_verbs.py."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from engine import Lab, docker, eventually, get

WORKERS = ("worker01", "worker02", "worker03")


@pytest.fixture(autouse=True)
def as_before(deployed: Lab) -> Iterator[None]:
    """Whatever a test leaves behind, the next one finds three active workers."""
    yield
    deployed.inv("up")
    deployed.inv("activate", "workers")


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


def test_a_node_that_the_inventory_states_as_drained_is_emptied(deployed: Lab) -> None:
    deployed.node("manager", "docker", "node", "update", "--label-add", "rack=one", "worker01")
    image = deployed.services()["echo_nginx"]["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"]
    bound = ("--constraint", "node.labels.rack==one", "--endpoint-mode", "dnsrr", "--no-resolve-image")
    deployed.node("manager", "docker", "service", "create", "--name", "bound", *bound, image, "sleep", "86400")
    with deployed.changed():
        deployed.hosts("workers")["worker01"]["availability"] = "drain"
        deployed.save()
        planned = deployed.inv("plan", check=3).out
        assert "drain" in planned
        assert "bound will have no node to run on: " in planned
        assert "bound has no node to run on: " in deployed.inv("up").out
        assert deployed.running("worker01") == []
        for service in ("echo_api", "echo_nginx"):
            assert [task["Node"] in ("worker02", "worker03") for task in deployed.tasks(service)] == [True] * 3
        assert "Nothing to change." in deployed.inv("up").out
        deployed.inv("plan")
    deployed.node("manager", "docker", "service", "rm", "bound")
    deployed.node("manager", "docker", "node", "update", "--label-rm", "rack", "worker01")


def test_a_deadline_passed_says_what_is_missing(deployed: Lab) -> None:
    """The engine of the node is frozen: what runs there is not seen to end."""
    busy = next(name for name in WORKERS if deployed.running(name))
    docker("pause", deployed.container(busy))
    try:
        late = deployed.inv("drain", busy, "--timeout", "3", check=5)
        assert f"not done within 3 s: {busy} still has " in late.err
    finally:
        docker("unpause", deployed.container(busy))
    eventually(lambda: deployed.nodes()[busy]["Status"]["State"] == "ready", within=60, what=f"{busy} is back")


def test_promote_and_demote(deployed: Lab) -> None:
    run = deployed.inv("promote", "worker02")
    both = {"manager": "reachable", "worker02": "reachable"}
    eventually(lambda: managers(deployed) == both, within=30, what="two managers that reach each other")
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


def test_an_unknown_node_is_bad_input(deployed: Lab) -> None:
    for verb in ("promote", "demote", "drain", "activate", "pause", "remove-node"):
        assert "did you mean worker02?" in deployed.inv(verb, "worker2", check=2).err


def test_an_extra_manager_joins_and_a_worker_becomes_one(deployed: Lab) -> None:
    """A host that is new to the inventory joins; one that moves to the managers is promoted; and both go back."""
    before, untouched = deployed.lives(), deployed.container("worker01")
    with deployed.changed():
        deployed.hosts("managers")["manager02"] = {"address": deployed.address(50)}
        deployed.hosts("managers")["worker03"] = {"address": deployed.address(34)}
        del deployed.hosts("workers")["worker03"]
        deployed.save()
        deployed.inv("up", timeout=200)
        # Right after it became one, a manager may be taken for lost for a moment where the machine is busy.
        three = dict.fromkeys(("manager", "manager02", "worker03"), "reachable")
        eventually(lambda: managers(deployed) == three, within=30, what="three managers that reach each other")
        assert deployed.nodes()["manager02"]["Status"]["State"] == "ready"
        assert "Nothing to change." in deployed.inv("up").out
    deployed.inv("up", timeout=200)
    assert set(deployed.nodes()) == {"manager", *WORKERS}
    assert managers(deployed) == {"manager": "reachable"}
    assert not has_control(deployed, "worker03")
    assert deployed.lives()[untouched] == before[untouched], "what has not changed is left alone"


def test_a_promotion_by_hand_is_put_back(deployed: Lab) -> None:
    deployed.node("manager", "docker", "node", "promote", "worker01")
    run = deployed.inv("up")
    assert "worker01: demote to worker" in run.text
    assert set(managers(deployed)) == {"manager"}
