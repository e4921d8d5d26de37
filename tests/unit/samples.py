"""Nodes, services and tasks as the engine's API gives them, with as little to say as a test needs."""

from __future__ import annotations

from typing import Any

from swarmops.facts import Json, Service, SwarmNode, Task
from swarmops.inventory import Node, Role
from swarmops.inventory.schema import HostVars

IMAGE = "registry:5000/web:1.0@sha256:" + "a" * 64
NEW = {"ContainerSpec": {"Image": IMAGE}}
OLD = {"ContainerSpec": {"Image": "registry:5000/web:0.9@sha256:" + "b" * 64}}


def host(name: str, role: Role = Role.WORKER, **stated: Any) -> Node:
    """A node of the inventory."""
    return Node(name, role, "10.89.0.11", HostVars(**stated))


def member(name: str = "worker01", **said: Any) -> SwarmNode:
    """A member of the swarm: a Ready, active worker unless said otherwise; its id is `id-<name>`."""
    usual: dict[str, Any] = {
        "id": f"id-{name}",
        "hostname": name,
        "role": "manager" if said.get("reachability") else "worker",
        "availability": "active",
        "state": "ready",
        "address": "10.89.0.32",
        "engine": "26.1.5",
        "labels": {},
        "leader": False,
        "reachability": "",
    }
    return SwarmNode(**usual | said)


def manager(name: str, reachability: str = "reachable", **said: Any) -> SwarmNode:
    """A member that takes part in the quorum."""
    return member(name, reachability=reachability, **said)


def service(
    mode: Json | int = 1,
    *,
    template: Json = NEW,
    update: str = "",
    message: str = "",
    begun: str = "",
    previous: Json | None = None,
    iteration: int | None = None,
    **spec: Any,
) -> Service:
    """A service of so many replicas, or of another mode; `spec` adds to its specification."""
    stated = {"Replicated": {"Replicas": mode}} if isinstance(mode, int) else mode
    more: dict[str, Any] = {"UpdateStatus": {"State": update, "Message": message, "StartedAt": begun}} if update else {}
    more |= {"PreviousSpec": {"Name": "web", "TaskTemplate": previous}} if previous else {}
    more |= {"JobStatus": {"JobIteration": {"Index": iteration}}} if iteration is not None else {}
    return Service.of({"ID": "s1", "Spec": {"Name": "web", "Mode": stated, "TaskTemplate": template} | spec} | more)


def task(slot: int = 1, state: str = "running", *, node: str = "worker01", at: int = 0, **said: Any) -> Task:
    """A run of `web`, of its present version, made at second `at`."""
    moment = f"2024-01-01T00:00:{at:02}Z"
    usual: dict[str, Any] = {
        "id": f"t{slot}-{node}-{at}",
        "service_id": "s1",
        "node_id": f"id-{node}",
        "slot": slot,
        "state": state,
        "desired": "running" if state in ("running", "starting", "pending") else "shutdown",
        "error": "",
        "exit_code": None,
        "spec": NEW,
        "created": moment,
        "since": moment,
    }
    return Task(**usual | said)
