"""More replicas of a service for a while: its label says how many it should have, so that the same command goes on."""

from __future__ import annotations

from swarmops.cluster import Cluster
from swarmops.facts import Json, Service
from swarmops.ops.touch import touch, without
from swarmops.verdict import PAUSED

MORE = "swarmops.rebalance"
"""The label of a service that has more replicas for a while; its value is how many it should have."""


def begun(service: Service) -> bool:
    """Whether it has more for a while, perhaps since a command that was interrupted."""
    return MORE in service.labels


def wanted(service: Service) -> int:
    """How many replicas it should have."""
    return int(service.labels.get(MORE, service.replicas or 0))


def halted(service: Service) -> str:
    """That swarm has paused an update of it, and what comes first, in words; otherwise empty.

    Whatever else is updated has swarm forget that: it goes on to replace good tasks, and the version before is lost.
    """
    if not (what := PAUSED.get(service.update_state)):
        return ""
    back = service.previous and what == "update"  # of what was being put back swarm has no version before
    way = f"inv {'rollback' if back else 'service.update'} {service.name}"
    return f"{service.name}: swarm has paused its {what}; {way}, or a new deploy, comes first"


def more(cluster: Cluster, service: Service, count: int) -> None:
    """Has so many replicas more of it; where that has begun before, nothing."""
    if begun(service):
        return
    total = wanted(service) + count
    kept = {MORE: str(wanted(service))}
    touch(
        cluster, service, lambda spec: {**spec, "Labels": {**(spec.get("Labels") or {}), **kept}, "Mode": _mode(total)}
    )
    cluster.progress.done(f"{total} replicas for a while", service.name)


def back(cluster: Cluster, service: Service) -> None:
    """Sets the number that it should have again."""
    exactly(cluster, service, wanted(service))


def exactly(cluster: Cluster, service: Service, count: int) -> None:
    """Sets a number of replicas and ends what was for a while."""
    touch(cluster, service, lambda spec: {**without(spec, MORE), "Mode": _mode(count)})


def _mode(replicas: int) -> Json:
    return {"Replicated": {"Replicas": replicas}}
