"""`plan` and `up`: what the one shows the other does, and nothing else; every setting plan, up, up, plan."""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from engine import REPOSITORY, Lab, Run, docker, eventually
from faults import ctrl_c, watched

SECOND = 10**9
NOTHING: dict[str, Any] = {"actions": [], "deploys": [], "waits": [], "notes": []}
POOL = {"address_pools": ["10.88.0.0/16"], "subnet_size": 26, "data_path_port": 5789}


@pytest.fixture(scope="module")
def planned(make_lab: Callable[..., Lab]) -> Iterator[Lab]:
    """One manager and one worker, not up; no stacks."""
    lab = make_lab("swp", "10.91.0.0/24", (15700, 18700, 19700), workers=1)
    lab.vars.update(stacks={}, networks={})
    lab.save()
    yield lab
    lab.destroy()


def plan(lab: Lab, *args: str) -> dict[str, Any]:
    """What `plan` says; its exit code is that of what it says."""
    run = lab.inv("plan", "--json", *args, check=None)
    said: dict[str, Any] = json.loads(run.out)
    assert run.code == (3 if said["actions"] or said["deploys"] or said["waits"] else 0), run.text
    return said


def lines(said: dict[str, Any]) -> list[str]:
    return [f"{action['node']}: {action['action']}" for action in said["actions"]]


def four_ways(lab: Lab, *args: str) -> list[str]:
    """plan, up, up again, plan: `up` does what was planned, then nothing is left. The lines of the plan."""
    lab.save()
    wanted = lines(plan(lab, *args))
    check_done(lab.inv("up", *args, timeout=600), wanted)
    assert "Nothing to change." in lab.inv("up", *args).out
    assert lines(plan(lab, *args)) == []
    return wanted


def check_done(run: Run, wanted: list[str]) -> None:
    """That `up` did these things and no others."""
    told = re.findall(r"^ *[0-9.]+s ([a-z0-9]+: .*)$", run.err, re.MULTILINE)
    assert set(wanted) <= set(told), run.err
    changed = {name: int(count) for name, count in re.findall(r"^(\S+) +ok=\d+ +changed=(\d+)", run.out, re.MULTILINE)}
    assert {name: count for name, count in changed.items() if count} == Counter(
        line.partition(":")[0] for line in wanted
    )


def spec(lab: Lab, name: str) -> dict[str, Any]:
    found = lab.nodes()[name]["Spec"]
    return found | {"Labels": {key: value for key, value in found["Labels"].items() if not key.startswith("swarmops.")}}


def swarm(lab: Lab) -> dict[str, Any]:
    """What the engine says of the swarm."""
    found: dict[str, Any] = json.loads(
        lab.node(lab.manager, "docker", "info", "--format", "{{json .Swarm.Cluster}}").out
    )
    return found


