"""Services and networks by hand, images that nothing needs: what the options do is asked of the engines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from engine import Lab, eventually, get
from faults import ctrl_c, watched

PORT = 8085
OPTIONS = (
    "--replicas=2", f"--publish=0{PORT}:8080", "--network=by-hand", "--constraint=node.role==worker",
    "--placement-pref=spread=node.labels.zone", "--replicas-max-per-node=2", "--limit-cpu=0.5000001",
    "--limit-memory=64m", "--reserve-cpu=0.1", "--reserve-memory=8m", "--update-parallelism=2", "--update-delay=10ms",
    "--update-monitor=1s", "--update-order=stop-first", "--update-failure-action=pause",
    "--update-max-failure-ratio=0.3333333", "--rollback-parallelism=0", "--rollback-delay=20ms",
    "--rollback-monitor=1s", "--rollback-order=stop-first", "--rollback-failure-action=continue",
    "--rollback-max-failure-ratio=0.2", "--mount=type=bind,source=/tmp,target=/b,readonly=1,bind-propagation=RPRIVATE",
    "--mount=type=volume,source=data,target=/v,volume-nocopy=false,volume-label=x",
    "--mount=type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=0", "--env=A=1", "--env=B=2 3",
    "--label=team=web", "--container-label=c=d", "--stop-grace-period=3s", "--restart-condition=any",
)  # fmt: skip


@pytest.fixture(scope="module")
def net(pushed: Lab) -> Iterator[Lab]:
    """The lab with a network by hand; nothing of these tests is left at the end."""
    pushed.inv("network.create", "by-hand", "--attachable", "--encrypted", "--subnet", "10.94.0.0/24")
    yield pushed
    pushed.inv("service.rm", "web,other,bad,back,two", check=None)
    pushed.inv("network.rm", "by-hand")


@pytest.fixture(scope="module")
def web(net: Lab) -> Lab:
    """The lab with a service that has nearly every option."""
    assert "changed=1" in net.inv("service.create", "web", "--image=echo", *OPTIONS).out
    return net


def spec(lab: Lab, name: str = "web") -> dict[str, Any]:
    return lab.services()[name]["Spec"]


def container(lab: Lab) -> dict[str, Any]:
    return spec(lab)["TaskTemplate"]["ContainerSpec"]


def without(seen: dict[str, Any], *names: str) -> dict[str, Any]:
    """A specification without some of what its containers have."""
    template = seen["TaskTemplate"]
    kept = {key: value for key, value in template["ContainerSpec"].items() if key not in names}
    return seen | {"TaskTemplate": template | {"ContainerSpec": kept}}


def address(lab: Lab, node: str) -> str:
    network = next(iter(lab.containers()[lab.container(node)]["NetworkSettings"]["Networks"].values()))
    return str(network["IPAddress"])


def containers(lab: Lab, service: str) -> set[str]:
    """The names of a service's containers that run, by the word of each node's engine."""
    return {name for node in lab.nodes() for name in lab.running(node) if name.startswith(f"{service}.")}


def test_network_create_is_what_was_asked_for(net: Lab) -> None:
    network = json.loads(net.node("manager", "docker", "network", "inspect", "by-hand").out)[0]
    assert (network["Driver"], network["Attachable"], "encrypted" in network["Options"]) == ("overlay", True, True)
    assert network["IPAM"]["Config"][0]["Subnet"] == "10.94.0.0/24"
    same = ("--attachable", "--encrypted", "--subnet", "10.94.0.0/24")
    assert "Nothing to change." in net.inv("network.create", "by-hand", *same).out
    assert "encrypted is yes, not no" in net.inv("network.create", "by-hand", "--attachable", check=2).err
    other = net.inv("network.create", "other", "--subnet", "10.94.0.0/25", check=2)
    assert "network by-hand has 10.94.0.0/24" in other.err
    rows = {line.split()[0]: line.split()[1:5] for line in net.inv("network.ls").out.splitlines()}
    assert rows["by-hand"] == ["overlay", "yes", "yes", "10.94.0.0/24"]
    assert "other" not in rows


def test_every_option_is_in_the_specification(web: Lab) -> None:
    seen, one = spec(web), container(web)
    assert (seen["Mode"], seen["Labels"]) == ({"Replicated": {"Replicas": 2}}, {"team": "web"})
    assert seen["UpdateConfig"] == {
        "Parallelism": 2, "Delay": 10**7, "FailureAction": "pause", "Monitor": 10**9, "MaxFailureRatio": 0.3333333,
        "Order": "stop-first",
    }  # fmt: skip
    assert seen["RollbackConfig"] == {
        "Parallelism": 0, "Delay": 2 * 10**7, "FailureAction": "continue", "Monitor": 10**9, "MaxFailureRatio": 0.2,
        "Order": "stop-first",
    }  # fmt: skip
    assert seen["EndpointSpec"]["Ports"] == [
        {"Protocol": "tcp", "TargetPort": 8080, "PublishedPort": PORT, "PublishMode": "host"}
    ]
    assert seen["EndpointSpec"]["Mode"] == "dnsrr"
    template = seen["TaskTemplate"]
    assert template["Resources"] == {
        "Limits": {"NanoCPUs": 500000100, "MemoryBytes": 64 << 20},
        "Reservations": {"NanoCPUs": 10**8, "MemoryBytes": 8 << 20},
    }
    assert template["Placement"]["Constraints"] == ["node.role==worker"]
    assert template["Placement"]["Preferences"] == [{"Spread": {"SpreadDescriptor": "node.labels.zone"}}]
    assert template["Placement"]["MaxReplicas"] == 2
    assert {mount["Target"]: mount["Type"] for mount in one["Mounts"]} == {"/b": "bind", "/v": "volume", "/t": "tmpfs"}
    assert (set(one["Env"]), one["Labels"], one["StopGracePeriod"]) == ({"A=1", "B=2 3"}, {"c": "d"}, 3 * 10**9)
    assert "@sha256:" in one["Image"]


def test_the_service_answers_where_its_tasks_run(web: Lab) -> None:
    tasks = web.tasks("web")
    assert len(tasks) == 2
    for task in tasks:
        assert get(f"http://{address(web, task['Node'])}:{PORT}/").status == 200
    name = next(name for name in web.running(tasks[0]["Node"]) if name.startswith("web."))
    seen = json.loads(web.node(tasks[0]["Node"], "docker", "inspect", name).out)[0]
    assert {mount["Destination"]: mount["RW"] for mount in seen["Mounts"]} == {"/b": False, "/v": True, "/t": True}
    assert "by-hand" in seen["NetworkSettings"]["Networks"]


def test_ps_shows_the_tasks_of_a_service(web: Lab) -> None:
    head, *rows = [line.split() for line in web.inv("service.ps", "web").out.splitlines()]
    assert head[:4] == ["TASK", "NODE", "STATE", "DESIRED"]
    running = {row[0]: row[1] for row in rows if row[2:4] == ["running", "running"]}
    assert running == {task["Name"]: task["Node"] for task in web.tasks("web")}


def test_the_same_again_changes_nothing_and_something_else_is_refused(web: Lab) -> None:
    before = web.services()["web"]["Version"]
    assert "Nothing to change." in web.inv("service.create", "web", "--image=echo", *OPTIONS).out
    refused = web.inv("service.create", "web", "--image=echo", "--replicas=3", check=2).err
    assert "replicas 2 → 3" in refused
    assert "inv service.update web" in refused
    assert "Nothing to change." in web.inv("service.update", "web", *OPTIONS).out
    assert web.services()["web"]["Version"] == before


def test_an_update_changes_what_is_stated_alone(web: Lab) -> None:
    before = without(spec(web), "Env", "Mounts")
    assert "changed=1" in web.inv("service.update", "web", "--env=A=9", "--env-rm=B", "--mount-rm=/t").out
    now = web.services()["web"]
    assert (container(web)["Env"], {mount["Target"] for mount in container(web)["Mounts"]}) == (["A=9"], {"/b", "/v"})
    assert without(spec(web), "Env", "Mounts") == before
    web.inv("service.update", "web", "--env=A=9", "--env-rm=B", "--mount-rm=/t")
    assert web.services()["web"]["Version"] == now["Version"]
    assert "B=2 3" in now["PreviousSpec"]["TaskTemplate"]["ContainerSpec"]["Env"], "there is still a way back"


def test_an_update_that_fails_is_undone(web: Lab) -> None:
    before = spec(web)
    failed = web.inv("service.update", "web", "--env=Z=1", "--", "--no-such-flag", check=4)
    assert "flag provided but not defined" in failed.err
    assert "The version before runs again" in failed.err
    assert spec(web) == before
    assert len(web.tasks("web")) == 2
    task = web.tasks("web")[0]
    assert get(f"http://{address(web, task['Node'])}:{PORT}/").status == 200


def test_a_scale_that_fails_is_undone(net: Lab) -> None:
    """Only the first one runs."""
    command = ("--", "sh", "-c", '[ "$SLOT" = 1 ] && exec sleep 3600; exit 1')
    options = ("--env=SLOT={{.Task.Slot}}", "--update-monitor=1s", "--stop-grace-period=0s")
    net.inv("service.create", "few", "--image=nginx", *options, *command)
    failed = net.inv("scale", "few=2", check=4)
    assert "The numbers of replicas are as before: few=1" in failed.err
    assert len(net.tasks("few")) == spec(net, "few")["Mode"]["Replicated"]["Replicas"] == 1
    net.inv("scale", "few=2", "--no-rollback", check=1)
    assert spec(net, "few")["Mode"]["Replicated"]["Replicas"] == 2
    net.inv("service.rm", "few")


def test_what_there_is_no_room_for_is_refused(net: Lab) -> None:
    workers = "--constraint=node.role==worker"
    crowd = (workers, "--replicas=4", "--publish=published=8091,target=8080,mode=host")
    refused = net.inv("service.create", "few", "--image=echo", *crowd, check=2)
    assert "--publish: port 8091/tcp in host mode has room for one task on each of 3 nodes" in refused.err
    assert "few" not in net.services()
    net.inv("service.create", "few", "--image=echo", workers, "--replicas-max-per-node=1", "--update-monitor=1s")
    refused = net.inv("scale", "few=9", check=2)
    assert "few=9: 1 per node on 3 nodes leaves room for 3 replicas, not for 9" in refused.err
    refused = net.inv("service.update", "few", "--constraint=node.labels.disk==ssd", check=2)
    assert "--constraint: no node of the swarm meets node.labels.disk==ssd" in refused.err
    assert "Nothing to change." in net.inv("scale", "few=1").out
    net.inv("service.rm", "few")


def test_ports_go_as_docker_can_take_them_away_or_the_update_is_refused(net: Lab) -> None:
    def published() -> list[int]:
        return [port["PublishedPort"] for port in spec(net, "two")["EndpointSpec"].get("Ports", [])]

    ports = ("--publish=8086:8080", "--publish=8087:8080", "--publish=8088:8081")
    net.inv("service.create", "two", "--image=echo", "--constraint=node.role==worker", "--update-monitor=1s", *ports)
    for options in (("--publish-rm=8086:8080",), ("--publish-rm=8080", "--publish=8087:8080")):
        refused = net.inv("service.update", "two", *options, check=2).err
        assert "8087:8080/tcp/host too; write --publish-rm 8080/tcp/host first" in refused
    assert published() == [8086, 8087, 8088]
    assert "changed=1" in net.inv("service.update", "two", "--publish-rm=8088:8081").out
    again = net.inv("service.update", "two", "--publish-rm=8088:8081").out
    assert "Nothing to change.\nThere was no publish 8088:8081" in again
    assert "changed=1" in net.inv("service.update", "two", "--publish-rm=8080", "--publish=8089:8080").out
    assert published() == [8089]
    net.inv("service.rm", "two")


def test_a_service_that_fails_leaves_nothing_unless_asked_to(net: Lab) -> None:
    bad = ("service.create", "bad", "--image=echo", "--restart-condition=none")
    failed = net.inv(*bad, "--", "--no-such-flag", check=4)
    assert "Nothing of it is left" in failed.err
    assert "bad" not in net.services()
    net.inv(*bad, "--keep", "--", "--no-such-flag", check=1)
    assert spec(net, "bad")["TaskTemplate"]["ContainerSpec"]["Args"] == ["--no-such-flag"]
    net.inv("service.rm", "bad")


def test_a_service_that_nodes_never_can_run_is_refused(net: Lab) -> None:
    for mode in ("global", "replicated"):
        refused = net.inv("service.create", "bad", "--image=echo", f"--mode={mode}", "--reserve-memory=9999g", check=2)
        assert "GiB of memory there, 9999 wanted" in refused.err
    assert "bad" not in net.services()


def test_what_was_interrupted_has_to_prove_itself_all_the_same(net: Lab) -> None:
    dies = (
        "service.create", "bad", "--image=nginx", "--restart-condition=none", "--update-monitor=30s",
        "--", "sh", "-c", "sleep 4; exit 5",
    )  # fmt: skip
    watched(net, *dies, reactions={"bad: created": ctrl_c})
    assert "non-zero exit (5)" in net.inv(*dies, check=1).err
    net.inv("service.rm", "bad")
    lasts = ("service.create", "bad", "--image=echo")
    net.inv(*lasts)
    again = net.inv(*lasts)
    assert "Nothing to change." in again.out
    assert "watching whether" not in again.err, "what has run for its window is settled"
    net.inv("service.rm", "bad")


def test_an_update_that_was_interrupted_and_fails_is_undone_by_the_same_again(net: Lab) -> None:
    net.inv("service.create", "back", "--image=echo", "--replicas=2", "--update-delay=2s")
    before = spec(net, "back")
    fails = ("service.update", "back", "--env=Z=1", "--", "--no-such-flag")
    watched(net, *fails, reactions={"back: args unset": ctrl_c})
    assert spec(net, "back") != before
    failed = net.inv(*fails, check=4).err
    assert "flag provided but not defined" in failed
    assert "The version before runs again" in failed
    assert spec(net, "back") == before
    assert len(net.tasks("back")) == 2
    net.inv("service.rm", "back")


def test_a_rollback_that_was_interrupted_goes_on_and_not_forward(net: Lab) -> None:
    net.inv("service.create", "back", "--image=echo", "--env=V=1", "--update-monitor=1s", "--rollback-monitor=5s")
    before = spec(net, "back")
    net.inv("service.update", "back", "--env=V=2")
    run = watched(net, "rollback", "back", reactions={"... back": ctrl_c})
    assert run.err.endswith("Error: interrupted\n  Next: the same command goes on from here\n")
    for _ in range(2):
        assert "Nothing to change." in net.inv("rollback", "back").out
        assert spec(net, "back") == before
        assert net.services()["back"]["UpdateStatus"]["State"] == "rollback_completed"
    net.inv("service.rm", "back")


def test_what_cannot_be_is_refused_before_anything_changes(net: Lab) -> None:
    before = set(net.services())
    wrong = ("--network=by-hnad", "--endpoint-mode=vip", "--publish=target=80,mode=ingress")
    said = net.inv(
        "service.create", "bad", f"--image=registry:{net.vars['registry']['port']}/nix:1", *wrong, check=2
    ).err
    assert "did you mean by-hand?" in said
    assert said.count("IPVS") == 2
    assert "nix:1 is not in its registry" in said
    assert set(net.services()) == before


def test_several_services_and_a_network_in_use(web: Lab) -> None:
    web.inv("service.create", "other", "--image=echo", "--mode=global", "--constraint=node.role==worker")
    assert len(web.tasks("other")) == sum(node["Spec"]["Role"] == "worker" for node in web.nodes().values())
    assert "other: a global service" in web.inv("scale", "web=3,other=2", check=2).err
    assert "web" in web.inv("network.rm", "by-hand", check=2).err
    rows = {line.split()[0]: line.split()[2:4] for line in web.inv("service.ls").out.splitlines()[1:]}
    assert (rows["web"], rows["other"][0]) == (["replicated", "2/2"], "global")
    web.inv("service.rm", "web,other")
    assert not {"web", "other"} & set(web.services())
    eventually(lambda: not containers(web, "web") | containers(web, "other"), within=5, what="no container is left")
    assert "Nothing to change." in web.inv("service.rm", "web").out


def test_rebalance_moves_what_is_too_many_and_nothing_else(net: Lab) -> None:
    available(net, "worker02", "drain")
    unsorted = ("--mount=type=tmpfs,target=/z", "--mount=type=tmpfs,target=/a")  # docker service update sorts them
    net.inv("service.create", "web", "--image=echo", "--replicas=4", "--constraint=node.role==worker", *unsorted)
    available(net, "worker02", "active")
    before, workers = containers(net, "web"), sum(node["Spec"]["Role"] == "worker" for node in net.nodes().values())
    assert "worker02 0 → 1" in net.inv("rebalance").out
    on = [task["Node"] for task in net.tasks("web")]
    assert sorted(map(on.count, set(on))) == ([2, 2] if workers == 2 else [1, 1, 2])
    after = eventually(lambda: len(now := containers(net, "web")) == 4 and now, within=15, what="four containers")
    assert len(after & before) == (2 if workers == 2 else 3), "the others are where they were"
    assert spec(net)["Labels"] == {}
    assert "Nothing to change." in net.inv("rebalance").out
    assert "no previous version" in net.inv("rollback", "web", check=1).err


def test_rebalance_moves_one_of_two_tasks_on_one_node(net: Lab) -> None:
    net.inv("service.rm", "web")
    others = [name for name, node in net.nodes().items() if node["Spec"]["Role"] == "worker" and name != "worker01"]
    for node in others:
        available(net, node, "drain")
    net.inv("service.create", "web", "--image=echo", "--replicas=2", "--constraint=node.role==worker")
    for node in others:
        available(net, node, "active")
    assert [task["Node"] for task in net.tasks("web")] == ["worker01"] * 2
    assert "worker01 2 → 1" in net.inv("rebalance", "--service", "web").out
    assert len({task["Node"] for task in net.tasks("web")}) == 2
    assert "Nothing to change." in net.inv("rebalance", "--service", "web").out


def test_rebalance_spreads_over_the_places_of_a_preference(net: Lab) -> None:
    net.inv("service.rm", "web")
    workers = [name for name, node in net.nodes().items() if node["Spec"]["Role"] == "worker"]
    zones = {name: "a" if name == "worker01" else "b" for name in workers}
    for node, zone in zones.items():
        net.node("manager", "docker", "node", "update", f"--label-add=zone={zone}", node)
    others = [name for name in workers if name != "worker01"]
    for node in others:
        available(net, node, "drain")
    preference = ("--placement-pref=spread=node.labels.zone", "--update-order=start-first", "--update-monitor=1s")
    net.inv("service.create", "web", "--image=echo", "--replicas=4", "--constraint=node.role==worker", *preference)
    for node in others:
        available(net, node, "active")
    assert "worker01 4 → 2" in net.inv("rebalance", "--service", "web").out
    on = [zones[task["Node"]] for task in net.tasks("web")]
    assert (on.count("a"), on.count("b")) == (2, 2)
    assert "Nothing to change." in net.inv("rebalance", "--service", "web").out
    for node in workers:
        net.node("manager", "docker", "node", "update", "--label-rm=zone", node)


def test_a_number_that_is_stated_ends_what_a_rebalance_has_left(net: Lab) -> None:
    net.inv("service.create", "spare", "--image=echo", "--replicas=2", "--label=own=kept")
    interrupted = ("--replicas=3", "--label-add=swarmops.rebalance=2")
    for count, command in ((4, ("scale", "spare=4")), (3, ("service.update", "spare", "--replicas=3"))):
        net.node("manager", "docker", "service", "update", "--detach", *interrupted, "spare")
        net.inv(*command)
        net.inv("rebalance", "--service", "spare")
        assert spec(net, "spare")["Labels"] == {"own": "kept"}
        assert len(net.tasks("spare")) == spec(net, "spare")["Mode"]["Replicated"]["Replicas"] == count
    net.inv("service.rm", "spare")


def available(lab: Lab, node: str, availability: str) -> None:
    lab.node("manager", "docker", "node", "update", "--availability", availability, node)


def test_image_prune_keeps_what_runs(net: Lab) -> None:
    net.inv("service.create", "other", "--image=echo", "--constraint=node.hostname==worker01")
    net.node("worker01", "sh", "-c", "tar -c /bin/sh /etc | docker import - nobodys:1")
    assert "MB freed" in net.inv("image.prune", "--node", "worker01").out
    left = [image["Repository"] for image in net.ask("image", "ls", on="worker01")]
    assert "nobodys" not in left
    assert [name for name in left if name.endswith("/echo")]
    assert len(net.tasks("other")) == 1
    assert "Nothing to change." in net.inv("image.prune", "--node", "worker01").out
