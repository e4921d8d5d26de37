"""Every drill once: what it reports, and by the engines' word that everything is as before."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from engine import Lab, docker, get
from faults import ctrl_c, watched

RULES = ("iptables", "-t", "mangle", "-S")
CUT = ("iptables", "-t", "mangle", "-I", "POSTROUTING", "-o", "eth0", "-j", "DROP")


@pytest.fixture(scope="module")
def drilled(ha: Lab) -> Iterator[Lab]:
    """Three managers and two workers, the echo stack behind the ingress; a worker that says nothing is down sooner."""
    with ha.changed():
        set_heartbeat(ha, "3s")
        for image in ("echo", "nginx", "haproxy"):
            ha.inv("push", image, timeout=600)
        for stack in ("echo", "ingress"):
            ha.inv("deploy", stack)
        yield ha
        set_heartbeat(ha, "5s")


def set_heartbeat(lab: Lab, seconds: str) -> None:
    lab.vars["swarm"] = {"heartbeat": seconds}
    lab.save()
    lab.inv("up")


def everybody(lab: Lab) -> list[str]:
    return [*lab.hosts("managers"), *lab.hosts("workers")]


def down(lab: Lab) -> list[str]:
    return [name for name, node in lab.nodes().items() if node["Status"]["State"] != "ready"]


def is_as_before(lab: Lab) -> None:
    """Nothing of a drill is left, and everything runs."""
    states = {name: one["State"] for name, one in lab.containers().items()}
    assert {name: state["Status"] for name, state in states.items()} == dict.fromkeys(states, "running")
    assert down(lab) == []
    assert sum((node.get("ManagerStatus") or {}).get("Leader", False) for node in lab.nodes().values()) == 1
    assert {name: len(lab.tasks(name)) for name in lab.services()} == {
        "echo_api": 3, "echo_nginx": 3, "ingress_haproxy": 3, "ingress_config": 1,
    }  # fmt: skip
    for name in everybody(lab):
        assert "DROP" not in lab.node(name, *RULES).out
        assert "layerdb" not in lab.node(name, "cat", "/proc/mounts").out
    assert get(lab.url(80)).text == "Hello Docker!!\n"


LOSSES = {"worker-killed": 0.0, "disk-full": 0.1}
"""Which part of the requests these may lose: a full disk ends half of the replicas at once, and cost 60 once."""
DRILLS = [
    "worker-killed", "leader-killed", "engine-frozen", "node-cut-off", "disk-full", "quorum-lost-and-recovered",
    "everything-restarted",
]  # fmt: skip


@pytest.mark.parametrize("name", DRILLS)
def test_a_drill(drilled: Lab, name: str) -> None:
    before = {one["Id"] for one in drilled.containers().values()}
    out = drilled.inv("drill", name, "--rate", "30", timeout=230).out
    figures = {label: float(seconds) for label, seconds in re.findall(r"^  (\w.*?) after +([0-9.]+) s", out, re.M)}
    assert 0 < figures["detected"] < figures["recovered"]
    assert ("new deploy" in figures) == (name == "leader-killed")
    lost, sent, after = map(int, re.search(r"(\d+) of (\d+) lost; after recovery (\d+) of", out).groups())  # type: ignore[union-attr]
    assert after == 0
    assert sent > 30 * figures["recovered"] * 0.9
    assert lost <= LOSSES.get(name, 1) * sent, out
    is_as_before(drilled)
    if name != "quorum-lost-and-recovered":
        assert {one["Id"] for one in drilled.containers().values()} == before


def test_ctrl_c_mends_what_was_done_and_what_was_left(drilled: Lab) -> None:
    """A drill that was killed has left a frozen worker and one that is cut off."""
    docker("pause", drilled.container("worker02"))
    drilled.node("worker01", *CUT)
    run = watched(drilled, "drill", "engine-frozen", reactions={"froze": ctrl_c})
    assert run.code == 1
    assert "interrupted" in run.err
    is_as_before(drilled)
