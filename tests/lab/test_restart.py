"""Nodes that were stopped or killed: `up` brings them back as what they were.

These tests come before those that promote nodes: the one manager of a swarm that has had others elects itself only
10 to 20 s after its start.
"""

from __future__ import annotations

import pytest
from engine import Lab, docker, eventually, get


def cluster_id(lab: Lab) -> str:
    return lab.node("manager", "docker", "info", "--format", "{{.Swarm.Cluster.ID}}").out.strip()


def addresses(lab: Lab) -> dict[str, str]:
    return {
        name: one["NetworkSettings"]["Networks"][lab.cluster]["IPAddress"] for name, one in lab.containers().items()
    }


def node_ids(lab: Lab) -> dict[str, str]:
    return {name: node["ID"] for name, node in lab.nodes().items()}


def ids(lab: Lab) -> dict[str, str]:
    return {name: one["Id"] for name, one in lab.containers().items()}


def greets(lab: Lab) -> bool:
    return get(lab.url(80)).text.strip() == "Hello Docker!!"


def all_run(lab: Lab) -> bool:
    return [len(lab.tasks(service)) for service in ("echo_api", "echo_nginx", "ingress_haproxy")] == [3, 3, 1]


@pytest.mark.parametrize("verb", ["kill", "stop"])
def test_up_repairs_a_worker(deployed: Lab, verb: str) -> None:
    before, lives = node_ids(deployed), {name: one["Id"] for name, one in deployed.containers().items()}
    docker(verb, deployed.container("worker03"))
    run = deployed.inv("up")
    assert "worker03: started" in run.text or "worker03  ok=1  changed=1" in run.text
    nodes = deployed.nodes()
    assert {node["Status"]["State"] for node in nodes.values()} == {"ready"}
    assert node_ids(deployed) == before, "it is the same member"
    assert {name: one["Id"] for name, one in deployed.containers().items()} == lives, "nothing is made anew"
    assert "Nothing to change." in deployed.inv("up").out


def test_all_nodes_stopped_come_back_as_the_same_swarm(deployed: Lab) -> None:
    before = (cluster_id(deployed), addresses(deployed), node_ids(deployed))
    docker("stop", *deployed.containers())
    deployed.inv("up")
    assert (cluster_id(deployed), addresses(deployed), node_ids(deployed)) == before
    eventually(lambda: all_run(deployed), within=60, what="the services' tasks run again")
    eventually(lambda: greets(deployed), within=60, what="the ingress passes requests on again")


def test_stop_and_start(deployed: Lab) -> None:
    """Everything is as it was when start says so."""
    before, made = (cluster_id(deployed), addresses(deployed), node_ids(deployed)), ids(deployed)
    deployed.inv("stop")
    assert {one["State"]["Status"] for one in deployed.containers().values()} == {"exited"}
    assert "Nothing to change." in deployed.inv("stop").out
    deployed.inv("start", timeout=190)
    assert all_run(deployed)
    assert (cluster_id(deployed), addresses(deployed), node_ids(deployed)) == before
    assert ids(deployed) == made
    eventually(lambda: greets(deployed), within=60, what="the ingress passes requests on again")
    assert "Nothing to change." in deployed.inv("start").out


def test_start_after_everything_was_killed_or_frozen(deployed: Lab) -> None:
    """As a crash of the machine leaves it; one container was frozen and is thawed."""
    frozen, *killed = deployed.containers()
    docker("kill", *killed)
    docker("pause", frozen)
    deployed.inv("start", timeout=190)
    assert all_run(deployed)
    eventually(lambda: greets(deployed), within=60, what="the ingress passes requests on again")


def test_a_frozen_node_is_thawed_by_up(deployed: Lab) -> None:
    docker("pause", deployed.container("worker01"))
    assert deployed.inv("up").out.splitlines().count("worker01  ok=1  changed=1  failed=0") == 1
    assert {node["Status"]["State"] for node in deployed.nodes().values()} == {"ready"}


def test_start_makes_no_containers(deployed: Lab) -> None:
    with deployed.changed():
        deployed.hosts("workers")["worker09"] = {}
        deployed.save()
        assert "no container for worker09" in deployed.inv("start", check=1).err
