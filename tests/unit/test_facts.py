from __future__ import annotations

import json
from typing import Any

import pytest
from samples import IMAGE, service, task

from swarmops import facts
from swarmops.commands import Secret
from swarmops.connect.api import EngineAPI
from swarmops.facts import Engine, Service, SwarmNode, Task

NODE: dict[str, Any] = {
    "ID": "n1",
    "Spec": {"Role": "manager", "Availability": "active", "Labels": {"region": "east"}},
    "Description": {"Hostname": "manager", "Engine": {"EngineVersion": "26.1.5"}},
    "Status": {"State": "ready", "Addr": "10.89.0.11"},
    "ManagerStatus": {"Leader": True, "Reachability": "reachable", "Addr": "10.89.0.11:2377"},
}
FRESH: dict[str, Any] = {
    "ID": "n2",
    "Spec": {"Role": "worker", "Availability": "active"},
    "Status": {"State": "unknown"},
}
SERVICE: dict[str, Any] = {
    "ID": "s1",
    "Spec": {
        "Name": "echo_api",
        "Labels": {"com.docker.stack.namespace": "echo", "swarmops.spec": "0123"},
        "TaskTemplate": {"ContainerSpec": {"Image": IMAGE}},
        "Mode": {"Replicated": {"Replicas": 3}},
    },
    "PreviousSpec": {"Name": "echo_api"},
    "UpdateStatus": {"State": "paused", "Message": "update paused"},
    "Endpoint": {"Ports": [{"PublishedPort": 8080, "TargetPort": 80}, {"TargetPort": 1936}]},
}
TASK: dict[str, Any] = {
    "ID": "t1",
    "ServiceID": "s1",
    "NodeID": "n1",
    "Slot": 2,
    "CreatedAt": "2024-01-01T00:00:00Z",
    "DesiredState": "shutdown",
    "Spec": {"ContainerSpec": {"Image": IMAGE}},
    "Status": {
        "State": "failed",
        "Timestamp": "2024-01-01T00:00:09Z",
        "Err": "task: non-zero exit (1)",
        "ContainerStatus": {"ExitCode": 1},
    },
}
INFO = {"ServerVersion": "26.1.5", "Swarm": {"NodeID": "n1", "LocalNodeState": "active", "ControlAvailable": True}}


