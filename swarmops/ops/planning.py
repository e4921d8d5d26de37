"""What there is, looked at so that a plan can be made; and `plan`, which shows it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from swarmops import evacuation, facts
from swarmops.cluster import Cluster
from swarmops.connect.api import EngineAPI
from swarmops.errors import ConnectionFailed, PendingError, SwarmopsError
from swarmops.facts import Engine, Json
from swarmops.inventory import Node
from swarmops.inventory.schema import Network
from swarmops.members import match
from swarmops.plan import Plan, Seen, Step, Swarm, displaced, drift, make
from swarmops.report import table

if TYPE_CHECKING:
    from swarmops.lab.containers import Container
    from swarmops.lab.up import Look

HEAD = ("NODE", "ACTION", "WHY")


@dataclass(frozen=True)
class Proposal:
    """What `up` would do, and what `deploy` would change in each stack: the stack, it or a service of it, and why."""

    plan: Plan
    deploys: tuple[tuple[str, str, str], ...]
    refused: Mapping[str, str] = field(default_factory=dict)
    """What is to be done first about the stacks that a deploy would refuse."""

    @property
    def pending(self) -> int:
        """How many things are not as the inventory states."""
        return len(self.plan.actions) + len(self.plan.awaited) + len(self.deploys)

    def check(self) -> None:
        """Raises PendingError when there is something."""
        if self.pending:
            verbs = ["inv up"] if self.plan.actions or self.plan.awaited else []
            stacks = dict.fromkeys(stack for stack, _, _ in self.deploys)
            verbs += [self.refused.get(name, f"inv deploy {name}") for name in stacks]
            raise PendingError(f"{self.pending} pending", remedy=", ".join(dict.fromkeys(verbs)))

    def text(self) -> str:
        """As a table, and what is to be said besides."""
        rows = [(action.node, action.what, action.why) for action in self.plan.actions]
        rows += [(name, "deploy", why) for _, name, why in self.deploys]
        waits = [f"inv up waits: {text}" for text in self.plan.awaited]
        return "\n".join([table(HEAD, rows) if rows else "Nothing to change.", *waits, *self.plan.notes])

    def json(self) -> dict[str, Any]:
        """The same for scripts."""
        actions = [
            {"node": action.node, "action": action.what, "reason": action.reason, "known_after": action.after}
            for action in self.plan.actions
        ]
        deploys = [{"stack": stack, "name": name, "reason": why} for stack, name, why in self.deploys]
        return {
            "actions": actions,
            "deploys": deploys,
            "waits": list(self.plan.awaited),
            "notes": list(self.plan.notes),
        }


def propose(cluster: Cluster, chosen: Sequence[Node] | None) -> Proposal:
    """What would change, and why; of the chosen nodes, when they are given. Changes nothing.

    Raises SwarmopsError for what `up` could not do.
    """
    seen = survey(cluster, chosen)
    plan = make(cluster.inventory, seen, chosen)
    plan = replace(plan, notes=(*plan.notes, *_stranding(cluster, plan)))
    refused: dict[str, str] = {}
    return Proposal(plan, tuple(_deploys(cluster, seen, plan, refused)) if chosen is None else (), refused)


def _stranding(cluster: Cluster, plan: Plan) -> list[str]:
    """The services that the nodes which are to be emptied run, and no other node may."""
    ids = [action.target for action in plan.actions if action.step is Step.DRAIN and action.target]
    if not ids:
        return []
    services, tasks, nodes = cluster.ask(facts.overview)
    affected = evacuation.affected(services, tasks, [node for node in nodes if node.id in ids])
    stranded = evacuation.stranded(affected, tasks, nodes, ids)
    return [f"{name} will have no node to run on: {'; '.join(why)}" for name, why in stranded.items()]


def survey(cluster: Cluster, chosen: Sequence[Node] | None) -> Seen:
    """What there is. The engines are asked of those nodes alone that no manager sees Ready."""
    lab = look_lab(cluster, observe(cluster)).lab if cluster.lab else None
    swarm = glance(cluster)
    nodes = cluster.inventory.nodes if chosen is None or not swarm else chosen
    known = settled(nodes, swarm)
    unknown = [node for node in nodes if node.name not in known and not (lab and node.name in lab.reasons)]
    engines, silent = ask_engines(cluster, unknown)
    return Seen(swarm, engines, silent, lab)


def settled(nodes: Iterable[Node], swarm: Swarm | None) -> set[str]:
    """The nodes that need no look of their own: a manager sees them Ready, where they are."""
    found = match(nodes, swarm.members if swarm else (), {})
    return {
        node.name for node in nodes if (member := found.get(node.name)) and member.ready and not displaced(node, member)
    }


def former(cluster: Cluster) -> dict[str, str]:
    """The states of the containers of nodes that are not in the inventory, by the nodes' names."""
    from swarmops.lab import up

    return up.former(cluster.inventory, observe(cluster))


