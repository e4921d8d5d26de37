"""How each drill is carried out: who is hit, by what, how the swarm shows that it knows, and what mends it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmops.lab import faults
from swarmops.lab.faults import Target
from swarmops.ops.drills.eyes import Seen

if TYPE_CHECKING:
    from docker.api.client import APIClient

RUMOUR_SECONDS = 10.0
"""Engines believe one that comes back from silence that others are dead; requests fail by it only some 5 s later."""

Act = Callable[["APIClient", Iterable[Target]], None]


@dataclass(frozen=True)
class Way:
    """One of them. `choose` names who is hit; no names are the whole lab, its registry and its edge proxy included.

    `told` is asked with what is seen now, what was seen before the fault, and who was hit.
    """

    fault: Act
    mend: Act | None
    """None where the swarm has to be recovered."""
    choose: Callable[[Seen], list[str]]
    told: Callable[[Seen | None, Seen, list[str]], bool]
    done: str
    borne: bool = True
    """Whether the swarm recovers with the fault still there."""
    lost: bool = True
    """Whether nothing can be expected meanwhile of those who are hit."""
    deploys: bool = False
    quiet: float = 2.0
    """For so many seconds after the mending all has to be well, with every request answered, before it is over."""


def _busiest(seen: Seen) -> list[str]:
    return [seen.busiest()]


def _leader(seen: Seen) -> list[str]:
    return seen.managers[:1]


def _majority(seen: Seen) -> list[str]:
    return seen.managers[: len(seen.managers) // 2 + 1]


def _nobody(_: Seen) -> list[str]:
    return []


def _down(seen: Seen | None, _: Seen, hit: list[str]) -> bool:
    return seen is not None and all(not node.ready for node in seen.nodes if node.name in hit)


def _another_leads(seen: Seen | None, _: Seen, hit: list[str]) -> bool:
    return seen is not None and bool(set(seen.leaders) - set(hit))


def _silent(seen: Seen | None, _: Seen, __: list[str]) -> bool:
    return seen is None


def _rejected(seen: Seen | None, before: Seen, hit: list[str]) -> bool:
    """Whether a task was refused there since."""
    if seen is None:
        return False
    there = {node.id for node in seen.nodes if node.name in hit}
    known = {task.id for task in before.tasks}
    return any(task.node_id in there and task.state == "rejected" and task.id not in known for task in seen.tasks)


WAYS = {
    "worker-killed": Way(faults.kill, faults.start, _busiest, _down, "killed"),
    "leader-killed": Way(faults.kill, faults.start, _leader, _another_leads, "killed", deploys=True),
    "engine-frozen": Way(faults.freeze, faults.thaw, _busiest, _down, "froze", quiet=RUMOUR_SECONDS),
    "node-cut-off": Way(faults.cut, faults.heal, _busiest, _down, "cut off", quiet=RUMOUR_SECONDS),
    "disk-full": Way(faults.fill, faults.free, _busiest, _rejected, "filled the disk of", lost=False),
    "quorum-lost-and-recovered": Way(faults.lose, None, _majority, _silent, "removed", borne=False),
    "everything-restarted": Way(faults.kill, faults.start, _nobody, _silent, "killed", borne=False),
}
