"""Runs that fail one after another, and what they say of the next one: pure, on the tasks of a service."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from swarmops.facts import Task

HOPELESS_FAILURES = 3
"""So many failed runs of one version in one slot, and no more are waited for: a restart does not help."""
SHORT_SECONDS = 60.0
"""A run that failed within that time says of the next one that it has to last longer."""
BEGUN = frozenset({"starting", "running", "complete", "failed", "rejected"})


@dataclass(frozen=True)
class Runs:
    """The runs of one place, a slot or a node, the oldest first; `ended_badly` tells those that should have gone on."""

    begun: Sequence[Task]
    ended_badly: Callable[[Task], bool]

    @classmethod
    def of(
        cls,
        tasks: Iterable[Task],
        is_current: Callable[[Task], bool],
        past: Collection[str],
        ended_badly: Callable[[Task], bool],
    ) -> Runs:
        """Those since the place has the present version, was last stopped, and since anything was asked for.

        `tasks` are all of the place, and `past` the ids of those that had ended before.
        """
        begun: list[Task] = []
        for task in sorted(tasks, key=lambda task: task.created):
            if not is_current(task) or (task.over and task.state not in BEGUN):
                begun.clear()
            elif task.state in BEGUN and task.id not in past:
                begun.append(task)
        return cls(begun, ended_badly)

    def in_a_row(self, enough: int) -> Sequence[Task]:
        """The last `enough` runs where all of them are over; none where one goes on, or there were fewer."""
        last = self.begun[-enough:]
        return last if len(last) == enough and all(task.over for task in last) else ()

    def to_outlive(self) -> float:
        """How many seconds those lasted that failed soon: the next one has to last longer."""
        return max(
            (life for life in map(_life, filter(self._crashed, self.begun)) if life <= SHORT_SECONDS), default=0.0
        )

    def flapping(self, task: Task, up: float) -> Sequence[Task]:
        """The last ones before a `task` that is `up` for so many seconds, where they all failed within as many."""
        last = [one for one in self.begun if one.created < task.created][-HOPELESS_FAILURES:]
        if len(last) < HOPELESS_FAILURES or not all(map(self._crashed, last)):
            return ()
        return last if up <= max(map(_life, last)) <= SHORT_SECONDS else ()

    def _crashed(self, task: Task) -> bool:
        """Whether it ran and ended by itself, and not with its engine."""
        return (task.state == "complete" or bool(task.exit_code)) and self.ended_badly(task)


def _life(task: Task) -> float:
    """For how many seconds a task that is over was there, by swarm's own times."""
    if not (task.created and task.since):
        return 0.0
    return (datetime.fromisoformat(task.since) - datetime.fromisoformat(task.created)).total_seconds()
