"""The rendered files: compose.yml and the stacks."""

from __future__ import annotations

from swarmops.cluster import Cluster
from swarmops.errors import PendingError
from swarmops.ops.routing import routing
from swarmops.ops.stacks import rendered
from swarmops.render import differs, write
from swarmops.report import Recap


def render(cluster: Cluster, *, check: bool) -> Recap:
    """Writes what differs. With `check` writes nothing and raises PendingError for files that are not up to date."""
    inventory, recap = cluster.inventory, Recap()
    files = {}
    if cluster.lab:
        from swarmops.lab import containers, up

        files["compose.yml"] = up.render(cluster, containers.observe(cluster.engine, inventory.cluster)).text
    for stack in rendered(cluster, routing(cluster)).values():
        files |= stack.files
    paths = {inventory.rendered / name: text for name, text in files.items()}
    if check:
        stale = [path.name for path, text in paths.items() if differs(path, text)]
        if stale:
            raise PendingError(f"not up to date: {', '.join(stale)}", remedy="inv render")
    for path, text in paths.items():
        if write(path, text):
            recap.changed("files", f"wrote {path.name}")
        else:
            recap.ok("files", path.name)
    return recap
