"""The way back from a deploy that failed: the version before runs again, and that is verified."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from swarmops import facts, stackdiff
from swarmops.cluster import Cluster
from swarmops.commands import service as commands
from swarmops.errors import SwarmopsError
from swarmops.facts import Service
from swarmops.ingress import STACK
from swarmops.ops import configs, ingress
from swarmops.ops.apply import apply
from swarmops.ops.convergence import wait
from swarmops.ops.ending import end
from swarmops.ops.putback import put_back
from swarmops.ops.remove import take_away
from swarmops.record import Record
from swarmops.report import Recap
from swarmops.stackfile import SPEC_LABEL, Stack
from swarmops.wait import Deadline


def version(cluster: Cluster, kept: Record) -> Stack:
    """The stack of a record; its configs and secrets are in the swarm."""
    stack = Stack(kept.stack, kept.file, order=kept.order)
    return ingress.present(cluster, stack) if kept.stack == STACK else stack


def unlike(cluster: Cluster, kept: Record, running: Iterable[Service]) -> bool:
    """Whether a stack's services are others than a record has: changed by hand, or by a deploy that was interrupted."""
    old = version(cluster, kept)
    return bool(stackdiff.differences(old, running, kept.specs) or stackdiff.leftovers(old, list(running)))


def _ours(service: Service) -> bool:
    """Whether swarmops made a service; it did not where it has changed one that somebody else had made."""
    specs = (service.spec, service.previous)
    return all(SPEC_LABEL in (spec.get("Labels") or {}) for spec in specs if spec)


@dataclass(frozen=True)
class WayBack:
    """Where a deploy of `stack` came from: the services that there were, and the newest record.

    `check` raises LockLost when the lock of the stack has gone to somebody else.
    """

    cluster: Cluster
    stack: Stack
    before: list[Service]
    last: Record | None
    check: Callable[[], None]
    serving: frozenset[str] = frozenset()
    """The services, by id, that ran as they should when the deploy began, though nothing was recorded."""

    @property
    def unrecorded(self) -> bool:
        """Whether what there was is left of deploys of which none was recorded."""
        return self.last is None and all(map(_ours, self.before))

    @property
    def first(self) -> bool:
        """Whether there is nothing to go back to: none of them has worked."""
        return self.unrecorded and not self.serving

    def needed(self, recap: Recap) -> bool:
        """Whether this deploy, or one before it that was interrupted, changed something.

        Swarm may have put it back by itself; then it remains to be seen that it runs.
        """
        if recap.any_changed:
            return True
        if self.last is None:
            return bool(self.before) and self.first
        return unlike(self.cluster, self.last, self._running())

    def taken(self, failure: SwarmopsError, timeout: float) -> SwarmopsError:
        """Puts the version before back; what is to be raised then: RolledBack once it runs. Raises LockLost."""
        return put_back(self.cluster, failure, self.stack.name, lambda: self._take(Deadline(timeout)))

    def _take(self, deadline: Deadline) -> str:
        self.check()
        if self.last:
            old = version(self.cluster, self.last)
            apply(
                self.cluster,
                old,
                deadline,
                Recap(),
                check=self.check,
                recorded=self.last.specs,
                pull=False,
                first="all",
            )
            configs.prune(self.cluster, self.stack.name)
            return f"Version {self.last.number} runs again"
        if self.first:
            volumes = take_away(self.cluster, self.stack.name, deadline, self.check)
            stay = f"; its volumes stay on the nodes: {', '.join(volumes)}" if volumes else ""
            return f"It was the first deploy: nothing of it is left (--keep leaves it){stay}"
        return self._each_by_itself(deadline)

    def _each_by_itself(self, deadline: Deadline) -> str:
        """For a stack that somebody else deployed, of which there is no record."""
        old = {service.id: service.spec for service in self.before}
        for service in self._running():
            if service.id not in old:
                end(self.cluster, [service])
            elif service.spec != old[service.id] and service.previous == old[service.id]:
                self.cluster.manage(commands.rollback(service.name), once=True)
        wait(self.cluster, self.serving or old, deadline)
        self.check()
        configs.prune(self.cluster, self.stack.name)
        now = {service.id: service.spec for service in self._running()}
        if now != old:
            names = ", ".join(service.name for service in self.before if now.get(service.id) != service.spec)
            raise SwarmopsError(f"{names}: no version is recorded, and swarm does not keep the one before")
        return "What ran before runs again"

    def _running(self) -> list[Service]:
        return self.cluster.ask(lambda api: facts.services(api, self.stack.name))
