"""The swarm's keys: the tokens that nodes join with, and the authority that certifies them. See also autolock.py."""

from __future__ import annotations

from collections.abc import Iterable

from swarmops import facts
from swarmops.cluster import Cluster
from swarmops.commands import Secret, swarm as commands
from swarmops.connect.api import EngineAPI
from swarmops.errors import SwarmopsError
from swarmops.facts import Json
from swarmops.report import Recap
from swarmops.wait import Deadline, until

Issued = tuple[str, str]
"""By which authority: the certificates that are trusted, and the key of the one that signs."""


def token(cluster: Cluster, role: str) -> Secret:
    """The token that makes a node a worker, or a manager."""
    return cluster.ask(facts.join_tokens)[role]


def rotate_tokens(cluster: Cluster, roles: Iterable[str]) -> Recap:
    """Makes new tokens for these roles. Nodes that have joined keep what they are."""
    recap = Recap()
    for role in roles:
        cluster.manage(commands.rotate_token(role))
        recap.changed("cluster", f"made a new token for {role}s")
        recap.note(f"inv swarm.token {role} prints the new token; the old one is good for nothing.")
    return recap


def rotate_ca(cluster: Cluster, timeout: float) -> Recap:
    """Replaces the authority that certifies nodes; returns when every node has a certificate of the new one.

    A rotation that is under way already is waited for. Raises SwarmopsError, before anything has changed, for nodes
    that cannot take part: it would not end before they do. Raises WaitTimeout, which names the nodes that lag behind.
    """
    deadline, recap = Deadline(timeout), Recap()
    before, under_way, _ = cluster.ask(_authority)
    if under_way:
        cluster.progress.done("a rotation is under way already")
    else:
        _refuse_absent(cluster)
        cluster.manage(commands.rotate_ca())
        cluster.progress.done("made a new authority", "cluster")

    def missing() -> str:
        now, going_on, nodes = cluster.ask(_authority)
        behind = [name for name, issued in nodes.items() if issued[1] != now[1] or not (going_on or issued == now)]
        if behind:
            return f"{', '.join(behind)} to take a certificate of the new authority"
        return "the rotation to end" if going_on or (now[0] == before[0] and not under_way) else ""

    until(missing, deadline, cluster.progress)
    recap.changed("cluster", "replaced the authority")
    for name in sorted(cluster.ask(_authority)[2]):
        recap.changed(name, "has a certificate of the new authority")
    recap.note("The join tokens are new too: they vouch for the authority.")
    return recap


def _authority(api: EngineAPI) -> tuple[Issued, bool, dict[str, Issued]]:
    """What the swarm certifies by, whether that is being replaced, and what each node is certified by."""
    swarm = api.get("/swarm")
    nodes = {node["Description"]["Hostname"]: _issued(node["Description"]) for node in api.get("/nodes")}
    return _issued(swarm), bool(swarm.get("RootRotationInProgress")), nodes


def _issued(of: Json) -> Issued:
    said = of.get("TLSInfo") or {}
    return said.get("TrustRoot", ""), said.get("CertIssuerPublicKey", "")


def _refuse_absent(cluster: Cluster) -> None:
    listed = cluster.ask(facts.nodes)
    absent = [f"{node.name} is {node.state}" for node in listed if not node.ready]
    absent += [
        f"{node.name} is {node.reachability} as a manager"
        for node in listed
        if node.ready and node.reachability not in ("", "reachable")
    ]
    if absent:
        raise SwarmopsError(
            f"{', '.join(absent)}: the rotation ends when every node has its new certificate",
            remedy="inv up brings nodes back; inv remove-node takes one off the list",
        )
