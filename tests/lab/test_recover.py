"""The quorum is lost: the manager that knows most is found, the swarm rebuilt from it, and everybody is back."""

from __future__ import annotations

import signal

from engine import Lab, docker, eventually


def managers(lab: Lab, on: str) -> dict[str, str]:
    """The managers and whether they are reached."""
    nodes = lab.nodes(on)
    return {name: node["ManagerStatus"]["Reachability"] for name, node in nodes.items() if "ManagerStatus" in node}


def test_nothing_is_recovered_where_there_is_a_leader(ha: Lab) -> None:
    before = {name: node["ID"] for name, node in ha.nodes().items()}
    assert "Nothing to change." in ha.inv("swarm.recover", "--yes").out
    assert {name: node["ID"] for name, node in ha.nodes().items()} == before


def test_a_lost_quorum_is_rebuilt_from_the_manager_that_knows_most(ha: Lab) -> None:
    """Of four managers one lags behind, one is lost with all that it had, one is down, and the last has restarted."""
    ha.inv("promote", "worker01")
    ha.inv("label", "manager02", "color=red")
    ha.inv("pause", "manager03")
    before = {name: node["ID"] for name, node in ha.nodes("worker01").items()}
    docker("pause", ha.container("manager02"))
    ha.node("worker01", "sh", "-c", "for i in 1 2 3 4; do echo $i | docker config create late$i -; done")
    docker("kill", ha.container("manager01"), ha.container("manager03"))
    docker("unpause", ha.container("manager02"))
    docker("rm", "--force", ha.container("manager03"))
    docker("volume", "rm", ha.container("manager03"))

    # An engine writes down that something was agreed upon with what comes next: the last config may be lost by this.
    docker("restart", "--time", "1", ha.container("worker01"))
    looking = ("docker", "info", "--format", "{{.Swarm.LocalNodeState}} {{.Swarm.ControlAvailable}}")
    eventually(lambda: ha.node("worker01", *looking, check=False).out == "pending true\n", within=60, what="it is back")

    asked = ha.inv("swarm.recover", check=3)
    assert "2 of 4 managers answer, and a quorum takes 3" in asked.err
    assert "A new swarm would be made of what worker01 has" in asked.err
    assert "inv up, which starts managers again without a loss" in asked.err
    assert not ha.is_up("manager01"), "nothing was changed"

    signal.alarm(330)
    ha.inv("swarm.recover", "--yes", timeout=300)
    after = ha.nodes("manager01")
    three = dict.fromkeys(("manager01", "manager02", "manager03"), "reachable")
    eventually(lambda: managers(ha, "manager01") == three, within=30, what="three managers that reach each other")
    assert {name for name, node in after.items() if node["Status"]["State"] == "ready"} == before.keys()
    assert len(after) == len(ha.ask("node", "ls", on="manager01")), "no entry of a former life is left"
    kept = {name: after[name]["ID"] for name in before.keys() - {"manager03"}}
    assert kept == {name: before[name] for name in kept}, "who had its state is the member that it was"
    assert after["manager02"]["Spec"]["Labels"]["color"] == "red"
    assert after["manager03"]["Spec"]["Availability"] == "pause"
    configs = [config["Name"] for config in ha.ask("config", "ls", on="manager01")]
    assert {"late1", "late2", "late3"} <= set(configs), "what the majority had agreed upon is there"

    ha.node("manager01", "docker", "config", "rm", *(name for name in configs if name.startswith("late")))
    ha.inv("activate", "manager03")
    ha.inv("label", "manager02", "color-")
    assert "Nothing to change." in ha.inv("up").out
