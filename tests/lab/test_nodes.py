"""`drain`, `activate`, `promote`, `demote`: true by the engine's word when the command returns."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from engine import Lab, get

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
    assert deployed.running("worker01"), "there is something to drain"
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

    deployed.inv("promote", "worker02")
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
