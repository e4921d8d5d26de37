"""Several nodes at once, what is refused, nothing stopped before it runs elsewhere, and nodes that leave the swarm."""

from __future__ import annotations

import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from engine import Lab, docker, eventually, get
from faults import ctrl_c, watched

from swarmops.quorum import even

HOST = "solo.example"
OPTIONS = ("--image", "echo", "--network", "localnet", "--timeout", "120")
NOTHING = "Nothing to change."


@pytest.fixture(autouse=True)
def as_before(deployed: Lab) -> Iterator[None]:
    """Whatever a test leaves behind, the next one finds the inventory's nodes, in their roles and active."""
    yield
    deployed.inv("up")
    deployed.inv("activate", "all")


@pytest.fixture
def service(deployed: Lab) -> Iterator[Callable[..., str]]:
    """`service("solo", "--constraint", …)`: a service of one replica, for the time of a test; where it runs."""
    made = []

    def make(name: str, *options: str) -> str:
        made.append(name)
        deployed.inv("service.create", name, *OPTIONS, *options)
        return str(deployed.tasks(name)[0]["Node"])

    yield make
    deployed.inv("service.rm", ",".join(made))


def standing(lab: Lab, on: str = "manager") -> dict[str, str]:
    """The managers and what they are, by the word of one of them."""
    return {
        name: node["ManagerStatus"]["Reachability"] for name, node in lab.nodes(on).items() if "ManagerStatus" in node
    }


def availability(lab: Lab) -> dict[str, str]:
    return {name: node["Spec"]["Availability"] for name, node in lab.nodes().items()}


def labels(lab: Lab, node: str) -> dict[str, str]:
    """What the operator has set of a node."""
    stated = lab.nodes()[node]["Spec"]["Labels"]
    return {key: value for key, value in stated.items() if not key.startswith("swarmops.")}


@contextmanager
def users(lab: Lab, host: str, look: Callable[[], Any]) -> Iterator[dict[str, list[Any]]]:
    """Somebody who asks for a host all the time, and somebody who looks: what they have seen by the end."""
    seen: dict[str, list[Any]] = {"answers": [], "looks": []}
    request, over = urllib.request.Request(lab.url(80), headers={"Host": host}), threading.Event()

    def repeat(what: Callable[[], Any], into: str) -> None:
        while not over.wait(0.02):
            seen[into].append(what())

    threads = [
        threading.Thread(target=repeat, args=(lambda: get(request).status, "answers")),
        threading.Thread(target=repeat, args=(look, "looks")),
    ]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        over.set()
        for thread in threads:
            thread.join()


def test_several_managers_one_of_which_is_lost(deployed: Lab) -> None:
    run = deployed.inv("promote", "worker01,worker02", "--batch", "2")
    three = dict.fromkeys(("manager", "worker01", "worker02"), "reachable")
    eventually(lambda: standing(deployed) == three, within=30, what="three managers that reach each other")
    assert run.out.count("the next inv up demotes it") == 2
    assert NOTHING in deployed.inv("promote", "worker01,worker02").out

    assert "are all the managers" in deployed.inv("demote", "managers,worker01,worker02", check=1).err
    docker("kill", deployed.container("worker02"))
    eventually(lambda: standing(deployed)["worker02"] == "unreachable", within=60, what="worker02 to be lost")
    eventually(lambda: deployed.nodes()["worker02"]["Status"]["State"] == "down", within=60, what="it to be down")
    text = "without worker01 1 of 2 managers are reachable, and a quorum takes 2"
    assert text in deployed.inv("demote", "worker01", check=1).err
    assert "worker01" in standing(deployed)

    run = deployed.inv("demote", "worker02")
    assert "worker02 is down" in run.out
    assert even(2) in run.out
    assert set(standing(deployed)) == {"manager", "worker01"}
    assert "worker02: down" in deployed.inv("promote", "worker02", check=1).err

    deployed.inv("demote", "manager")
    assert standing(deployed, on="worker01") == {"worker01": "reachable"}, "now the leader is another one"
    assert NOTHING in deployed.inv("demote", "manager").out

    assert "worker02 takes itself for a member" in deployed.inv("remove-node", "worker02").out
    assert "worker02" not in deployed.nodes(on="worker01")
    docker("start", deployed.container("worker02"))  # it looks for the swarm that has forgotten it
    deployed.inv("up", timeout=200)
    assert (standing(deployed), set(availability(deployed).values())) == ({"manager": "reachable"}, {"active"})
    assert deployed.nodes()["worker02"]["Status"]["State"] == "ready"


