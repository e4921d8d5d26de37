"""What the cluster is, read from its engines' APIs."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from swarmops.commands import Secret
from swarmops.commands.stack import NAMESPACE
from swarmops.connect.api import EngineAPI

Json = Mapping[str, Any]

MARK = "swarmops.node"
"""The node label that says which node of the inventory a member is: who has it not, and is not in the inventory
either, is somebody else's."""
ENDED = frozenset({"complete", "failed", "shutdown", "rejected", "orphaned", "remove"})
"""The states of a task that runs no more and never will."""


@dataclass(frozen=True)
class Engine:
    """One engine, as its `/info` says. `state` is inactive, pending, active, locked or error."""

    node_id: str
    state: str
    control: bool
    version: str
    error: str
    address: str = ""
    """Where the other nodes of the swarm find it, by its own word."""

    @property
    def locked(self) -> bool:
        """Whether it waits for the key of a swarm whose managers lock."""
        return self.state == "locked"

    @property
    def begun_anew(self) -> bool:
        """Whether its part in the swarm ended and began again while the engine ran on.

        From then on it says `error`, without an error, until it is restarted itself (moby, cluster/noderunner.go). As
        a manager it does everything all the same; as a worker it refuses tasks on networks that are new to it.
        """
        return self.state == "error" and not self.error

    @classmethod
    def read(cls, api: EngineAPI) -> Engine:
        """Asks the engine behind `api`."""
        return cls.of(api.get("/info"))

    @classmethod
    def of(cls, info: Json) -> Engine:
        """From an answer to `/info`."""
        swarm = info.get("Swarm", {})
        return cls(
            node_id=swarm.get("NodeID", ""),
            state=swarm.get("LocalNodeState", "inactive"),
            control=swarm.get("ControlAvailable", False),
            version=info.get("ServerVersion", ""),
            error=swarm.get("Error", ""),
            address=swarm.get("NodeAddr", ""),
        )


@dataclass(frozen=True)
class SwarmNode:
    """A member of the swarm, as a manager sees it. `role` is the desired one, `resources` all that the machine has."""

    id: str
    hostname: str
    role: str
    availability: str
    state: str
    address: str
    engine: str
    labels: Mapping[str, str]
    leader: bool
    reachability: str
    engine_labels: Mapping[str, str] = field(default_factory=dict)
    platform: Mapping[str, str] = field(default_factory=dict)
    resources: Mapping[str, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The node that it is by its mark, otherwise by its host name."""
        return self.labels.get(MARK) or self.hostname

    @property
    def ready(self) -> bool:
        """Whether its engine reports to the managers."""
        return self.state == "ready"

    @property
    def manages(self) -> bool:
        """Whether it takes part in the managers' quorum, whatever role is desired."""
        return bool(self.reachability)

    @classmethod
    def of(cls, node: Json) -> SwarmNode:
        """From an element of `/nodes`."""
        spec, description, manager = node["Spec"], node.get("Description", {}), node.get("ManagerStatus") or {}
        return cls(
            id=node["ID"],
            hostname=description.get("Hostname", ""),
            role=spec["Role"],
            availability=spec["Availability"],
            state=node["Status"]["State"],
            address=node["Status"].get("Addr", ""),
            engine=description.get("Engine", {}).get("EngineVersion", ""),
            labels=spec.get("Labels") or {},
            engine_labels=description.get("Engine", {}).get("Labels") or {},
            platform=description.get("Platform") or {},
            resources={key: value for key, value in description.get("Resources", {}).items() if isinstance(value, int)},
            leader=manager.get("Leader", False),
            reachability=manager.get("Reachability", ""),
        )


@dataclass(frozen=True)
class Service:
    """A service, as it should be. `replicas` is None for a global one, `iteration` for what is no job."""

    id: str
    name: str
    stack: str
    mode: str
    replicas: int | None
    image: str
    spec: Json
    previous: Json | None
    update_state: str
    update_message: str
    ports: tuple[str, ...]
    iteration: int | None = None
    update_begun: str = ""
    changed: str = ""
    """When anything of it was changed last."""

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels of the service itself, not those of its containers."""
        return self.spec.get("Labels") or {}

    @property
    def template(self) -> Json:
        """What each of its tasks should be."""
        return self.spec["TaskTemplate"]  # type: ignore[no-any-return]

    @classmethod
    def of(cls, service: Json) -> Service:
        """From an element of `/services`."""
        spec = service["Spec"]
        mode = next(iter(spec["Mode"]))
        update = service.get("UpdateStatus") or {}
        ports = service.get("Endpoint", {}).get("Ports") or []
        return cls(
            id=service["ID"],
            name=spec["Name"],
            stack=(spec.get("Labels") or {}).get(NAMESPACE, ""),
            mode=mode.lower(),
            replicas=spec["Mode"][mode].get("Replicas") if mode == "Replicated" else None,
            image=image_of(spec),
            spec=spec,
            previous=service.get("PreviousSpec"),
            update_state=update.get("State", ""),
            update_message=update.get("Message", ""),
            update_begun=update.get("StartedAt", ""),
            changed=service.get("UpdatedAt", ""),
            ports=tuple(f"{port['PublishedPort']}:{port['TargetPort']}" for port in ports if port.get("PublishedPort")),
            iteration=_iteration(service.get("JobStatus")),
        )


@dataclass(frozen=True)
class Task:
    """One run of one replica on one node. `ports` are those that it has taken of its node, with their protocols."""

    id: str
    service_id: str
    node_id: str
    slot: int
    state: str
    desired: str
    error: str
    exit_code: int | None
    spec: Json
    created: str
    since: str
    ports: frozenset[tuple[str, int]] = frozenset()
    iteration: int | None = None
    container: str = ""
    """The id of its container, on its node; empty as long as it has none."""

    @property
    def image(self) -> str:
        """What it was started from."""
        return str(self.spec.get("ContainerSpec", {}).get("Image", ""))

    @property
    def stack(self) -> str:
        """The stack that its service is of; empty for none."""
        labels = self.spec.get("ContainerSpec", {}).get("Labels") or {}
        return str(labels.get(NAMESPACE, ""))

    @property
    def over(self) -> bool:
        """Whether it runs no more and never will."""
        return self.state in ENDED

    @property
    def failed(self) -> bool:
        """Whether it ended, or never began, against the swarm's will."""
        return self.state in ("failed", "rejected")

    @classmethod
    def of(cls, task: Json) -> Task:
        """From an element of `/tasks`."""
        status = task["Status"]
        return cls(
            id=task["ID"],
            service_id=task.get("ServiceID", ""),
            node_id=task.get("NodeID", ""),
            slot=task.get("Slot", 0),
            state=status["State"],
            desired=task["DesiredState"],
            error=status.get("Err", ""),
            exit_code=(status.get("ContainerStatus") or {}).get("ExitCode"),
            spec=task["Spec"],
            created=task.get("CreatedAt", ""),
            since=status.get("Timestamp", ""),
            ports=host_ports((status.get("PortStatus") or {}).get("Ports")),
            iteration=_iteration(task),
            container=(status.get("ContainerStatus") or {}).get("ContainerID", ""),
        )


def host_ports(ports: Iterable[Json] | None) -> frozenset[tuple[str, int]]:
    """Those of the published ports that take one of the node itself: protocol and number."""
    return frozenset(
        (port.get("Protocol", "tcp"), port["PublishedPort"])
        for port in ports or ()
        if port.get("PublishMode") == "host" and port.get("PublishedPort")
    )


def _iteration(job: Json | None) -> int | None:
    """Which run of a job it is: the engine leaves a 0 out."""
    return job["JobIteration"].get("Index", 0) if job and job.get("JobIteration") is not None else None


def numbers(version: str) -> tuple[int, ...]:
    """The major and minor number of an engine's version, such as 20.10.24+dfsg1; none of a word such as dev."""
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())


