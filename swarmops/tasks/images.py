"""Images: built here, pushed to the registry, pulled on the nodes."""

from __future__ import annotations

from invoke.context import Context
from invoke.tasks import task

from swarmops.tasks.arguments import named
from swarmops.tasks.session import Seconds, recap, session, show, timeout_help

IMAGE = "name of the image in the inventory"


@task(positional=["image"], help={"image": IMAGE})
def build(c: Context, image: str) -> None:
    """Build an image of the inventory, unless it is there with the same content."""
    with session(c) as cluster:
        from swarmops.ops import images

        show(images.build(cluster, image))


@task(positional=["image"], help={"image": IMAGE})
def push(c: Context, image: str) -> None:
    """Push an image to the cluster's registry, built first if need be."""
    with session(c) as cluster:
        from swarmops.ops import images

        show(images.push(cluster, image))


@task(positional=["image"], help={"image": IMAGE, "node": "this node alone", "timeout": timeout_help(600)})
def pull(c: Context, image: str, node: str | None = None, timeout: int = Seconds(600)) -> None:
    """Pull an image from the registry on all nodes."""
    with session(c) as cluster:
        from swarmops.ops import images

        show(images.pull(cluster, image, timeout, named("node", node)))


@task(help={"node": "this node alone"})
def prune(c: Context, node: str | None = None) -> None:
    """Remove the images that nothing needs from all nodes; those of services and of the history stay."""
    with session(c) as cluster, recap() as done:
        from swarmops.ops import prune as ops

        ops.prune(cluster, done, named("node", node))


TASKS = (build, push, pull)
GROUPS = {"image": (prune,)}
