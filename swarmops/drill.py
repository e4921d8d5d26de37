"""A drill: a fault on purpose, what it takes of the lab, how it went, and the medians of several rounds. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from swarmops.errors import InputError, suggest
from swarmops.report import table


@dataclass(frozen=True)
class Drill:
    """Its name, and how many managers and workers a lab needs for it."""

    name: str
    managers: int = 1
    workers: int = 0


DRILLS = (
    Drill("worker-killed", workers=2),
    Drill("leader-killed", managers=3),
    Drill("engine-frozen", workers=2),
    Drill("node-cut-off", workers=2),
    Drill("disk-full", workers=2),
    Drill("quorum-lost-and-recovered", managers=3),
    Drill("everything-restarted"),
)


def named(name: str) -> Drill:
    """The drill of that name. Raises InputError."""
    known = {drill.name: drill for drill in DRILLS}
    if name not in known:
        raise InputError(f"there is no drill {name}{suggest(name, known)}", remedy=f"one of {', '.join(known)}")
    return known[name]


def wanting(drill: Drill, managers: int, workers: int) -> str:
    """What a lab lacks for a drill, in words; empty when nothing."""
    short = [
        f"{needed} {what}s"
        for what, needed, there in (("manager", drill.managers, managers), ("worker", drill.workers, workers))
        if there < needed
    ]
    return f"{drill.name} takes {' and '.join(short)}" if short else ""


@dataclass(frozen=True)
class Outcome:
    """How a drill went. Times are in seconds.

    `detected`, `recovered` and `deployed` count from the fault: until the swarm said so; until every service was at its
    count again, there was one leader and requests were answered; until a new deploy was verified. `whole` counts from
    the mending: until all that, and every node Ready. `sent` and `lost` are the requests up to then, the other
    two those that came after it.
    """

    drill: str
    did: str
    detected: float
    recovered: float
    whole: float
    sent: int
    lost: int
    sent_after: int
    lost_after: int
    deployed: float | None = None

    def text(self) -> str:
        """A few lines for the operator."""
        deployed = [("new deploy after", f"{self.deployed:6.1f} s")] if self.deployed is not None else []
        rows = [
            ("detected after", f"{self.detected:6.1f} s"),
            ("recovered after", f"{self.recovered:6.1f} s"),
            *deployed,
            ("whole again", f"{self.whole:6.1f} s after it was mended"),
            ("requests", f"{self.lost} of {self.sent} lost; after recovery {self.lost_after} of {self.sent_after}"),
        ]
        return "\n".join([f"{self.drill}: {self.did}", *(f"  {name:<17}{value}" for name, value in rows)])


HEAD = ("DRILL", "ROUNDS", "DETECTED", "RECOVERED", "DEPLOY", "WHOLE", "SENT", "LOST", "LOST AFTER")


def medians(outcomes: Sequence[Outcome]) -> str:
    """A line for each drill: the medians of its times and requests; of what was lost after recovery the sum."""
    return table(HEAD, (_row(name, _of(name, outcomes)) for name in dict.fromkeys(one.drill for one in outcomes)))


def lost_after(outcomes: Iterable[Outcome]) -> list[str]:
    """The drills after which requests were lost, in words."""
    bad = [one for one in outcomes if one.lost_after]
    return [f"{one.drill}: {one.lost_after} of {one.sent_after} requests lost after recovery" for one in bad]


def _of(name: str, outcomes: Iterable[Outcome]) -> list[Outcome]:
    return [one for one in outcomes if one.drill == name]


def _row(name: str, rounds: Sequence[Outcome]) -> tuple[str, ...]:
    deploys = [one.deployed for one in rounds if one.deployed is not None]
    return (
        name,
        str(len(rounds)),
        _median(one.detected for one in rounds),
        _median(one.recovered for one in rounds),
        _median(deploys) if deploys else "-",
        _median(one.whole for one in rounds),
        f"{statistics.median(one.sent for one in rounds):.0f}",
        f"{statistics.median(one.lost for one in rounds):.0f}",
        str(sum(one.lost_after for one in rounds)),
    )


def _median(seconds: Iterable[float]) -> str:
    return f"{statistics.median(seconds):.1f}"