class Answers(EngineAPI):
    """Answers from a table; keeps what it was asked."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.node = "manager"
        self.asked: list[tuple[str, Any]] = []
        self._answers = answers

    def get(self, path: str, *, filters: dict[str, list[str]] | None = None, **query: str) -> Any:
        self.asked.append((path, filters))
        return json.loads(json.dumps(self._answers[path]))


def test_node() -> None:
    node = SwarmNode.of(NODE)
    assert (node.id, node.hostname, node.role, node.availability) == ("n1", "manager", "manager", "active")
    assert (node.address, node.engine, node.labels) == ("10.89.0.11", "26.1.5", {"region": "east"})
    assert (node.ready, node.manages, node.leader, node.reachability) == (True, True, True, "reachable")


def test_a_node_that_has_said_nothing_yet() -> None:
    node = SwarmNode.of(FRESH)
    assert (node.hostname, node.address, node.engine, node.labels) == ("", "", "", {})
    assert (node.ready, node.manages, node.leader) == (False, False, False)


def test_service() -> None:
    made = Service.of(SERVICE)
    assert (made.name, made.stack, made.mode, made.replicas, made.image) == ("echo_api", "echo", "replicated", 3, IMAGE)
    assert (made.update_state, made.update_message) == ("paused", "update paused")
    assert made.previous == {"Name": "echo_api"}
    assert made.ports == ("8080:80",)
    assert made.labels["swarmops.spec"] == "0123"
    assert made.template == SERVICE["Spec"]["TaskTemplate"]


@pytest.mark.parametrize(
    ("mode", "name", "replicas"),
    [
        ({"Global": {}}, "global", None),
        ({"GlobalJob": {}}, "globaljob", None),
        ({"ReplicatedJob": {"MaxConcurrent": 1}}, "replicatedjob", None),
        ({"Replicated": {"Replicas": 0}}, "replicated", 0),
    ],
)
def test_modes(mode: dict[str, Any], name: str, replicas: int | None) -> None:
    assert (service(mode).mode, service(mode).replicas) == (name, replicas)


def test_a_plain_service() -> None:
    made = service(1)
    assert (made.stack, made.labels, made.previous, made.update_state, made.ports) == ("", {}, None, "", ())


def test_task() -> None:
    made = Task.of(TASK)
    assert (made.id, made.service_id, made.node_id, made.slot, made.image) == ("t1", "s1", "n1", 2, IMAGE)
    assert (made.state, made.desired, made.error, made.exit_code) == (
        "failed",
        "shutdown",
        "task: non-zero exit (1)",
        1,
    )
    assert (made.created, made.since) == ("2024-01-01T00:00:00Z", "2024-01-01T00:00:09Z")


def test_what_a_node_has_and_what_a_task_takes_of_it() -> None:
    resources = {"NanoCPUs": 2_000_000_000, "MemoryBytes": 2**30, "GenericResources": []}
    described = NODE | {"Description": {"Hostname": "manager", "Resources": resources}}
    assert SwarmNode.of(described).resources == {"NanoCPUs": 2_000_000_000, "MemoryBytes": 2**30}
    ports = [
        {"Protocol": "udp", "PublishedPort": 53, "PublishMode": "host"},
        {"Protocol": "tcp", "PublishedPort": 80, "PublishMode": "ingress"},
        {"Protocol": "tcp", "TargetPort": 81, "PublishMode": "host"},
    ]
    assert Task.of(TASK | {"Status": TASK["Status"] | {"PortStatus": {"Ports": ports}}}).ports == {("udp", 53)}


@pytest.mark.parametrize(("said", "iteration"), [(None, None), ({}, 0), ({"Index": 7}, 7)])
def test_the_iteration_of_a_job(said: Any, iteration: int | None) -> None:
    job = {} if said is None else {"JobIteration": said}
    assert Task.of(TASK | job).iteration == iteration
    assert Service.of(SERVICE | {"JobStatus": job}).iteration == iteration


def test_a_task_that_has_no_place_yet() -> None:
    made = Task.of({"ID": "t", "DesiredState": "running", "Spec": {}, "Status": {"State": "new"}})
    assert (made.node_id, made.slot, made.image, made.error, made.exit_code) == ("", 0, "", "", None)


@pytest.mark.parametrize(
    ("state", "over", "failed"),
    [
        *((state, False, False) for state in ("new", "pending", "assigned", "preparing", "starting", "running")),
        *((state, True, False) for state in ("complete", "shutdown", "orphaned", "remove")),
        *((state, True, True) for state in ("failed", "rejected")),
    ],
)
def test_states_of_a_task(state: str, over: bool, failed: bool) -> None:
    assert (task(state=state).over, task(state=state).failed) == (over, failed)


@pytest.mark.parametrize(
    ("info", "engine"),
    [
        (INFO, Engine("n1", "active", True, "26.1.5", "")),
        ({"Swarm": {"LocalNodeState": "error", "Error": "boom"}}, Engine("", "error", False, "", "boom")),
        ({}, Engine("", "inactive", False, "", "")),
    ],
)
def test_engine(info: dict[str, Any], engine: Engine) -> None:
    assert Engine.read(Answers({"/info": info})) == engine


def test_nodes_come_by_host_name() -> None:
    api = Answers({"/nodes": [NODE, FRESH]})
    assert [node.id for node in facts.nodes(api)] == ["n2", "n1"]


@pytest.mark.parametrize(("stack", "filters"), [("", None), ("echo", {"label": ["com.docker.stack.namespace=echo"]})])
def test_services_of_a_stack(stack: str, filters: Any) -> None:
    api = Answers({"/services": [SERVICE]})
    assert [made.name for made in facts.services(api, stack)] == ["echo_api"]
    assert api.asked == [("/services", filters)]


def test_the_tasks_of_the_swarm() -> None:
    assert [made.id for made in facts.tasks(Answers({"/tasks": [TASK]}))] == ["t1"]


def test_join_tokens_are_secrets() -> None:
    tokens = facts.join_tokens(Answers({"/swarm": {"JoinTokens": {"Manager": "mmm", "Worker": "www"}}}))
    assert tokens == {"manager": Secret("mmm"), "worker": Secret("www")}
    assert "mmm" not in str(tokens)
