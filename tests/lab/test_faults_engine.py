"""The engine itself dies, in the middle of `up` or afterwards: a real dockerd, not the machine's own."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator

import pytest
import yaml
from engine import Lab, docker, eventually
from faults import OwnEngine, add_stack, processes, watched


@pytest.fixture(scope="module")
def own(make_lab: Callable[..., Lab]) -> Iterator[tuple[Lab, OwnEngine]]:
    """A project, and an engine of its own with the images that its lab is made from."""
    project = make_lab("swf", "10.96.0.0/24", (35000, 38000, 39000), workers=1)
    project.vars.update(routing="dns", stacks={})
    project.save()
    project.inv("render", timeout=600)
    compose = yaml.safe_load((project.folder / "stack" / project.cluster / "compose.yml").read_text())
    engine = OwnEngine()
    try:
        engine.start()
        project.inv("build", "nginx", timeout=600)
        nginx, *_ = docker("images", "--format", "{{.Repository}}:{{.Tag}}", "swarmops/nginx").out.split()
        engine.load(nginx, *{service["image"] for service in compose["services"].values()})
        yield project, engine
    finally:
        engine.remove()


@pytest.mark.parametrize("moment", ["starting registry", "init the swarm"])
def test_the_engine_dies_in_the_middle_of_up(
    own: tuple[Lab, OwnEngine], moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, engine = own
    monkeypatch.setenv("DOCKER_HOST", engine.host)
    run = watched(project, "up", reactions={moment: lambda _: engine.kill()})
    assert run.code == 1
    assert run.err.count("Error: ") == 1
    message, remedy = run.err.partition("Error: ")[2].splitlines()
    assert "answer" in message
    assert remedy.startswith("  Next: inv doctor")
    assert processes(project) == []

    engine.start()
    up_again(project, engine)
    assert {node["Status"]["State"] for node in project.nodes().values()} == {"ready"}
    assert "Nothing to change." in project.inv("up").out
    project.inv("down", "--volumes")
    assert project.remains() == []


def up_again(project: Lab, engine: OwnEngine) -> None:
    """`up` after a crash, and what it says to do where the crash came while a container was about to get its ports."""
    run = project.inv("up", check=None)
    if run.code:
        assert "Next: restart the engine, then inv up" in run.err
        engine.restart()
        project.inv("up")


def test_a_port_that_a_killed_engine_keeps_is_said(own: tuple[Lab, OwnEngine], monkeypatch: pytest.MonkeyPatch) -> None:
    project, engine = own
    monkeypatch.setenv("DOCKER_HOST", engine.host)
    kept = project.vars["registry"]["port"]
    image = engine.docker("images", "--format", "{{.Repository}}:{{.Tag}}", "swarmops/nginx").out.split()[0]
    for _ in range(20):  # the moment has to be met at which the engine has stored the one thing, and not the other
        engine.docker("create", "--name", "half", "--publish", f"127.0.0.1:{kept}:80", image, "sleep", "60")
        with subprocess.Popen(
            ["docker", "--host", engine.host, "start", "half"], stderr=subprocess.DEVNULL
        ) as starting:
            eventually(lambda: engine.listens(kept), within=30, what="the engine to take the port")
            engine.kill()
            starting.wait(30)
        engine.start()
        engine.docker("rm", "--force", "half")
        if engine.listens(kept):
            break
    up = project.inv("up", check=1)
    assert (
        f"Next: restart the engine, then inv up: killed while a container started, it keeps the port {kept}" in up.err
    )
    monkeypatch.setattr(Lab, "command", [*engine.inside(), *project.command])
    said = project.inv("up", check=2).err
    assert f"port {kept} of 127.0.0.1, published by registry, is taken by the engine, for no container" in said
    engine.restart()
    monkeypatch.undo()
    monkeypatch.setenv("DOCKER_HOST", engine.host)
    project.inv("up")
    project.inv("down", "--volumes")


def test_all_is_back_after_the_engine_died(own: tuple[Lab, OwnEngine], monkeypatch: pytest.MonkeyPatch) -> None:
    project, engine = own
    monkeypatch.setenv("DOCKER_HOST", engine.host)
    add_stack(project, "steady", ["sleep", "86400"])
    project.save()
    project.inv("up")
    project.inv("push", "nginx")
    project.inv("deploy", "steady")
    before = identity(project)
    engine.kill()
    engine.start()
    project.inv("start", timeout=200)  # it has a deadline of its own, 180 s
    assert identity(project) == before
    assert len(project.tasks("steady_web")) == 1
    assert "Nothing to change." in project.inv("up").out
    project.inv("down", "--volumes")


def identity(lab: Lab) -> tuple[str, dict[str, str], dict[str, str]]:
    """The swarm's id, the nodes' ids and the containers' addresses."""
    swarm = lab.node(lab.manager, "docker", "info", "--format", "{{.Swarm.Cluster.ID}}").out.strip()
    networks = {name: one["NetworkSettings"]["Networks"] for name, one in lab.containers().items()}
    addresses = {name: joined[lab.cluster]["IPAddress"] for name, joined in networks.items()}
    return swarm, {name: node["ID"] for name, node in lab.nodes().items()}, addresses
