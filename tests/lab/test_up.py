"""`up`: the swarm that the inventory states, and nothing else changed."""

from __future__ import annotations

import json
from typing import Any

import yaml
from engine import Lab

STATED = {"manager": "manager", "worker01": "worker", "worker02": "worker", "worker03": "worker"}


def versions(lab: Lab) -> dict[str, Any]:
    """What changes when anything is changed: containers, and the indexes of nodes and services."""
    return {
        "containers": lab.lives(),
        "nodes": {name: (node["ID"], node["Version"]["Index"]) for name, node in lab.nodes().items()},
        "services": {name: service["Version"]["Index"] for name, service in lab.services().items()},
    }


def test_every_node_is_ready_and_in_its_role(lab: Lab) -> None:
    nodes = lab.nodes()
    assert {name: node["Spec"]["Role"] for name, node in nodes.items()} == STATED
    assert {node["Status"]["State"] for node in nodes.values()} == {"ready"}
    assert {node["Spec"]["Availability"] for node in nodes.values()} == {"active"}
    assert nodes["manager"]["ManagerStatus"]["Leader"]


def test_addresses_and_names_are_the_inventorys(lab: Lab) -> None:
    addresses = {name: node["Status"]["Addr"] for name, node in lab.nodes().items() if name != "manager"}
    assert addresses == {f"worker0{i}": lab.address(31 + i) for i in (1, 2, 3)}
    assert lab.nodes()["manager"]["ManagerStatus"]["Addr"] == f"{lab.address(11)}:2377"
    assert set(lab.containers()) == {lab.container(name) for name in ("registry", *STATED)}


def test_ports_are_bound_to_loopback(lab: Lab) -> None:
    bindings = [
        binding["HostIp"]
        for one in lab.containers().values()
        for port in one["HostConfig"]["PortBindings"].values()
        for binding in port
    ]
    assert bindings == ["127.0.0.1"] * 3


def test_the_network_of_the_inventory_is_there(lab: Lab) -> None:
    network = json.loads(lab.node("manager", "docker", "network", "inspect", "localnet").out)[0]
    assert (network["Driver"], network["Scope"], network["Attachable"]) == ("overlay", "swarm", True)


def test_up_again_changes_nothing(lab: Lab) -> None:
    before = versions(lab)
    run = lab.inv("up")
    assert "Nothing to change." in run.out
    assert "changed=0" in run.out
    assert versions(lab) == before


def test_labels_and_availability_are_applied_and_drift_is_put_back(lab: Lab) -> None:
    with lab.changed():
        lab.hosts("workers")["worker01"].update(labels={"region": "east"}, availability="pause")
        lab.save()
        lab.inv("up")
        stated = lab.nodes()["worker01"]["Spec"]
        mark = {"swarmops.node": "worker01", "swarmops.address": lab.address(32)}
        assert (stated["Labels"], stated["Availability"]) == ({"region": "east", **mark}, "pause")

        drift = ("--label-add", "region=west", "--label-add", "own=kept", "--availability", "drain", "worker01")
        lab.node("manager", "docker", "node", "update", *drift)
        run = lab.inv("up")
        assert "Nothing to change." not in run.out
        put_back = lab.nodes()["worker01"]["Spec"]
        assert put_back["Labels"] == {"region": "east", "own": "kept", **mark}, "what is not stated is left alone"
        assert put_back["Availability"] == "pause"

    # The inventory says nothing of it any more, so it stays as it is.
    assert "Nothing to change." in lab.inv("up").out
    lab.node("manager", "docker", "node", "update", "--label-rm", "region", "--label-rm", "own", "worker01")
    lab.inv("activate", "worker01")
    assert lab.nodes()["worker01"]["Spec"]["Availability"] == "active"


def test_render_writes_what_check_says(lab: Lab) -> None:
    lab.inv("render")
    lab.inv("render", "--check")
    compose = lab.folder / "stack" / lab.cluster / "compose.yml"
    assert set(yaml.safe_load(compose.read_text())["services"]) == {"registry", *STATED}
    stack = lab.folder / "stack" / lab.cluster / "echo.yml"
    before = stack.read_text()
    stack.write_text(before + "# by hand\n")
    run = lab.inv("render", "--check", check=3)
    assert "echo.yml" in run.err
    assert stack.read_text() != before, "--check writes nothing"
    lab.inv("render")
    assert stack.read_text() == before
    assert lab.node("manager", "cat", "/stack/echo.yml").out == before, "the managers see what was rendered"
