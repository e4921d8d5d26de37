"""A service changed in its labels or its number of replicas, and in nothing besides."""

from __future__ import annotations

from collections.abc import Callable

from swarmops.cluster import Cluster
from swarmops.connect.api import EngineAPI
from swarmops.errors import CommandFailed
from swarmops.facts import Json, Service

ROUNDS = 5


def touch(cluster: Cluster, service: Service, change: Callable[[Json], Json]) -> None:
    """Changes the specification of a service as it is now, and nothing of it but what `change` does.

    Over the API: `docker service update` sorts the mounts too, whatever it is told (seen on 26.1.5), which swarm takes
    for another version, and it starts all tasks anew. Raises what `Cluster.ask` raises.
    """
    path = f"/services/{service.id}"

    def update(api: EngineAPI) -> None:
        for left in reversed(range(ROUNDS)):
            now = api.get(path)
            wanted = change(now["Spec"])
            if wanted == now["Spec"]:  # done, by a manager that was lost before it could say so
                return
            try:
                api.update(path, wanted, now["Version"]["Index"])
            except CommandFailed:  # somebody changed the service since it was read, or it is gone
                if not left:
                    raise
            else:
                return

    cluster.ask(update)


def without(spec: Json, label: str) -> Json:
    """A specification without a label."""
    return {**spec, "Labels": {name: value for name, value in (spec.get("Labels") or {}).items() if name != label}}
