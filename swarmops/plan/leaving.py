"""Members that should not be there: nodes that have left the inventory, former lives, somebody else's. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from swarmops.errors import InputError, SwarmopsError
from swarmops.facts import MARK, SwarmNode
from swarmops.plan.action import Action, Step
from swarmops.plan.seen import Swarm
from swarmops.quorum import last, refuse_loss

LEFT = "it is not in the inventory any more"


@dataclass(frozen=True)
class Former:
    """A node that has left the inventory: its member of the swarm, and the state of its container in a lab."""

    name: str
    member: SwarmNode | None
    container: str


def formers(
    names: Collection[str], members: Mapping[str, SwarmNode], listed: Iterable[SwarmNode], containers: Mapping[str, str]
) -> list[Former]:
    """The nodes that swarmops once made members, or has a container of, and that the inventory has no more.

    `names` are the inventory's nodes, `members` those of them that are in the swarm.
    """
    known = {member.id for member in members.values()}
    ours = {
        member.name: member
        for member in listed
        if member.id not in known and member.name not in names and _ours(member, containers)
    }
    found = dict.fromkeys((*ours, *containers))
    gone = (Former(name, ours.get(name), containers.get(name, "")) for name in found)
    return sorted(gone, key=lambda former: last(former.member) if former.member else (False, False))


def removals(former: Iterable[Former]) -> list[Action]:
    """What takes nodes out of the swarm and of the lab."""
    return [action for each in former for action in _removals(each)]


def refuse_blocked(former: Iterable[Former], swarm: Swarm | None, blocked: Mapping[str, str]) -> None:
    """Raises InputError for a node that cannot go before another one has come that needs its address or its ports."""
    for each in former:
        if each.name in blocked and (reason := _indispensable(each, swarm)):
            taker = blocked[each.name]
            text = f"{each.name} is not in the inventory any more, and {taker} needs its address or one of its ports"
            raise InputError(
                f"{text}; but {reason}", remedy=f"give {taker} another address, and ports, until {each.name} is gone"
            )


def _indispensable(former: Former, swarm: Swarm | None) -> str:
    """Why a node cannot go yet, in words."""
    if swarm is None:
        return f"no manager answers, so that nobody knows what {former.name} is there for"
    try:
        refuse_loss([former.member] if former.member else [], swarm.members)
    except SwarmopsError as error:
        return str(error).splitlines()[0]
    return ""


def in_order(actions: Iterable[Action]) -> list[Action]:
    """All nodes are emptied before the first one goes, so that work moves once; managers go before workers do."""
    return sorted(actions, key=lambda action: list(Step).index(action.step))


def _removals(former: Former) -> Iterator[Action]:
    name, member = former.name, former.member
    if member and member.ready and former.container in ("", "running"):
        yield Action(name, "drain", LEFT, Step.DRAIN, target=member.id)
    if member and _has_a_say(member):
        yield Action(name, "demote to worker", LEFT, Step.RETIRE, target=member.id)
    if member:
        yield Action(name, "remove from the swarm", LEFT, Step.REMOVE, target=member.id)
    if former.container:
        yield Action(name, "remove its container", LEFT, Step.DISCARD, target=name)


def former_lives(
    names: Collection[str], members: Mapping[str, SwarmNode], listed: Iterable[SwarmNode], *, own: bool
) -> list[Action]:
    """Entries of the inventory's nodes from before they joined anew.

    One that is not down yet is known to be one where swarmops made the node (`own`): no other has its host name.
    """
    current = {member.id for member in members.values()}
    return [
        action
        for old in listed
        if old.name in members and old.name in names and old.id not in current and (own or old.state == "down")
        for action in _forgotten(old)
    ]


def _forgotten(old: SwarmNode) -> Iterator[Action]:
    name, reason = old.name, "the node joined anew"
    if _has_a_say(old):
        yield Action(name, f"demote entry {old.id}", reason, Step.RETIRE, target=old.id)
    yield Action(name, f"remove entry {old.id}", reason, Step.REMOVE, target=old.id)


def _has_a_say(member: SwarmNode) -> bool:
    """Whether it is a manager, or about to be one. Who was one before a lost quorum was rebuilt cannot be demoted."""
    return member.manages or (member.ready and member.role == "manager")


def strangers(names: Collection[str], listed: Iterable[SwarmNode], ours: Collection[str]) -> list[str]:
    """Members that are neither in the inventory nor were made members by swarmops, in words; `ours` are ids."""
    return [
        f"{member.name} ({member.id}, {member.state}) is in the swarm and not in the inventory; swarmops did not "
        f"make it a member and leaves it alone: docker node rm --force {member.id}, if it may go"
        for member in listed
        if member.id not in ours and member.name not in names and MARK not in member.labels
    ]


def _ours(member: SwarmNode, containers: Mapping[str, str]) -> bool:
    return MARK in member.labels or member.name in containers
