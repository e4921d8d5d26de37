"""Overlay networks by hand."""

from __future__ import annotations

from invoke.context import Context
from invoke.tasks import task

from swarmops.tasks.session import Seconds, names as listed, session, show, timeout_help


@task(
    positional=["name"],
    help={
        "name": "name of the network",
        "driver": "overlay, the only one there is for services",
        "attachable": "plain containers may join it",
        "encrypted": "traffic between the nodes is encrypted",
        "subnet": "such as 10.90.0.0/24; one that swarm chooses unless stated",
        "timeout": timeout_help(30),
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
        from swarmops.overlay import Options

        show(networks.create(cluster, name, Options(driver, attachable, encrypted, subnet), timeout))


@task
def ls(c: Context) -> None:
    """List the networks of the swarm, and the services on them."""
    with session(c) as cluster:
        from swarmops.ops import networks

        print(networks.ls(cluster))


@task(positional=["names"], help={"names": "names of networks, such as front,back", "timeout": timeout_help(60)})
def rm(c: Context, names: str, timeout: int = Seconds(60)) -> None:
    """Remove networks that no service uses, and wait until they are gone."""
    wanted = listed(names, "inv network.rm front,back")
    with session(c) as cluster:
        from swarmops.ops import networks

        show(networks.remove(cluster, wanted, timeout))


GROUPS = {"network": (create, ls, rm)}
