"""The swarm's keys: the tokens that nodes join with, the key that unlocks managers, the authority behind it all."""

from __future__ import annotations

from collections.abc import Iterable

from swarmops import facts
from swarmops.cluster import Cluster
from swarmops.commands import Secret, swarm as commands
from swarmops.report import Recap


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