def test_labels(deployed: Lab) -> None:
    deployed.inv("label", "workers", "zone=z1", "disk=ssd")
    assert [labels(deployed, f"worker0{number}") for number in (1, 2, 3)] == [{"zone": "z1", "disk": "ssd"}] * 3
    assert NOTHING in deployed.inv("label", "workers", "zone=z1", "disk=ssd").out
    deployed.inv("label", "worker01,worker03", "zone=z2", "disk-", "gone-")
    assert labels(deployed, "worker01") == {"zone": "z2"}
    assert labels(deployed, "worker02") == {"zone": "z1", "disk": "ssd"}
    assert NOTHING in deployed.inv("up").out, "what the inventory does not state is left alone"
    deployed.inv("label", "workers", "zone-", "disk-")
    assert labels(deployed, "worker01") == {}

    message = deployed.inv("label", "worker01", "zone", "disk=", "disk-", check=2).err
    assert ("zone: neither name=value nor name-" in message, "disk: stated twice" in message) == (True, True)


def test_pause(deployed: Lab, service: Callable[..., str]) -> None:
    service("kept", "--constraint", "node.hostname==worker01")
    before = deployed.tasks("kept")[0]["ID"]
    deployed.inv("pause", "worker01,worker02")
    wanted = {"manager": "active", "worker01": "pause", "worker02": "pause", "worker03": "active"}
    assert availability(deployed) == wanted
    assert [task["ID"] for task in deployed.tasks("kept")] == [before]
    assert any(before in name for name in deployed.running("worker01"))
    assert NOTHING in deployed.inv("pause", "worker01,worker02").out


def test_what_nothing_else_may_run_is_not_emptied(deployed: Lab, service: Callable[..., str]) -> None:
    deployed.inv("label", "worker03", "only=here")
    service("bound", "--constraint", "node.labels.only==here")
    run = deployed.inv("drain", "worker02,worker03", check=1)
    assert "bound: manager, worker01: node.labels.only==here" in run.err
    assert set(availability(deployed).values()) == {"active"}, "nothing is changed by then"

    run = deployed.inv("drain", "worker03", "--force")
    assert "bound has no node to run on" in run.out
    assert (deployed.running("worker03"), deployed.tasks("bound")) == ([], [])
    assert NOTHING in deployed.inv("drain", "worker03").out
    deployed.inv("activate", "worker03")
    eventually(lambda: deployed.tasks("bound"), within=30, what="it to run again")
    deployed.inv("label", "worker03", "only-")


def test_what_finds_no_place_is_named(deployed: Lab, service: Callable[..., str]) -> None:
    at_most = ("--replicas-max-per-node", "1", "--constraint", "node.role==worker")
    service("wide", *at_most, "--replicas", "3")
    err = deployed.inv("drain", "worker01", check=1).err
    assert "worker02, worker03: has 1, at most 1 per node" in err
    assert deployed.running("worker01") == []


def test_start_first_never_leaves_a_service_without_a_task(deployed: Lab, service: Callable[..., str]) -> None:
    home = service("solo", "--env", "SERVICE_PORTS=8080", "--env", f"VIRTUAL_HOST={HOST}")
    drain = ("drain", home, "--start-first")
    before = deployed.services()["solo"]["Spec"]
    with users(deployed, HOST, lambda: len(deployed.tasks("solo"))) as seen:
        # Interrupted in the middle, it goes on.
        run = watched(deployed, *drain, reactions={"2 replicas for a while": ctrl_c})
        assert run.code == 1
        assert availability(deployed)[home] == "pause"
        run = deployed.inv(*drain)
    assert len(seen["answers"]) > 50
    assert set(seen["answers"]) == {200}
    assert (min(seen["looks"]), max(seen["looks"])) == (1, 2)
    assert "solo" in run.out
    assert deployed.running(home) == []
    assert deployed.services()["solo"]["Spec"] == before
    assert NOTHING in deployed.inv(*drain).out


def test_a_node_leaves_the_swarm_and_joins_again(deployed: Lab) -> None:
    run = watched(deployed, "remove-node", "worker03", reactions={"worker03 still has": ctrl_c})
    assert run.code == 1
    assert "worker03" in deployed.nodes()
    run = deployed.inv("remove-node", "worker03")
    assert "the next inv up has it join again" in run.out
    assert "worker03" not in deployed.nodes()
    assert deployed.node("worker03", "docker", "info", "-f", "{{.Swarm.LocalNodeState}}").out.strip() == "inactive"
    assert NOTHING in deployed.inv("remove-node", "worker03").out
    assert [len(deployed.tasks(name)) for name in ("echo_api", "echo_nginx")] == [3, 3]
    assert "last manager" in deployed.inv("remove-node", "managers", check=1).err
    deployed.inv("up")
    assert deployed.nodes()["worker03"]["Status"]["State"] == "ready"