def observe(cluster: Cluster) -> dict[str, Container]:
    """The lab's containers; nodes that have left the inventory belong to the cluster as long as theirs are there."""
    from swarmops.lab import containers, up

    seen = containers.observe(cluster.engine, cluster.inventory.cluster)
    for name, state in up.former(cluster.inventory, seen).items():
        if state == "running":
            cluster.admit(name)
    return seen


def look_lab(cluster: Cluster, seen: Mapping[str, Container]) -> Look:
    """What the lab lacks."""
    from swarmops.lab import up

    return up.look(cluster, seen)


def glance(cluster: Cluster) -> Swarm | None:
    """The swarm, where a manager answers right now."""
    with suppress(SwarmopsError):
        return _swarm(cluster.manager(), cluster.inventory.settings.networks)
    return None


def look_swarm(cluster: Cluster) -> Swarm:
    """The swarm, as the manager sees it that answers. Raises what `Cluster.ask` raises."""
    return cluster.ask(lambda api: _swarm(api, cluster.inventory.settings.networks))


def _swarm(api: EngineAPI, wanted: Mapping[str, Network]) -> Swarm:
    networks = [network for network in facts.networks(api) if network["Scope"] == "swarm"]
    state = {key: value for key, value in api.get("/swarm").items() if key != "JoinTokens"}
    drifted = [network for network in networks if _drifted(network, wanted)]
    return Swarm(tuple(facts.nodes(api)), tuple(networks), state, _users(api, drifted) if drifted else {})


def ask_engines(cluster: Cluster, nodes: Collection[Node]) -> tuple[dict[str, Engine], dict[str, str]]:
    """What the engines of these nodes say, and what is to be said of those that do not answer."""

    def ask(node: Node) -> Engine | str:
        try:
            return Engine.read(cluster.api(node.name))
        except ConnectionFailed as error:
            return str(error).splitlines()[0]

    said = {node.name: answer for node, answer in zip(nodes, cluster.each(nodes, ask), strict=True)}
    engines = {name: answer for name, answer in said.items() if isinstance(answer, Engine)}
    return engines, {name: answer for name, answer in said.items() if isinstance(answer, str)}


def _drifted(network: Json, wanted: Mapping[str, Network]) -> bool:
    return network["Name"] in wanted and bool(drift(wanted[network["Name"]], network))


def _users(api: EngineAPI, networks: Iterable[Json]) -> dict[str, list[str]]:
    """What uses each of the networks: services, and containers that have joined it by themselves."""
    ids = {network["Id"]: network["Name"] for network in networks}
    names = {name: name for name in ids.values()} | ids
    found: dict[str, list[str]] = {name: [] for name in ids.values()}
    for service in facts.services(api):
        for item in service.template.get("Networks") or service.spec.get("Networks") or []:
            if item["Target"] in names:
                found[names[item["Target"]]].append(service.name)
    for task in api.get("/tasks", filters={"runtime": ["attachment"], "desired-state": ["running"]}):
        for item in task.get("NetworksAttachments") or []:
            if item["Network"]["ID"] in ids:
                found[ids[item["Network"]["ID"]]].append("a container")
    return found


def _deploys(cluster: Cluster, seen: Seen, plan: Plan, refused: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    """What `deploy` would change in the stacks of the inventory: stack, stack or service, and why.

    `refused` gets what is to be done first about those that it would not take.
    """
    from swarmops.ops import history

    new = any(action.step is Step.INIT for action in plan.actions)
    for name in cluster.inventory.settings.stacks:
        if seen.swarm is None:
            yield name, name, "nothing runs yet (known after init)" if new else "known once a manager answers"
            continue
        try:
            yield from ((name, service, why) for service, why in history.changes(cluster, name).items())
        except SwarmopsError as error:
            if error.remedy or not plan.actions:  # `up` may do what the stack lacks
                refused[name] = error.remedy or f"inv lint {name}"
            yield name, name, "; ".join(map(str.strip, error.said.splitlines()))
