"""The lab's end."""

from __future__ import annotations

from swarmops.cluster import Cluster
from swarmops.errors import InputError
from swarmops.lab import containers
from swarmops.report import Recap


def down(cluster: Cluster, *, volumes: bool) -> Recap:
    """Removes what carries the cluster's label: containers and networks, and volumes when asked."""
    if not cluster.lab:
        raise InputError("down removes a lab; the nodes of this inventory are real hosts")
    recap = Recap()
    name = cluster.inventory.cluster
    for thing in containers.remove(cluster.engine, name, volumes=volumes):
        recap.changed("cluster", f"removed {thing}")
        cluster.progress.done(f"removed {thing}")
    recap.ok("cluster")
    return recap
