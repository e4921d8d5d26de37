"""Changes of members that the engine refuses because something else of them has just changed."""

from __future__ import annotations

from swarmops import facts
from swarmops.cluster import Cluster
from swarmops.commands import Command
from swarmops.errors import CommandFailed

ATTEMPTS = 5


def change(cluster: Cluster, node_id: str, command: Command) -> None:
    """Runs a command that changes a member of the swarm, by its id.

    The command reads the member and writes it back; where its engine reported in between, or its role was just being
    changed, the swarm refuses that ("update out of sequence", seen with two promotions at once), and it runs again.
    Raises CommandFailed.
    """
    for left in reversed(range(ATTEMPTS)):
        before = cluster.ask(lambda api: facts.node_version(api, node_id))
        try:
            cluster.manage(command)
        except CommandFailed:
            if not left or cluster.ask(lambda api: facts.node_version(api, node_id)) == before:
                raise
        else:
            return
