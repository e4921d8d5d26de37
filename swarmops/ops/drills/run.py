"""One drill after the other, round by round."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from swarmops.cluster import Cluster
from swarmops.drill import Drill, Outcome, wanting
from swarmops.errors import InputError
from swarmops.lab import faults
from swarmops.lab.faults import Target
from swarmops.ops.drills.one import Options, Round, targets
from swarmops.ops.quickstart import INGRESS_PORT


def possible(cluster: Cluster, drills: Sequence[Drill], *, skip: bool) -> list[Drill]:
    """Those drills that the lab has the nodes for; the others are left out and named, when `skip`.

    Raises InputError for a cluster that is no lab, and for what is not possible.
    """
    if not cluster.lab:
        raise InputError("a drill breaks nodes on purpose, and those of this inventory are real hosts: labs alone")
    inventory = cluster.inventory
    lacks = {one: wanting(one, len(inventory.managers), len(inventory.workers)) for one in drills}
    told = [text for text in lacks.values() if text]
    if told and not skip:
        raise InputError("; ".join(told), remedy=f"more nodes in {inventory.path.name}, and inv up")
    for text in told:
        cluster.progress.done(f"left out: {text}")
    return [one for one in drills if not lacks[one]]


def run(cluster: Cluster, drills: Sequence[Drill], rounds: int, options: Options) -> Iterator[Outcome]:
    """The outcome of each drill when it is over, round by round. Whatever happens, what was done is undone.

    Raises InputError for a lab that publishes no ingress, SwarmopsError for one that is not well before anything is
    broken, WaitTimeout for one that did not recover.
    """
    url = _url(cluster)
    _mend_all(cluster)
    for _ in range(rounds):
        for drill in drills:
            yield Round(cluster, drill, url, options).outcome()


def _url(cluster: Cluster) -> str:
    if not (address := cluster.inventory.published(INGRESS_PORT)):
        text = f"no manager publishes port {INGRESS_PORT}, through which a drill sends its requests"
        raise InputError(text, remedy='ports: ["8000:80"] of a manager')
    return f"http://{address}/"


def _mend_all(cluster: Cluster) -> None:
    """Undoes what an earlier drill left that was killed; containers that do not run are for `up` to start."""
    running = [one for one in targets(cluster, ()) if one.door]
    faults.thaw(cluster.engine, running)
    cluster.each(cluster.inventory.nodes, lambda node: _mend_inside(cluster, node.name, running))


def _mend_inside(cluster: Cluster, name: str, running: Iterable[Target]) -> None:
    own = [one for one in running if one.node == name]
    faults.heal(cluster.engine, own)
    faults.free(cluster.engine, own)
