"""Overlay networks by hand."""

from __future__ import annotations

from invoke.context import Context
from invoke.tasks import task

from swarmops.tasks.session import Seconds, session, show

TIMEOUT = "seconds to wait before it counts as failed"


@task(
    positional=["name"],
    help={
        "name": "name of the network",
        "driver": "overlay",
        "attachable": "plain containers may join it",
        "encrypted": "traffic between the nodes is encrypted",
        "subnet": "such as 10.90.0.0/24; otherwise swarm chooses one",
        "timeout": TIMEOUT,
    },
)
def create(
    c: Context,
    name: str,
    driver: str = "overlay",
    attachable: bool = False,
    encrypted: bool = False,
    subnet: str = "",
    timeout: int = Seconds(30),
) -> None:
    """Make an overlay network, unless there is one with these options."""
    with session(c) as cluster:
        from swarmops.ops import networks

        show(networks.create(cluster, name, networks.Options(driver, attachable, encrypted, subnet), timeout))


@task
def ls(c: Context) -> None:
    """List the networks of the swarm, and the services on them."""
    with session(c) as cluster:
        from swarmops.ops import networks

        print(networks.ls(cluster))


@task(positional=["names"], help={"names": "name of the network; several: front,back", "timeout": TIMEOUT})
def rm(c: Context, names: str, timeout: int = Seconds(60)) -> None:
    """Remove networks that no service uses, and wait until they are gone."""
    with session(c) as cluster:
        from swarmops.ops import networks

        show(networks.remove(cluster, list(dict.fromkeys(filter(None, names.split(",")))), timeout))


GROUPS = {"network": (create, ls, rm)}
