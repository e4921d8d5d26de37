"""`scale`, `ps`, `status`: compared with what the engine says."""

from __future__ import annotations

import json

from engine import Lab, eventually, get


def seen(lab: Lab, count: int) -> set[str]:
    return {get(lab.url(80)).replica for _ in range(count)}


def test_scale_up_and_down(deployed: Lab) -> None:
    run = deployed.inv("scale", "echo_api=6")
    assert "inv deploy echo" in run.out, "it says that this differs from the inventory"
    assert len(deployed.tasks("echo_api")) == 6
    eventually(lambda: len(seen(deployed, 18)) == 6, within=20, what="answers of six replicas")
    assert "Nothing to change." in deployed.inv("scale", "echo_api=6").out
    deployed.inv("scale", "echo_api=3")
    assert len(deployed.tasks("echo_api")) == 3
    assert get(deployed.url(80)).status == 200


def test_what_cannot_be_scaled_is_refused(deployed: Lab) -> None:
    assert "did you mean echo_api?" in deployed.inv("scale", "echo_apy=2", check=2).err
    assert "global" in deployed.inv("scale", "ingress_haproxy=2", check=2).err
    assert deployed.inv("scale", "echo_api=many", check=2).err


def test_rollback_of_an_unknown_service_or_without_a_previous_version(deployed: Lab) -> None:
    assert "did you mean echo_api?" in deployed.inv("rollback", "echo_apy", check=2).err
    before = deployed.services()["visualizer_web"]["Version"]
    assert "no previous version" in deployed.inv("rollback", "visualizer_web", check=1).err
    assert deployed.services()["visualizer_web"]["Version"] == before


def test_ps_lists_the_tasks_of_the_engine(deployed: Lab) -> None:
    tasks, *_ = deployed.inv("ps", "echo").out.split("\n\n")
    lines = [line.split() for line in tasks.splitlines()[1:]]
    listed = {(line[0], line[1]) for line in lines if line[2:4] == ["running", "running"]}
    engine = [task for service in ("echo_api", "echo_nginx") for task in deployed.tasks(service)]
    assert listed == {(task["Name"], task["Node"]) for task in engine}
    tasks, *_ = deployed.inv("ps", "echo_api").out.split("\n\n")
    assert {line.split()[0].split(".")[0] for line in tasks.splitlines()[1:]} == {"echo_api"}
    assert deployed.inv("ps", "ecko", check=2).err


def test_status_agrees_with_the_engine(deployed: Lab) -> None:
    run = deployed.inv("status", "--json")
    status = json.loads(run.out)
    nodes = deployed.nodes()
    assert {node["hostname"]: (node["id"], node["state"], node["role"]) for node in status["nodes"]} == {
        name: (node["ID"], node["Status"]["State"], node["Spec"]["Role"]) for name, node in nodes.items()
    }
    assert {one["name"] for one in status["services"]} == set(deployed.services())
    for service in status["services"]:
        tasks = deployed.tasks(service["name"])
        assert service["running"] == service["wanted"] == len(tasks)
        mine = [one for one in status["tasks"] if one["service"] == service["name"]]
        placed = [one["node"] for one in mine if one["state"] == one["desired"] == "running"]
        assert sorted(placed) == sorted(task["Node"] for task in tasks)
    assert status["problems"] == []


def test_status_table(deployed: Lab) -> None:
    text = deployed.inv("status").out
    nodes, services, verdict = text.strip().split("\n\n")
    assert [line.split()[0] for line in nodes.splitlines()] == ["NODE", "manager", "worker01", "worker02", "worker03"]
    rows = {line.split()[0]: line.split()[2] for line in services.splitlines()[1:]}
    assert rows == {
        "echo_api": "3/3",
        "echo_nginx": "3/3",
        "ingress_config": "1/1",
        "ingress_haproxy": "1/1",
        "visualizer_web": "1/1",
    }
    assert verdict.splitlines()[0] == "All is well."


def test_the_cluster_alone_knows_its_state(deployed: Lab) -> None:
    """Whoever has the inventory goes on: nothing that the operator's machine was told before is needed."""
    before = deployed.inv("history", "echo").out
    for file in (deployed.folder / "stack").rglob("*"):
        if file.is_file():
            file.unlink()
    assert "Nothing to change." in deployed.inv("up").out
    assert "Nothing to change." in deployed.inv("deploy", "echo").out
    assert deployed.inv("history", "echo").out == before
    assert json.loads(deployed.inv("status", "--json").out)["problems"] == []
