"""How many managers make a quorum, and whether a swarm can do without some of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from swarmops.errors import SwarmopsError
from swarmops.facts import SwarmNode


@dataclass(frozen=True)
class Quorum:
    """How many managers a swarm has, and how many of them the others reach."""

    managers: int
    reachable: int

    @classmethod
    def of(cls, listed: Iterable[SwarmNode], *, without: Iterable[SwarmNode] = ()) -> Quorum:
        """Of the members that manage, some of them left out."""
        out = {member.id for member in without}
        left = [member for member in listed if member.manages and member.id not in out]
        return cls(len(left), sum(member.reachability == "reachable" for member in left))

    @property
    def needed(self) -> int:
        """How many have to be reachable for anything to change."""
        return self.managers // 2 + 1

    @property
    def bears(self) -> int:
        """How many losses so many managers bear when all of them are well."""
        return max(0, self.managers - self.needed)

    @property
    def spare(self) -> int:
        """How many more it bears to lose now; negative when the quorum is lost."""
        return self.reachable - self.needed

    @property
    def holds(self) -> bool:
        """Whether anything can change."""
        return self.spare >= 0


def refuse_loss(leaving: Sequence[SwarmNode], listed: Iterable[SwarmNode]) -> None:
    """Raises SwarmopsError, with the arithmetic, when the managers that are left would have no quorum among them."""
    seen, going = list(listed), [member for member in leaving if member.manages]
    left = Quorum.of(seen, without=going)
    names = ", ".join(member.name for member in going)
    if not going or left.holds:
        return
    if not left.managers:
        last = f"{names} is the last manager" if len(going) == 1 else f"{names} are all the managers"
        raise SwarmopsError(
            f"{last}; a swarm without one cannot be operated",
            remedy="inv promote another node first",
        )
    lost = ",".join(each.name for each in seen if each not in going and each.reachability not in ("", "reachable"))
    raise SwarmopsError(
        f"without {names} {left.reachable} of {left.managers} managers are reachable, and a quorum takes {left.needed}",
        remedy=f"bring {lost} back first, or inv demote {lost}",
    )


def last(member: SwarmNode) -> tuple[bool, bool]:
    """To sort members by that leave: lost managers go first and the leader last, so that the quorum is kept."""
    return member.reachability == "reachable", member.leader


def even(managers: int) -> str:
    """What an even number of managers does to fault tolerance, in words; empty for an odd one."""
    if managers % 2 or not managers:
        return ""
    lost = f"{managers} managers bear the loss of {Quorum(managers, managers).bears}"
    return f"{lost}, as {managers - 1} would: an odd number is better."