def network(lab: Lab, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(lab.node(lab.manager, "docker", "network", "inspect", name).out)[0]
    return found


def test_a_lab_that_is_not_there(planned: Lab) -> None:
    planned.vars["swarm"] = {"task_history": 3, **POOL}
    planned.hosts("workers")["worker01"] = {"labels": {"region": "east"}}
    planned.save()
    said = plan(planned)
    assert planned.remains() == [], "plan changes nothing"
    assert {(one["action"], one["known_after"]) for one in said["actions"] if one["node"] == "worker01"} == {
        ("start the container", ""), ("join as worker", "start"), ("set region=east", "init")
    }  # fmt: skip
    wanted = four_ways(planned)
    assert len(wanted) == 6
    assert {name: node["Spec"]["Labels"] for name, node in planned.nodes().items()} == {
        "manager": {"swarmops.node": "manager"},
        "worker01": {"swarmops.node": "worker01", "swarmops.address": planned.address(32), "region": "east"},
    }
    made = swarm(planned)
    assert (made["DefaultAddrPool"], made["SubnetSize"], made["DataPathPort"]) == (["10.88.0.0/16"], 26, 5789)
    assert made["Spec"]["Orchestration"]["TaskHistoryRetentionLimit"] == 3


def test_settings_of_the_swarm(planned: Lab) -> None:
    planned.vars["swarm"] = {
        "task_history": 7, "heartbeat": "9s", "cert_expiry": "30d",
        "autolock": True, "unlock_key": {"file": "unlock.key"},
    }  # fmt: skip
    assert four_ways(planned) == [
        "cluster: set task_history to 7",
        "cluster: set heartbeat to 9s",
        "cluster: set cert_expiry to 30d",
        "cluster: turn autolock on",
    ]
    stated = swarm(planned)["Spec"]
    assert stated["Orchestration"]["TaskHistoryRetentionLimit"] == 7
    assert stated["Dispatcher"]["HeartbeatPeriod"] == 9 * SECOND
    assert stated["CAConfig"]["NodeCertExpiry"] == 30 * 24 * 3600 * SECOND
    assert stated["EncryptionConfig"]["AutoLockManagers"]
    key = planned.folder / "unlock.key"
    assert (key.stat().st_mode & 0o777, key.read_text()[:9]) == (0o600, "SWMKEY-1-")

    docker("restart", planned.container("manager"))
    eventually(lambda: state(planned, "manager") == "locked", within=30, what="its engine answers")
    wanted = lines(plan(planned))
    assert wanted == ["manager: unlock"]
    check_done(planned.inv("up"), wanted)

    planned.vars["swarm"] = {"autolock": False}
    assert four_ways(planned) == ["cluster: turn autolock off"]
    assert not swarm(planned)["Spec"]["EncryptionConfig"].get("AutoLockManagers")


def test_what_only_a_new_swarm_gets_is_said(planned: Lab) -> None:
    planned.vars["swarm"] = POOL | {"subnet_size": 24}
    planned.save()
    said = plan(planned)
    assert said["actions"] == []
    note = "The swarm has subnet_size 26, the inventory 24: a swarm gets it when it is made, and keeps it."
    assert said["notes"] == [note]
    run = planned.inv("up")
    assert note in run.out
    assert "Nothing to change." in run.out
    del planned.vars["swarm"]


def test_labels_and_availability(planned: Lab) -> None:
    planned.hosts("workers")["worker01"] = {"labels": {"region": "west", "zone": "a"}, "availability": "pause"}
    assert four_ways(planned) == ["worker01: set region=west, zone=a, pause"]
    assert spec(planned, "worker01") == {
        "Labels": {"region": "west", "zone": "a"}, "Availability": "pause", "Role": "worker"
    }  # fmt: skip
    planned.hosts("workers")["worker01"] = {"availability": "active"}
    assert four_ways(planned) == ["worker01: set active"]


def test_networks_and_their_options(planned: Lab) -> None:
    planned.vars["networks"] = {"plain": {}, "wide": {"attachable": True, "subnet": "10.87.0.0/24"}}
    assert four_ways(planned) == ["cluster: create network plain", "cluster: create network wide"]
    assert (network(planned, "wide")["Attachable"], network(planned, "plain")["Attachable"]) == (True, False)
    assert network(planned, "wide")["IPAM"]["Config"][0]["Subnet"] == "10.87.0.0/24"

    planned.vars["networks"] = {"plain": {"attachable": True, "encrypted": True}, "wide": {"subnet": "10.86.0.0/24"}}
    assert four_ways(planned) == ["cluster: make network plain anew", "cluster: make network wide anew"]
    now = network(planned, "plain")
    assert (now["Attachable"], "encrypted" in now["Options"]) == (True, True)
    now = network(planned, "wide")
    assert (now["Attachable"], now["IPAM"]["Config"][0]["Subnet"]) == (False, "10.86.0.0/24")


def test_a_network_in_use_is_left_and_said(planned: Lab) -> None:
    before = network(planned, "wide")["Id"]
    service = ("--name", "user", "--replicas", "0", "--network", "wide", "--endpoint-mode", "dnsrr", "nothing:1")
    planned.node("manager", "docker", "service", "create", "--no-resolve-image", "--detach", *service)
    planned.vars["networks"] = {"wide": {"attachable": True, "subnet": "10.86.0.0/24"}}
    planned.save()
    said = plan(planned)
    assert said == NOTHING | {
        "notes": ["Network wide: attachable is no, not yes. It stays as it is while user uses it."]
    }
    run = planned.inv("up")
    assert said["notes"][0] in run.out
    assert network(planned, "wide")["Id"] == before

    planned.node("manager", "docker", "service", "rm", "user")
    assert four_ways(planned) == ["cluster: make network wide anew"]
    assert network(planned, "wide")["Attachable"]


def test_what_somebody_did_by_hand_is_put_back(planned: Lab) -> None:
    planned.vars.update(swarm={"heartbeat": "5s"}, networks={"wide": {"attachable": True}})
    planned.hosts("workers")["worker01"] = {"labels": {"region": "east"}, "availability": "active"}
    four_ways(planned)
    for command in (
        "node update --label-add region=west --label-add own=kept --availability drain worker01",
        "node promote worker01",
        "swarm update --dispatcher-heartbeat 30s",
        "network rm wide",
    ):
        planned.node("manager", "docker", *command.split())
    eventually(lambda: reachability(planned, "worker01") == "reachable", within=30, what="worker01 to be a manager")
    assert four_ways(planned) == [
        "worker01: demote to worker",
        "worker01: set region=east, active",
        "cluster: set heartbeat to 5s",
        "cluster: create network wide",
    ]
    assert spec(planned, "worker01") == {
        "Labels": {"region": "east", "zone": "a", "own": "kept"}, "Availability": "active", "Role": "worker"
    }  # fmt: skip


def test_a_limit(planned: Lab) -> None:
    planned.vars["swarm"] = {"heartbeat": "4s"}
    planned.hosts("managers")["manager"]["labels"] = {"rack": "1"}
    planned.hosts("workers")["worker01"]["labels"] = {"rack": "2"}
    assert four_ways(planned, "--limit", "worker01") == ["worker01: set rack=2"]
    assert "rack" not in spec(planned, "manager")["Labels"]
    assert four_ways(planned, "--limit", "worker01,managers") == ["manager: set rack=1"]
    assert four_ways(planned) == ["cluster: set heartbeat to 4s"]
    run = planned.inv("plan", "--limit", "wrker01", check=2)
    assert "there is no node wrker01, did you mean worker01?" in run.err


def test_a_node_more_and_a_node_less(planned: Lab) -> None:
    planned.hosts("workers")["worker02"] = {}
    assert four_ways(planned) == ["worker02: start the container", "worker02: join as worker"]
    del planned.hosts("workers")["worker02"]
    assert four_ways(planned) == [
        "worker02: drain", "worker02: remove from the swarm", "worker02: remove its container"
    ]  # fmt: skip
    assert set(planned.nodes()) == {"manager", "worker01"}
    assert planned.container("worker02") not in planned.containers()
    assert f"volume {planned.container('worker02')}" in planned.remains(), (
        "its data stay until they are removed by name"
    )


def test_a_port_moves_between_a_worker_and_the_manager_which_starts_first(planned: Lab) -> None:
    ports, worker = planned.hosts("managers")["manager"]["ports"], planned.hosts("workers")["worker01"]
    both = ["manager: make the container anew", "worker01: make the container anew"]
    worker["ports"] = [ports.pop()]
    assert four_ways(planned) == both
    ports.extend(worker.pop("ports"))
    assert four_ways(planned) == both


def test_a_node_in_the_middle_goes_and_the_next_one_moves_to_its_address(planned: Lab) -> None:
    planned.hosts("workers")["worker02"] = {}
    four_ways(planned)
    planned.node("manager", "docker", "node", "update", "--label-add", "own=kept", "worker02")
    first = planned.hosts("workers").pop("worker01")
    old = planned.nodes()["worker02"]["ID"]
    assert four_ways(planned) == [
        "worker01: drain", "worker01: remove from the swarm", "worker01: remove its container",
        "worker02: make the container anew", "worker02: leave its swarm", "worker02: join as worker",
        f"worker02: remove entry {old}",
    ]  # fmt: skip
    member = planned.nodes()["worker02"]
    assert (member["Status"]["Addr"], member["Spec"]["Labels"]["own"]) == (planned.address(32), "kept")
    own = planned.node("worker02", "docker", "info", "--format", "{{.Swarm.NodeAddr}}").out.strip()
    assert own == planned.address(32)
    planned.inventory["all"]["children"]["workers"]["hosts"] = {"worker01": first}
    four_ways(planned)


def test_a_worker_that_was_interrupted_as_it_moved(planned: Lab) -> None:
    """Its container has the new address, and the others look for it at the old one; a manager sees it Ready."""
    planned.hosts("workers")["worker01"] = {"address": planned.address(40)}
    planned.save()
    made_anew = "worker01: make the container anew"
    run = watched(planned, "up", reactions={made_anew: ctrl_c})
    assert run.code == 1, run.err
    # A manager goes on taking it for Ready while its container is made anew.
    eventually(lambda: state(planned, "worker01") in ("active", "pending"), within=60, what="its engine answers")
    eventually(lambda: is_ready(planned, "worker01"), within=60, what="worker01 comes back as it was")
    old = planned.nodes()["worker01"]["ID"]
    assert four_ways(planned) == [
        "worker01: leave its swarm", "worker01: join as worker", f"worker01: remove entry {old}",
    ]  # fmt: skip
    own = planned.node("worker01", "docker", "info", "--format", "{{.Swarm.NodeAddr}}").out.strip()
    assert own == planned.address(40)
    planned.hosts("workers")["worker01"] = {}
    four_ways(planned)


def test_a_container_that_was_interrupted_as_it_was_made_anew(planned: Lab) -> None:
    """Compose has made the new one under another name, and ends before the old one is gone."""
    for last in (41, 42, 43):  # the new one has its name within a second
        planned.hosts("workers")["worker01"] = {"address": planned.address(last)}
        planned.save()
        with subprocess.Popen(
            [*planned.command, "up"], cwd=REPOSITORY, env=planned.env, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        ) as process:  # fmt: skip
            eventually(lambda: second_containers(planned), within=60, what="the new container beside the old one")
            ctrl_c(process.pid)
        assert process.returncode == 1
        if second_containers(planned):
            break
    else:
        pytest.fail("the Ctrl-C came too late three times")
    assert "worker01: remove the second container" in four_ways(planned)
    assert second_containers(planned) == []
    assert planned.node("worker01", "docker", "info", "--format", "{{.Swarm.NodeAddr}}").out.strip() == (
        planned.address(last)
    )
    planned.hosts("workers")["worker01"] = {}
    four_ways(planned)


def second_containers(lab: Lab) -> list[str]:
    names = docker("ps", "--all", "--filter", f"label=swarmops.cluster={lab.cluster}", "--format", "{{.Names}}").out
    return [name for name in names.split() if not name.startswith(f"{lab.cluster}-")]


def state(lab: Lab, name: str) -> str:
    """What the node's own engine says; nothing as long as it does not answer."""
    return lab.node(name, "docker", "info", "--format", "{{.Swarm.LocalNodeState}}", check=False).out.strip()


def is_ready(lab: Lab, name: str) -> bool:
    return {node["Status"]["State"] for node in lab.nodes().values() if node["Description"]["Hostname"] == name} == {
        "ready"
    }


def test_a_worker_that_was_promoted_does_not_move(planned: Lab) -> None:
    """The other managers would not find it again, and without it there is no quorum."""
    planned.inv("promote", "worker01")
    planned.hosts("workers")["worker01"] = {"address": planned.address(40)}
    planned.save()
    for task in ("plan", "up"):
        run = planned.inv(task, check=2)
        assert f"worker01 is {planned.address(32)} to the other managers" in run.err
        assert "Next: inv demote worker01 first, or state address" in run.err
    planned.hosts("workers")["worker01"] = {}
    planned.save()
    planned.inv("demote", "worker01")


def test_a_dead_node_that_left(planned: Lab) -> None:
    planned.hosts("workers")["worker02"] = {}
    assert four_ways(planned) == ["worker02: start the container", "worker02: join as worker"]
    docker("kill", planned.container("worker02"))
    eventually(lambda: planned.nodes()["worker02"]["Status"]["State"] == "down", within=60, what="worker02 to be down")
    del planned.hosts("workers")["worker02"]
    assert four_ways(planned) == ["worker02: remove from the swarm", "worker02: remove its container"]
    assert set(planned.nodes()) == {"manager", "worker01"}


def test_a_node_that_lost_its_data_joins_anew(planned: Lab) -> None:
    planned.hosts("workers")["worker01"] = {}
    planned.node("manager", "docker", "node", "update", "--availability", "drain", "--label-add", "own=1", "worker01")
    docker("rm", "--force", planned.container("worker01"))
    docker("volume", "rm", planned.container("worker01"))
    old, before = planned.nodes()["worker01"]["ID"], spec(planned, "worker01")
    assert four_ways(planned) == [
        "worker01: start the container", "worker01: join as worker", f"worker01: remove entry {old}"
    ]  # fmt: skip
    assert planned.nodes()["worker01"]["ID"] != old
    assert spec(planned, "worker01") == before, "what somebody had set of it stays"


def test_the_only_manager_is_replaced_by_another(planned: Lab) -> None:
    before = swarm(planned)["ID"]
    planned.hosts("managers")["manager01"] = planned.hosts("managers").pop("manager")
    planned.save()
    run = planned.inv("up", check=2)
    assert "manager01 needs its address or one of its ports; but manager is the last manager" in run.err
    assert "Next: give manager01 another address, and ports, until manager is gone" in run.err
    planned.hosts("managers")["manager01"] |= {"address": planned.address(12), "ports": []}
    assert {line for line in four_ways(planned) if "rack" not in line} == {
        "manager01: start the container", "manager01: join as manager",
        "manager: drain", "manager: demote to worker", "manager: remove from the swarm",
        "manager: remove its container",
    }  # fmt: skip
    assert set(planned.nodes()) == {"manager01", "worker01"}
    assert swarm(planned)["ID"] == before, "it is the same swarm"


def test_members_of_somebody_else_are_left_alone(planned: Lab) -> None:
    """The engine of a container that swarmops did not make, with a host name that the inventory has not."""
    made = planned.containers()[planned.container("worker01")]
    host = made["HostConfig"]
    name = f"{planned.cluster}-visitor"
    options = [f"--cap-add={one}" for one in host["CapAdd"] or ()]
    options += [f"--cap-drop={one}" for one in host["CapDrop"] or ()]
    options += [f"--security-opt={one}" for one in host["SecurityOpt"] or ()]
    options += ["--security-opt=systempaths=unconfined"] if not host["Privileged"] else ["--privileged"]
    options += ["--device-cgroup-rule=a *:* rwm", "--hostname=visitor", f"--network={planned.cluster}"]
    docker("run", "--detach", "--name", name, "--label", "swarmops.test=visitor", *options, made["Config"]["Image"])
    try:
        token = planned.node("manager01", "docker", "swarm", "join-token", "--quiet", "worker").out.strip()
        join = ("docker", "exec", name, "docker", "swarm", "join", "--token", token, f"{planned.address(12)}:2377")
        eventually(lambda: docker(*join[1:], check=False).code == 0, within=60, what="the visitor to join")
        for state in ("ready", "down"):
            eventually(
                lambda state=state: planned.nodes()["visitor"]["Status"]["State"] == state, within=60, what=state
            )
            said = plan(planned)
            assert said["actions"] == []
            assert said["notes"][0].startswith("visitor (")
            assert "Nothing to change." in planned.inv("up").out
            docker("rm", "--force", "--volumes", name)
        member = planned.nodes()["visitor"]["ID"]
        planned.node("manager01", "docker", "node", "rm", "--force", member)
        assert plan(planned) == NOTHING
    finally:
        docker("rm", "--force", "--volumes", name, check=False)


def test_nobody_is_left_who_could_make_the_swarm(planned: Lab) -> None:
    planned.inv("down", "--volumes")
    run = planned.inv("up", "--limit", "workers", check=2)
    assert "there is no swarm yet, and --limit leaves out manager01, which makes it" in run.err
    assert planned.remains() == []


def reachability(lab: Lab, name: str) -> str:
    """What the other managers say of one; nothing while they elect a leader."""
    found: str = lab.nodes().get(name, {}).get("ManagerStatus", {}).get("Reachability", "")
    return found


def test_a_dead_manager_that_left_and_comes_back(ha: Lab) -> None:
    with ha.changed():
        ha.hosts("managers").pop("manager03")
        docker("kill", ha.container("manager03"))
        eventually(lambda: reachability(ha, "manager03") == "unreachable", within=60, what="its loss")
        wanted = four_ways(ha)
        assert {"manager03: demote to worker", "manager03: remove from the swarm"} <= set(wanted)
        assert set(ha.nodes()) == {"manager01", "manager02", "worker01", "worker02"}
    wanted = lines(plan(ha))
    run = ha.inv("up", timeout=300)
    assert {"manager03: start the container", "manager03: join as manager"} <= set(wanted)
    assert "manager03: join as manager" in run.err
    eventually(lambda: reachability(ha, "manager03") == "reachable", within=30, what="the others to reach it")


def test_the_leader_that_left_hands_over_first(ha: Lab) -> None:
    eventually(lambda: leader(ha), within=60, what="a leader")
    first = leader(ha)
    with ha.changed():
        ha.hosts("managers").pop(first)
        if first != "manager03":
            ha.save()
            run = ha.inv("plan", check=2)
            assert "to the other managers, and would be" in run.err, "managers are not moved"
        for number, name in enumerate(("manager01", "manager02", "manager03"), 11):
            if name != first:
                ha.hosts("managers")[name] = {"address": ha.address(number)}
        wanted = four_ways(ha)
        assert {f"{first}: drain", f"{first}: demote to worker", f"{first}: remove its container"} <= set(wanted)
        assert len(ha.nodes()) == 4
        assert leader(ha) in ha.hosts("managers")
    ha.inv("up", timeout=300)
    assert len(ha.nodes()) == 5


def leader(lab: Lab) -> str:
    found = [name for name, node in lab.nodes().items() if node.get("ManagerStatus", {}).get("Leader")]
    return found[0] if found else ""


def test_what_deploy_would_change(deployed: Lab) -> None:
    assert plan(deployed) == NOTHING
    deployed.inv("scale", "echo_api=2")
    said = plan(deployed)
    assert (said["actions"], said["deploys"]) == (
        [],
        [{"stack": "echo", "name": "echo_api", "reason": "replicas 2 → 3"}],
    )
    deployed.inv("deploy", "echo")
    assert plan(deployed) == NOTHING