def image_of(spec: Json) -> str:
    """The image that a service's specification names."""
    return str(spec["TaskTemplate"].get("ContainerSpec", {}).get("Image", ""))


def nodes(api: EngineAPI) -> list[SwarmNode]:
    """The members of the swarm, by host name."""
    return sorted((SwarmNode.of(node) for node in api.get("/nodes")), key=lambda node: node.name)


def node_version(api: EngineAPI, node_id: str) -> int:
    """Which version of a member the swarm has: it changes with everything that is said of it."""
    return int(api.get(f"/nodes/{node_id}")["Version"]["Index"])


def services(api: EngineAPI, stack: str = "") -> list[Service]:
    """The services of the swarm, or of one stack, by name."""
    filters = {"label": [f"{NAMESPACE}={stack}"]} if stack else None
    return sorted((Service.of(item) for item in api.get("/services", filters=filters)), key=lambda item: item.name)


def tasks(api: EngineAPI) -> list[Task]:
    """The tasks of the swarm, those of the past among them."""
    return [Task.of(task) for task in api.get("/tasks")]


def overview(api: EngineAPI) -> tuple[list[Service], list[Task], list[SwarmNode]]:
    """What should run, what does, and where."""
    return services(api), tasks(api), nodes(api)


def networks(api: EngineAPI) -> list[Json]:
    """The networks that this engine knows, as `/networks` gives them."""
    return api.get("/networks")  # type: ignore[no-any-return]


def join_tokens(api: EngineAPI) -> dict[str, Secret]:
    """The token that makes a node a manager, and the one that makes it a worker, by role."""
    tokens = api.get("/swarm")["JoinTokens"]
    return {"manager": Secret(tokens["Manager"]), "worker": Secret(tokens["Worker"])}


def certified_role(certificate: str) -> str:
    """The role in the subject of a node's certificate, given as PEM; empty for what is no such certificate."""
    lines = certificate.partition("-----END")[0].splitlines()
    try:
        content = b64decode("".join(line for line in lines if not line.startswith("-----")))
    except ValueError:
        return ""
    return next((role for role in ("manager", "worker") if f"swarm-{role}".encode() in content), "")
