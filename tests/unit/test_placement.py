from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from samples import NEW, member, service, task

from swarmops.facts import Service, SwarmNode, Task
from swarmops.placement import Obstacle, foreign, mixed, obstacle, suits, template_of, told

GIB = 2**30
LINUX = {"OS": "linux", "Architecture": "x86_64"}
NODE = member("worker01", platform=LINUX, resources={"NanoCPUs": 2_000_000_000, "MemoryBytes": 4 * GIB})
PUBLISHED = {"EndpointSpec": {"Ports": [{"Protocol": "tcp", "PublishedPort": 80, "PublishMode": "host"}]}}


def reserving(**wanted: int) -> dict[str, Any]:
    return NEW | {"Resources": {"Reservations": wanted}}


def on(*platforms: dict[str, str]) -> Service:
    return service(template=NEW | {"Placement": {"Platforms": list(platforms)}})


def another(**said: Any) -> Task:
    """A task of another service on the node."""
    return replace(task(**said), service_id="s2")


def lasting(text: str) -> Obstacle:
    return Obstacle(text, lasting=True)


LIMITED = service(template=NEW | {"Placement": {"MaxReplicas": 1}})
MOST = reserving(MemoryBytes=15 * GIB // 4)
HALF = service(template=reserving(MemoryBytes=GIB // 2))
LABELLED = service(template=NEW | {"Placement": {"Constraints": ["node.labels.a==1", "node.labels.b==2"]}})


@pytest.mark.parametrize(
    ("wanted", "node", "tasks", "found"),
    [
        (service(), NODE, (), None),
        (service(), replace(NODE, state="down"), (), Obstacle("down")),
        (service(), replace(NODE, availability="drain"), (), Obstacle("drained")),
        (service(), replace(NODE, availability="pause"), (), Obstacle("paused")),
        (LABELLED, NODE, (), lasting("node.labels.a==1 and node.labels.b==2")),
        (LABELLED, replace(NODE, labels={"a": "1"}, state="down"), (), lasting("node.labels.b==2")),
        (on({"OS": "linux", "Architecture": "amd64"}), NODE, (), None),
        (on({"OS": "linux"}, {"OS": "windows"}), NODE, (), None),
        (on({"OS": "linux", "Architecture": "aarch64"}), NODE, (), lasting("its platform is linux/amd64")),
        (service(template=reserving(MemoryBytes=4 * GIB)), NODE, (), None),
        (service(template=reserving(MemoryBytes=9 * GIB)), NODE, (), lasting("4 GiB of memory there, 9 wanted")),
        (service(template=reserving(NanoCPUs=2_500_000_000)), NODE, (), lasting("2 cpus there, 2.5 wanted")),
        (HALF, NODE, (another(spec=reserving(MemoryBytes=3 * GIB)),), None),
        (HALF, NODE, (another(spec=MOST),), Obstacle("0.25 GiB of memory free, 0.5 wanted")),
        (HALF, NODE, (another(state="shutdown", spec=reserving(MemoryBytes=4 * GIB)),), None),
        (HALF, NODE, (another(node="worker02", spec=reserving(MemoryBytes=4 * GIB)),), None),
        (HALF, replace(NODE, resources={}), (), None),
        (service(**PUBLISHED), NODE, (another(ports=frozenset({("tcp", 80)})),), Obstacle("port 80 is taken")),
        (service(**PUBLISHED), NODE, (another(ports=frozenset({("udp", 80), ("tcp", 81)})),), None),
        (LIMITED, NODE, (another(),), None),
        (LIMITED, NODE, (task(),), Obstacle("has 1, at most 1 per node")),
        (LIMITED, NODE, (task(desired="shutdown"),), None),
    ],
)  # fmt: skip
def test_obstacle(wanted: Service, node: SwarmNode, tasks: tuple[Task, ...], found: Obstacle | None) -> None:
    assert obstacle(wanted, node, tasks) == found


def test_each_finding_is_told_once() -> None:
    many = [(f"worker{number:02}", "down") for number in range(1, 7)]
    assert told([("a", "drained"), *many, ("b", "drained"), ("a", "drained")]) == [
        "a, b: drained",
        "worker01, worker02, worker03, worker04 and 2 more: down",
    ]


ARM = replace(NODE, platform={"OS": "linux", "Architecture": "aarch64"})


@pytest.mark.parametrize(
    ("nodes", "platforms", "said"),
    [
        ([NODE], [{"os": "linux", "architecture": "amd64"}], ""),
        ([NODE, ARM], [{"os": "linux", "architecture": "arm64", "variant": "v8"}], ""),
        ([NODE], [{"os": "linux", "architecture": "arm64"}, {"os": "linux", "architecture": "amd64"}], ""),
        (
            [NODE],
            [{"os": "linux", "architecture": "arm64"}, {"os": "linux", "architecture": "arm"}],
            "linux/arm, linux/arm64",
        ),
        (
            [replace(NODE, platform={"OS": "linux", "Architecture": "armv7l"})],
            [{"os": "linux", "architecture": "arm"}],
            "",
        ),
        ([NODE], [], ""),
    ],
)
def test_an_image_that_no_node_can_run(nodes: list[SwarmNode], platforms: list[dict[str, str]], said: str) -> None:
    assert foreign(nodes, platforms) == said


AMD64_IMAGE = [{"os": "linux", "architecture": "amd64"}]


@pytest.mark.parametrize(
    ("node", "constraint", "platforms", "may"),
    [
        (NODE, "", AMD64_IMAGE, True),
        (ARM, "", AMD64_IMAGE, False),
        (ARM, "", [*AMD64_IMAGE, {"os": "linux", "architecture": "arm64"}], True),
        (ARM, "", [], True),
        (NODE, "node.role==manager", AMD64_IMAGE, False),
        (replace(NODE, availability="pause"), "", AMD64_IMAGE, False),
    ],
)
def test_a_node_suits_a_service_and_its_image(
    node: SwarmNode, constraint: str, platforms: list[dict[str, str]], may: bool
) -> None:
    stated = {"placement": {"constraints": [constraint]}} if constraint else {}
    assert suits(node, template_of({"deploy": stated}, platforms)) is may


def test_platforms_are_mixed_when_nodes_differ() -> None:
    assert not mixed([NODE, replace(NODE, platform={"OS": "linux", "Architecture": "amd64"})])
    assert mixed([NODE, ARM])
