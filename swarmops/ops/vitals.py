"""Each node's own word: clock, certificate, whether it is locked or deaf. Whoever is slow is left out."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from concurrent.futures import wait

from swarmops import facts, gossip
from swarmops.cluster import Cluster
from swarmops.commands import Command
from swarmops.errors import SwarmopsError
from swarmops.facts import SwarmNode
from swarmops.health import Vitals, moment
from swarmops.members import entry, match
from swarmops.validity import Validity

SECONDS = 2.0
"""No node is waited for longer."""
LISTENS_SECONDS = 0.5
"""An engine that has just become a member may listen a moment later."""
CERTIFICATE = 'cat "$1/swarm/certificates/swarm-node.crt" 2>/dev/null'
SCRIPT = f"date +%s; ({gossip.listening(LISTENS_SECONDS)}); echo $?; {CERTIFICATE}"
TICK = 0.5
"""`date` counts whole seconds, and not every `date` does better: its answer is this much off at most, half added."""


def read(cluster: Cluster, members: Iterable[SwarmNode]) -> dict[str, Vitals]:
    """What the nodes say of themselves, by name, asked at once; one that says nothing in time is not among them."""
    listed, nodes = list(members), cluster.inventory.nodes
    root = str(cluster.ask(lambda api: api.get("/info")).get("DockerRootDir", ""))
    # Those that the swarm does not hear of too: why that is, a lock or a certificate, they may say themselves.
    found = {node.name: one for node in nodes if (one := entry(node, listed))} | match(nodes, listed, {})
    asked = {name: cluster.later(lambda n=name, m=one: _vitals(cluster, n, m, root)) for name, one in found.items()}  # type: ignore[misc]
    wait(asked.values(), timeout=SECONDS)
    said = {name: future.result() for name, future in asked.items() if future.done()}
    return {name: one for name, one in said.items() if one}


def _vitals(cluster: Cluster, name: str, member: SwarmNode, root: str) -> Vitals | None:
    try:
        if member.manages and member.reachability != "reachable":
            return Vitals(state=facts.Engine.read(cluster.api(name)).state)
        before = time.time()
        said = cluster.door(name).run(Command(("sh", "-c", SCRIPT, "sh", root)), check=False, timeout=SECONDS).stdout
        after = time.time()
    except SwarmopsError:
        return None
    return _parse(said, before, after)


def _parse(said: str, before: float, after: float) -> Vitals | None:
    seconds, exited, pem = (*said.split("\n", 2), "", "")[:3]
    if not re.fullmatch(r"\d+", seconds):
        return None
    shown = int(seconds) + TICK
    return Vitals(
        ahead=shown - (before + after) / 2,
        within=TICK + (after - before) / 2,
        time=moment(shown),
        certificate=Validity.of(pem),
        deaf=exited == "1" if exited else None,
    )
