"""What of a swarm is about to go wrong: certificates, clocks, the managers' quorum. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from swarmops.facts import SwarmNode
from swarmops.quorum import Quorum, even
from swarmops.validity import Validity

SKEW_SECONDS = 2.0
"""The same as in `doctor`: the order of logs and the end of certificates suffer first."""
RENEWED = 0.8
"""A node has its certificate renewed when 0.5 to 0.8 of its time is over (swarmkit, ca/renewer.go)."""
LOCKED = "locked"


@dataclass(frozen=True)
class Vitals:
    """What a node itself says.

    `ahead` is how far its clock is ahead of this machine's in seconds, give or take `within`; None for a node whose
    clock could not be read. `state` is its engine's, where the managers do not reach it. A `deaf` engine does not
    listen for the others; None for one that was not asked.
    """

    ahead: float | None = None
    within: float = 0.0
    time: datetime | None = None
    certificate: Validity | None = None
    state: str = ""
    deaf: bool | None = None

    def json(self) -> dict[str, object]:
        """The same for scripts."""
        return {
            "clock_ahead": None if self.ahead is None else round(self.ahead, 1),
            "certificate_ends": self.certificate and self.certificate.end.isoformat(),
            "state": self.state,
            "deaf": self.deaf,
        }


def problems(listed: Iterable[SwarmNode], vitals: Mapping[str, Vitals]) -> list[str]:
    """What has begun to go wrong, a line each; `vitals` by the names of the nodes."""
    members = list(listed)
    return [
        *_quorum(members),
        *_locked(vitals),
        *_deaf(members, vitals),
        *_clocks(members, vitals),
        *_certificates(vitals),
    ]


def notes(listed: Iterable[SwarmNode]) -> list[str]:
    """What a number of managers means for the day on which one is lost."""
    managers = Quorum.of(listed).managers
    if managers == 1:
        return ["One manager: as long as it is away nothing can be changed. Three bear the loss of one."]
    return [text[0].upper() + text[1:]] if (text := even(managers)) else []


def _quorum(members: list[SwarmNode]) -> list[str]:
    now = Quorum.of(members)
    if now.reachable == now.managers:
        return []
    more = f"{now.spare} more may be lost" if now.spare > 0 else "with one more lost nothing can be changed"
    if not now.holds:
        more = "nothing can be changed"
    return [f"{now.reachable} of {now.managers} managers are reachable, and a quorum takes {now.needed}: {more}"]


def _locked(vitals: Mapping[str, Vitals]) -> list[str]:
    return [f"{name} is locked: inv swarm.unlock" for name, one in vitals.items() if one.state == LOCKED]


def _deaf(members: list[SwarmNode], vitals: Mapping[str, Vitals]) -> list[str]:
    """Of those that the managers take for well: they give such a node tasks, and it refuses each on a new network."""
    return [
        f"{member.name} refuses tasks on networks new to it until its engine is restarted"
        for member in members
        if member.ready and member.name in vitals and vitals[member.name].deaf
    ]


def _clocks(members: list[SwarmNode], vitals: Mapping[str, Vitals]) -> list[str]:
    """Clocks are compared with the leader's, which certifies the nodes; this machine's may be wrong by itself."""
    leaders = {member.name for member in members if member.leader}
    known = {name: (one.ahead, one.within) for name, one in vitals.items() if one.ahead is not None}
    first = next((name for name in known if name in leaders), next(iter(known), ""))
    found = []
    for name, (ahead, within) in known.items():
        off = ahead - known[first][0]
        if abs(off) - within - known[first][1] > SKEW_SECONDS:
            found.append(f"the clock of {name} is {_span(abs(off))} {'ahead of' if off > 0 else 'behind'} {first}'s")
    return found


def _certificates(vitals: Mapping[str, Vitals]) -> list[str]:
    found = []
    for name, one in vitals.items():
        if not one.certificate or not one.time:
            continue
        begin, end = one.certificate.begin, one.certificate.end
        if one.time >= end:
            found.append(f"the certificate of {name} ended {_span((one.time - end).total_seconds())} ago")
        elif one.time > begin + RENEWED * (end - begin):
            left = _span((end - one.time).total_seconds())
            found.append(f"the certificate of {name} ends in {left}, and should have been renewed by now")
    return found


def _span(seconds: float) -> str:
    """A span of time in words, in its largest unit of which there are two or more."""
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def moment(seconds: float) -> datetime:
    """A time that a clock shows as seconds since 1970."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
