"""A new deploy while a drill goes on: a stack of one task, verified and recorded as any other, and removed again."""

from __future__ import annotations

import io
import time
from concurrent.futures import Future
from contextlib import suppress

from swarmops import stackfile
from swarmops.cluster import Cluster
from swarmops.errors import InputError, SwarmopsError
from swarmops.inventory import Inventory
from swarmops.ops import deploy, remove
from swarmops.ops.lock import MARGIN_SECONDS, Terms
from swarmops.report import Progress
from swarmops.stackfile import Stack
from swarmops.wait import POLL_SECONDS, Deadline

NAME = "swarmops-drill"
MONITOR = "500ms"


class Probe:
    """Deploys in the background until that has worked once; over connections of its own, as another operator would."""

    def __init__(self, inventory: Inventory, image: str, deadline: Deadline) -> None:
        self._cluster = Cluster(inventory, Progress(io.StringIO()))
        self._stack, self._deadline, self._closed = _stack(image), deadline, False
        self.done: Future[float] = self._cluster.later(self._deploy)
        """When it had worked, by the monotonic clock; or what the last attempt raised."""

    def close(self) -> None:
        """Ends what is under way."""
        self._closed = True
        self._cluster.close()

    def _deploy(self) -> float:
        wanted = deploy.Wanted(self._stack, {}, "drill")
        while True:
            options = deploy.Options(max(self._deadline.left, 1), break_lock=True)
            try:
                deploy.carry_out(self._cluster, NAME, "drill", lambda: wanted, options)
                return time.monotonic()
            except SwarmopsError:
                if self._closed or not self._deadline.left:
                    raise
            time.sleep(POLL_SECONDS)


def clean(cluster: Cluster, timeout: float) -> None:
    """Removes what a deploy of this or an earlier drill has left."""
    with suppress(InputError):  # there is nothing
        remove.remove(cluster, NAME, timeout, Terms(timeout + MARGIN_SECONDS, take=True))


def _stack(image: str) -> Stack:
    web = {
        "image": image,
        "entrypoint": ["sleep", "3600"],
        "stop_grace_period": "0s",
        "deploy": {
            "endpoint_mode": "dnsrr",  # on whatever kernel
            "placement": {"constraints": ["node.role == manager"]},  # they have the image
            "update_config": {"monitor": MONITOR},
        },
    }
    return stackfile.marked(Stack(NAME, {"version": "3.12", "services": {"web": web}}))
