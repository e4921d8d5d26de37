"""Carries out what a plan says of a swarm that stands: roles, labels, settings, networks, nodes that leave."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import groupby

from swarmops import facts
from swarmops.cluster import Cluster
from swarmops.commands import Command, node as node_commands
from swarmops.connect.api import EngineAPI
from swarmops.errors import CommandFailed
from swarmops.facts import MARK, Engine, SwarmNode
from swarmops.inventory import Node, Role
from swarmops.ops.members import change
from swarmops.ops.roles import refuse_begun_anew, refuse_lost_quorum, set_roles
from swarmops.plan import ADDRESS, FORMING, Action, Plan, Step, Swarm, drift
from swarmops.report import Recap
from swarmops.wait import Deadline, until

MARK_ROUNDS = 5
"""How often a label is set anew when somebody else changes the node at the same time."""


class Settling:
    """One plan, carried out; `done` is told of each action, `recap` gets what is to be said besides."""

    def __init__(
        self,
        cluster: Cluster,
        plan: Plan,
        swarm: Swarm,
        deadline: Deadline,
        recap: Recap,
        done: Callable[[Action], None],
    ) -> None:
        self.cluster = cluster
        self.plan = plan
        self.members = {member.id: member for member in swarm.members}
        self.deadline = deadline
        self.recap = recap
        self.done = done

    def run(self) -> None:
        """What comes after all nodes are members, in the order of the plan; those of one kind together."""
        self.carry_out(action for action in self.plan.rest if order(action.step) > order(FORMING[-1]))

    def carry_out(self, actions: Iterable[Action]) -> None:
        """Some actions, in their order."""
        for step, group in groupby(actions, key=lambda action: action.step):
            self._together(step, list(group))

    def _together(self, step: Step, actions: list[Action]) -> None:
        if step in (Step.MARK, Step.COMMAND):
            self._at_once(actions)
        elif step is Step.DRAIN:
            left = [action for action in actions if action.node in self.plan.formers]
            self._empty([action for action in actions if action not in left], gone=False)
            self._empty(left, gone=True)
        else:
            for action in actions:
                self._one(action)
                self.done(action)

    def _at_once(self, actions: Iterable[Action]) -> None:
        """The nodes side by side, what is done to one node, or to the cluster, one after the other."""
        by_node: dict[str, list[Action]] = {}
        for action in actions:
            by_node.setdefault(action.node, []).append(action)

        def work(chain: list[Action]) -> None:
            for action in chain:
                self._one(action)
                self.done(action)

        for future in [self.cluster.later(lambda chain=chain: work(chain)) for chain in by_node.values()]:  # type: ignore[misc]
            future.result()

    def _one(self, action: Action) -> None:
        if action.step is Step.MARK:
            labels = {**self._former_labels(action), **place(self.cluster, self.cluster.inventory.node(action.node))}
            mark(self.cluster, action.target, action.node, labels)
        elif action.step is Step.COMMAND and action.command:
            self._command(action.command, action.target)
        elif action.step in (Step.PROMOTE, Step.DEMOTE):
            role = Role.MANAGER if action.step is Step.PROMOTE else Role.WORKER
            if role is Role.WORKER:
                refuse_begun_anew(self.cluster, [action.node])
            set_roles(self.cluster, {action.node: self.members[action.target]}, role, self.deadline)
        elif action.step is Step.RETIRE:
            self._retire(self.members[action.target])
        else:
            {
                Step.AUTOLOCK: self._autolock,
                Step.ANEW: self._make_anew,
                Step.REMOVE: self._remove,
                Step.DISCARD: self._discard,
            }[action.step](action)

    def _command(self, command: Command, target: str) -> None:
        if target in self.members:
            change(self.cluster, target, command)
        else:
            self._manage(command, target)

    def _manage(self, command: Command, network: str) -> None:
        """Changes the cluster; repeated after a manager was lost, the command may find the network that it made."""
        try:
            self.cluster.manage(command)
        except CommandFailed:
            from swarmops.ops.networks import networks

            stated, there = self.cluster.inventory.settings.networks.get(network), networks(self.cluster)
            if stated is None or network not in there or drift(stated, there[network]):
                raise

    def _former_labels(self, action: Action) -> Mapping[str, str]:
        """What a node that joined anew was labelled with, where `up` ended before it could be put back."""
        lives = (one for one in self.members.values() if one.id != action.target and one.name == action.node)
        return next((one.labels for one in lives if not one.ready), {})

    def _autolock(self, _: Action) -> None:
        from swarmops.ops.autolock import set_autolock

        said = Recap()
        on = bool(self.cluster.inventory.settings.swarm.autolock)
        set_autolock(self.cluster, on=on, recap=said, deadline=self.deadline)
        for step in said.steps[1:]:
            self.recap.note(f"Autolock: {step[2]}")

    def _make_anew(self, action: Action) -> None:
        from swarmops.ops.networks import take_away

        take_away(self.cluster, [action.target], self.deadline)
        if action.command:
            self._manage(action.command, action.target)

    def _empty(self, actions: list[Action], *, gone: bool) -> None:
        from swarmops.ops.drain import How, empty

        if not actions:
            return
        said = Recap()
        members = {action.node: self.members[action.target] for action in actions}
        empty(self.cluster, members, How(max(self.deadline.left, 1), gone=gone), said)
        for text in said.notes:
            self.recap.note(text)
        for action in actions:
            self.done(action)

    def _retire(self, member: SwarmNode) -> None:
        """Demotes a member that is about to go, dead or alive: its own word is not waited for."""

        def missing() -> str:
            managers = {node.id for node in self.cluster.ask(facts.nodes) if node.manages}
            return f"{member.name} to be none of the managers any more" if member.id in managers else ""

        refuse_lost_quorum(self.cluster, [member])
        change(self.cluster, member.id, node_commands.demote(member.id))
        until(missing, self.deadline, self.cluster.progress)

    def _remove(self, action: Action) -> None:
        from swarmops.ops.removal import leave, take_off

        member = self.members[action.target]
        former = self.plan.formers.get(action.node)
        if former and former.container == "running":
            leave(self.cluster, action.node, member, self.recap)
        elif former and member.ready:
            self.recap.note(f"{action.node} takes itself for a member until docker swarm leave --force there.")
        take_off(self.cluster, member)

    def _discard(self, action: Action) -> None:
        from swarmops.lab import containers

        container = self.cluster.container(action.target)
        containers.remove_one(self.cluster.engine, container)
        self.recap.note(f"The data of {action.node} stay on the volume {container}; inv down --volumes removes them.")


def order(step: Step) -> int:
    """Its place among the steps."""
    return list(Step).index(step)


def place(cluster: Cluster, node: Node) -> dict[str, str]:
    """The label that says with which address a worker of a lab has joined, by its own word."""
    if not cluster.lab or node.role is Role.MANAGER:
        return {}
    address = Engine.read(cluster.api(node.name)).address
    return {ADDRESS: address} if address else {}


def mark(cluster: Cluster, member_id: str, name: str, labels: Mapping[str, str] | None = None) -> None:
    """Labels a member as the node of the inventory that it is; `labels` it has besides, from its former life.

    Raises what `Cluster.ask` raises.
    """

    def update(api: EngineAPI) -> None:
        for left in reversed(range(MARK_ROUNDS)):
            node = api.get(f"/nodes/{member_id}")
            wanted = {**(labels or {}), **(node["Spec"].get("Labels") or {}), MARK: name}
            try:
                api.update(f"/nodes/{member_id}", {**node["Spec"], "Labels": wanted}, node["Version"]["Index"])
            except CommandFailed:  # somebody changed the node since it was read, or it is gone
                if not left:
                    raise
            else:
                return

    cluster.ask(update)
