"""`deploy`, `rollback`, `remove`: what answers over HTTP, and what the swarm has."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import yaml
from engine import Answer, Lab, eventually, get
from faults import watched

GREETING = "Hello Docker!!"
SMALL = """
version: "3.8"
services:
  web:
    image: {{ image("echo") }}
    networks: [inner]
    configs:
      - source: text
        target: /text
    deploy:
      replicas: 2
configs:
  text:
    file: small.txt
networks:
  inner:
    driver: overlay
"""


def answers(lab: Lab, count: int = 12) -> list[Answer]:
    return [get(lab.url(80)) for _ in range(count)]


def replicas(lab: Lab, service: str = "echo_api") -> set[str]:
    """The host names of a service's running containers, as the workers' engines say: Docker takes the id for it."""
    found = [
        lab.node(name, "docker", "ps", "-q", "--filter", f"label=com.docker.swarm.service.name={service}").out.split()
        for name in ("worker01", "worker02", "worker03")
    ]
    return {container for ids in found for container in ids}


def indexes(lab: Lab) -> dict[str, int]:
    return {name: service["Version"]["Index"] for name, service in lab.services().items()}


@contextmanager
def greeting(lab: Lab, text: str) -> Iterator[None]:
    """The echo server's source says something else."""
    source = lab.folder / "images/echo/main.go"
    before = source.read_text()
    assert GREETING in before
    source.write_text(before.replace(GREETING, text))
    try:
        yield
    finally:
        source.write_text(before)


def test_the_ingress_answers_from_every_replica(deployed: Lab) -> None:
    def all_seen() -> set[str]:
        return {answer.replica for answer in answers(deployed)} if len(replicas(deployed)) == 3 else set()

    assert get(deployed.url(80)).text.strip() == GREETING, "when deploy returns, it answers"
    eventually(lambda: all_seen() == replicas(deployed), within=20, what="answers of all three replicas")


def test_the_services_run_where_the_stacks_say(deployed: Lab) -> None:
    for service in ("echo_api", "echo_nginx"):
        tasks = deployed.tasks(service)
        assert len(tasks) == 3
        assert {task["Node"] for task in tasks} <= {"worker01", "worker02", "worker03"}
    assert [task["Node"] for task in deployed.tasks("ingress_haproxy")] == ["manager"]


def test_the_nodes_run_the_digest_of_the_registry(deployed: Lab) -> None:
    image = deployed.services()["echo_api"]["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"]
    name, _, digest = image.partition("@")
    assert name == f"registry:{deployed.vars['registry']['port']}/echo:1.0"
    assert get(f"{deployed.registry}/v2/echo/manifests/{digest}").status == 200


def test_the_visualizer_shows_the_nodes(deployed: Lab) -> None:
    page = get(deployed.url(9000))
    assert page.status == 200
    assert "<html" in page.text.lower()
    state = json.loads(get(deployed.url(9000) + "/api/state").text)
    assert [node["name"] for node in state["nodes"]] == ["manager", "worker01", "worker02", "worker03"]
    shown = [task["service"] for node in state["nodes"] for task in node["tasks"]]
    assert shown.count("echo_api") == 3


def test_deploy_again_changes_nothing(deployed: Lab) -> None:
    before, running = indexes(deployed), replicas(deployed)
    for stack in (("echo",), ("--stack", "echo"), ("ingress",)):
        assert "Nothing to change." in deployed.inv("deploy", *stack).out
    assert indexes(deployed) == before
    assert replicas(deployed) == running


def test_a_changed_image_is_deployed_and_rolled_back(deployed: Lab) -> None:
    before = deployed.services()["echo_api"]["Spec"]
    others = {name: index for name, index in indexes(deployed).items() if name != "echo_api"}
    with greeting(deployed, "Hello Swarm!!"):
        deployed.inv("push", "echo", timeout=200)
        deployed.inv("deploy", "echo")
    assert {answer.text.strip() for answer in answers(deployed)} == {"Hello Swarm!!"}
    assert deployed.services()["echo_api"]["Spec"]["TaskTemplate"] != before["TaskTemplate"]
    assert {name: index for name, index in indexes(deployed).items() if name != "echo_api"} == others

    deployed.inv("rollback", "echo_api")
    assert {answer.text.strip() for answer in answers(deployed)} == {GREETING}
    assert deployed.services()["echo_api"]["Spec"] == before

    deployed.inv("push", "echo")
    assert "Nothing to change." in deployed.inv("deploy", "echo").out, "the registry has again what runs"


