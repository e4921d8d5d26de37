"""Everything from a fresh machine."""

from __future__ import annotations

import time
import urllib.request
from http.client import HTTPException

from swarmops.cluster import Cluster
from swarmops.errors import InputError, WaitTimeout
from swarmops.inventory import Inventory
from swarmops.lab.images import LAB, ensure_images
from swarmops.lab.install import ensure_compose, ensure_debootstrap, ensure_engine
from swarmops.ops import deploy, images
from swarmops.ops.up import up
from swarmops.report import Progress, Recap
from swarmops.wait import POLL_SECONDS, Deadline

INGRESS_PORT = 80
VISUALIZER_PORT = 9000


def quickstart(inventory: Inventory, progress: Progress, timeout: float) -> str:
    """Engine, images, lab, stacks; returns the URLs and what the ingress answered."""
    if inventory.settings.transport != "lab":
        raise InputError("quickstart makes a lab; the nodes of this inventory are real hosts", remedy="inv up")
    prepare(inventory, progress)
    deadline = Deadline(timeout)
    with Cluster(inventory, progress) as cluster:
        up(cluster, deadline.left, Recap())
        progress.done(f"{len(inventory.nodes)} nodes are Ready")
        for name in images.names(inventory):
            images.push(cluster, name)
        for name in inventory.settings.stacks:
            deploy.deploy(cluster, name, deploy.Options(deadline.left))
            progress.done("runs", name)
    return summary(inventory, progress, deadline)


def prepare(inventory: Inventory, progress: Progress) -> None:
    """What a lab needs of this machine: engine, images, compose; installs, starts and builds what is missing."""
    ensure_engine(progress)
    with Cluster(inventory, progress) as cluster:
        ensure_debootstrap(cluster.engine, inventory, progress)
        ensure_images([*LAB, *images.names(inventory)], inventory, cluster.engine, progress)
        ensure_compose(cluster.engine, inventory, progress)


def summary(inventory: Inventory, progress: Progress, deadline: Deadline) -> str:
    """The addresses to look at, and the answer of the ingress."""
    lines = []
    visualizer, ingress = (inventory.published(port) for port in (VISUALIZER_PORT, INGRESS_PORT))
    if visualizer:
        lines.append(f"Visualizer  http://{visualizer}")
    if ingress:
        lines += [
            f"Ingress     http://{ingress}",
            "",
            f"$ curl {ingress}",
            answer(f"http://{ingress}", progress, deadline),
        ]
    return "\n".join(lines)


def answer(url: str, progress: Progress, deadline: Deadline) -> str:
    """What the ingress answers once it does: its proxy looks for the replicas every half second."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # it is this machine, or this network
    while True:
        try:
            with direct.open(url, timeout=5) as response:
                return str(response.read().decode(errors="replace").rstrip())
        except (OSError, HTTPException) as error:  # URLError is one of the first
            problem = str(error)
        progress.waiting(f"{url} to answer ({problem})")
        if deadline.left == 0:
            raise WaitTimeout(f"{url} did not answer: {problem}", remedy="inv status")
        time.sleep(POLL_SECONDS)
