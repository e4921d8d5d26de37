"""The plan: everything that differs between the inventory and what there is, as actions in order. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from swarmops import quorum
from swarmops.commands import swarm
from swarmops.errors import InputError
from swarmops.facts import MARK, Engine, SwarmNode
from swarmops.inventory import Inventory, Node, Role
from swarmops.members import entry, match
from swarmops.plan import leaving, members, settings
from swarmops.plan.action import CLUSTER, Action, Step
from swarmops.plan.leaving import Former
from swarmops.plan.members import displaced, joining, moving, not_ready
from swarmops.plan.seen import Lab, Seen, Swarm

NO_ENGINE = Engine("", "inactive", control=False, version="", error="")


@dataclass(frozen=True)
class Plan:
    """What `up` does, and what it does not. `awaited` is what differs and heals without a change."""

    first: tuple[Action, ...] = ()
    """What makes way for containers that have to be started."""
    rest: tuple[Action, ...] = ()
    awaited: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    formers: Mapping[str, Former] = field(default_factory=dict)
    """The nodes that have left the inventory, by name."""

    @property
    def actions(self) -> tuple[Action, ...]:
        """All of it, in order."""
        return self.first + self.rest


@dataclass
class _Forecast:
    """The members once the containers run and all have joined, as far as it can be known, by name."""

    actions: list[Action] = field(default_factory=list)
    members: dict[str, SwarmNode] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    """Nodes that may be members or not: that is on the data of a container that does not run."""


def make(inventory: Inventory, seen: Seen, chosen: Sequence[Node] | None = None) -> Plan:
    """What has to change for the cluster to be as the inventory states, and why.

    `chosen` are the nodes that it is about; then what concerns the cluster as a whole is left alone.
    Raises SwarmopsError for what `up` could not do.
    """
    nodes = inventory.nodes if chosen is None else tuple(chosen)
    forecast = _formed(inventory, seen, nodes)
    joined = {action.node for action in forecast.actions}
    plan = Plan(
        (),
        (*containers(seen.lab, chosen), *forecast.actions, *_members(forecast.members, nodes, joined, seen)),
        tuple(_awaited(seen, nodes, forecast)),
    )
    if chosen is None:
        for part in (_cluster(inventory, seen, forecast), _leaving(inventory, seen, forecast)):
            plan = replace(
                plan,
                first=plan.first + part.first,
                rest=plan.rest + part.rest,
                notes=plan.notes + part.notes,
                formers=part.formers,
            )
    if chosen is None and (said := quorum.even(len(inventory.managers))):
        plan = replace(plan, notes=(*plan.notes, said))
    if forecast.unknown:
        text = f"What else differs is known once there is an answer from {', '.join(forecast.unknown)}."
        plan = replace(plan, notes=(*plan.notes, text))
    return plan


def _cluster(inventory: Inventory, seen: Seen, forecast: _Forecast) -> Plan:
    """Settings and networks; nothing where there may be a swarm that has not been seen."""
    if seen.swarm is None and forecast.unknown:
        return Plan()
    stated, there = inventory.settings, seen.swarm or Swarm(())
    actions = settings.swarm_settings(stated.swarm, there.state)
    actions += settings.networks(stated.networks, there.networks, there.users, inventory.cluster)
    notes = settings.kept_settings(stated.swarm, there.state) if there.state else []
    notes += settings.kept_networks(stated.networks, there.networks, there.users)
    return Plan(rest=tuple(_later(actions, "" if seen.swarm else "init")), notes=tuple(notes))


def _leaving(inventory: Inventory, seen: Seen, forecast: _Forecast) -> Plan:
    """What should be in the swarm no more."""
    listed = seen.swarm.members if seen.swarm else ()
    names = {node.name for node in inventory.nodes}
    found = match(inventory.nodes, listed, _ids(seen)) | forecast.members
    left = leaving.formers(names, found, listed, seen.lab.former if seen.lab else {})
    ours = {member.id for member in found.values()} | {each.member.id for each in left if each.member}
    actions = leaving.in_order(leaving.former_lives(names, found, listed, own=_own(inventory)) + leaving.removals(left))
    blocked = seen.lab.blocked if seen.lab else {}
    leaving.refuse_blocked(left, seen.swarm, blocked)
    if seen.swarm is None:
        actions = list(_later(actions, "start"))
    return Plan(
        tuple(action for action in actions if action.node in blocked),
        tuple(action for action in actions if action.node not in blocked),
        notes=tuple(leaving.strangers(names, listed, ours)),
        formers={each.name: each for each in left},
    )


def _later(actions: Iterable[Action], after: str) -> Iterator[Action]:
    return (replace(action, after=after) for action in actions)


def _own(inventory: Inventory) -> bool:
    """Whether swarmops made the nodes."""
    return inventory.settings.transport == "lab"


def containers(lab: Lab | None, chosen: Sequence[Node] | None = None) -> Iterator[Action]:
    """What has to be made or started of the lab; of the chosen nodes, when they are given."""
    lab, names = lab or Lab(), None if chosen is None else {node.name for node in chosen}
    for name in lab.images:
        yield Action(CLUSTER, f"make image {name}", "this machine has none", Step.IMAGE)
    for stray, name in lab.strays.items():
        if names is None or name in names:
            reason = "its making was interrupted"
            yield Action(name, "remove the second container", reason, Step.CLEAR, target=stray)
    if lab.edge and names is None:
        reason = "nothing is published in front of several managers any more"
        yield Action("edge", "remove its container", reason, Step.EDGE)
    for name, reason in lab.reasons.items():
        if names is None or name in names:
            what = "make the container anew" if "definition" in reason else "start the container"
            yield Action(name, what, reason, Step.CONTAINER)
    for text in lab.registry if names is None else ():
        after = "start" if "registry" in lab.reasons else ""
        yield Action("registry", text, "the inventory states it", Step.REGISTRY, after=after)


def _formed(inventory: Inventory, seen: Seen, nodes: Sequence[Node]) -> _Forecast:
    forecast, lab = _Forecast(), seen.lab or Lab()
    listed = seen.swarm.members if seen.swarm else ()
    found = match(inventory.nodes, listed, _ids(seen))
    leader = None if seen.swarm else _first(inventory, seen)
    if leader and leader not in nodes:
        raise without_leader(leader)
    for node in nodes:
        starting, after = node.name in lab.reasons, "start" if node.name in lab.reasons else ""
        engine = seen.engines.get(node.name) or (NO_ENGINE if node.name in lab.fresh else None)
        old = entry(node, listed)
        member = found.get(node.name)
        if member and not starting and not displaced(node, member):
            forecast.members[node.name] = member
        elif engine and engine.locked:
            forecast.actions.append(unlocking(node))
            forecast.unknown += [] if seen.swarm else [node.name]
        elif node == leader:
            forecast.actions.append(init(inventory, node, after))
            forecast.members[node.name] = _blank(node)
        elif engine and (seen.swarm or leader):
            steps = joining(node, engine, listed, own=_own(inventory), after=after)
            forecast.actions += steps
            if steps:
                forecast.members[node.name] = _blank(node, old)
            elif member:
                forecast.members[node.name] = member
        elif old and node.name in lab.moved:
            forecast.actions += moving(node, lab.moved[node.name], old, after=after)
            forecast.members[node.name] = _blank(node, old)
        elif old:
            forecast.members[node.name] = old
        elif seen.swarm and starting:  # whatever it was, it is none of its members
            forecast.actions += joining(node, NO_ENGINE, listed, own=True, after=after)
            forecast.members[node.name] = _blank(node)
        else:
            if node.name in lab.moved and node.role is Role.MANAGER:
                moving(node, lab.moved[node.name])  # it raises: asleep or not, the others know it by its address
            forecast.unknown.append(node.name)
    return forecast


def without_leader(leader: Node) -> InputError:
    """The error for a limit that leaves nobody who could make the swarm."""
    return InputError(f"there is no swarm yet, and --limit leaves out {leader.name}, which makes it")


def unlocking(node: Node) -> Action:
    """What gives a manager the key of its state."""
    return Action(node.name, "unlock", "its engine was restarted, and waits for the key", Step.UNLOCK)


def _first(inventory: Inventory, seen: Seen) -> Node | None:
    """The manager that makes a swarm where there is none; None where one of them may be in one."""
    lab = seen.lab or Lab()
    if any(engine.control for engine in seen.engines.values()):  # also of a worker that somebody promoted
        return None
    for node in inventory.managers:
        engine = seen.engines.get(node.name) or (NO_ENGINE if node.name in lab.fresh else None)
        if engine is None or engine.state != "inactive":
            return None
    return inventory.managers[0]


def init(inventory: Inventory, node: Node, after: str = "") -> Action:
    """What makes the swarm, with the settings that the inventory states. Raises InputError."""
    members.check_address(node)
    options, said = settings.init_options(inventory.settings.swarm)
    what = f"init the swarm{' with ' if said else ''}{', '.join(said)}"
    return Action(node.name, what, "there is none", Step.INIT, swarm.init(node.address, options), after=after)


def _members(found: Mapping[str, SwarmNode], nodes: Iterable[Node], joined: set[str], seen: Seen) -> Iterator[Action]:
    """Roles, marks, availability and labels; of nodes that have yet to join they are known after that."""
    there = [node for node in nodes if node.name in found]
    actions = [*members.roles(there, found), *members.marks(there, found)]
    actions += [action for node in there for action in members.settings(node, found[node.name])]
    after = "join" if seen.swarm else "init"
    return (replace(action, after=after) if action.node in joined else action for action in actions)


def _blank(node: Node, old: SwarmNode | None = None) -> SwarmNode:
    """A node that has just joined; what somebody set of it in its former life stays."""
    return SwarmNode(
        id="",
        hostname=node.name,
        role=str(node.role),
        availability=old.availability if old else "active",
        state="ready",
        address=node.address,
        engine="",
        labels={**(old.labels if old else {}), MARK: node.name},
        leader=False,
        reachability="reachable" if node.role is Role.MANAGER else "",
    )


def _ids(seen: Seen) -> dict[str, str]:
    return {name: engine.node_id for name, engine in seen.engines.items() if engine.node_id}


def _awaited(seen: Seen, nodes: Iterable[Node], forecast: _Forecast) -> Iterator[str]:
    """What `up` waits for and does not change: nodes that do not answer, or are not Ready."""
    starting = seen.lab.reasons if seen.lab else {}
    for node in nodes:
        if node.name in seen.silent:
            yield f"{node.name} does not answer: {seen.silent[node.name]}"
        elif node.name in forecast.members and node.name not in starting:
            yield from filter(None, [not_ready([node], forecast.members)])
        elif node.name in forecast.unknown and seen.swarm is None and node.name not in starting:
            yield f"{node.name}: no manager answers"