def test_the_first_version_of_a_stack_comes_back(deployed: Lab) -> None:
    before = {name: service["Spec"] for name, service in deployed.services().items()}
    with greeting(deployed, "Hello again"):
        deployed.inv("push", "echo", timeout=200)
        assert "services.api.image" in deployed.inv("diff", "echo", check=3).out
        deployed.inv("deploy", "--stack", "echo", "--message", "another greeting")
    assert {answer.text.strip() for answer in answers(deployed)} == {"Hello again"}
    assert deployed.inv("history", "echo").out.splitlines()[1].endswith("another greeting")

    deployed.inv("rollback", "--stack", "echo", "--to", "1")
    assert {answer.text.strip() for answer in answers(deployed)} == {GREETING}
    assert {name: service["Spec"] for name, service in deployed.services().items()} == before
    deployed.inv("push", "echo")
    assert "Nothing to change." in deployed.inv("deploy", "echo").out


def test_nodes_have_a_new_image_before_the_switch(deployed: Lab) -> None:
    image = f"registry:{deployed.vars['registry']['port']}/echo:1.0"
    had: dict[str, str] = {}

    def look(node: str) -> Callable[[int], None]:
        return lambda _: had.update({node: deployed.node(node, "docker", "image", "ls", "--digests").out})

    lines = {f"{node}: has {image}": look(node) for node in deployed.hosts("workers")}
    with greeting(deployed, "Hello ahead"):
        deployed.inv("push", "echo", timeout=200)
        run = watched(deployed, "deploy", "echo", reactions=lines)
    assert run.code == 0, run.text
    assert max(map(run.err.index, lines)) < run.err.index("echo_api: deployed: image")
    digest = deployed.services()["echo_api"]["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"].partition("@")[2]
    assert [node for node, images in had.items() if digest not in images] == []

    deployed.inv("push", "echo")
    run = deployed.inv("deploy", "echo", "--no-pre-pull")
    assert ": has " not in run.err
    assert "echo_api: deployed: image" in run.err
    assert {answer.text.strip() for answer in answers(deployed)} == {GREETING}


def test_a_removed_stack_leaves_nothing(pushed: Lab) -> None:
    stacks = pushed.folder / "templates/stacks"
    (stacks / "small.yml.j2").write_text(SMALL)
    (stacks / "small.txt").write_text("{{ stack }}\n")
    kept = set(pushed.services())
    with pushed.changed():
        pushed.vars["stacks"]["small"] = {"template": "stacks/small.yml.j2"}
        pushed.save()
        pushed.inv("deploy", "small")
        assert len(pushed.tasks("small_web")) == 2
        assert yaml.safe_load((pushed.folder / "stack" / pushed.cluster / "small.yml").read_text())[
            "services"
        ].keys() == {"web"}
        assert parts(pushed) == ["config", "network", "service"]
        pushed.inv("remove", "--stack", "small")
        assert parts(pushed) == []
        assert not replicas(pushed, "small_web")
        assert set(pushed.services()) == kept
        assert "Nothing to change." in pushed.inv("remove", "--stack", "small").out


def parts(lab: Lab) -> list[str]:
    """What the swarm has of the stack `small`."""
    kinds = ("config", "network", "service")
    label = "label=com.docker.stack.namespace=small"
    return [kind for kind in kinds if lab.node("manager", "docker", kind, "ls", "-q", "--filter", label).out.strip()]


def test_an_unknown_stack_is_bad_input(lab: Lab) -> None:
    assert "did you mean echo?" in lab.inv("deploy", "eccho", check=2).err
    assert "did you mean echo?" in lab.inv("remove", "eccho", check=2).err
