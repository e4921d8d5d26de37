"""`deploy`: rendered, checked, deployed, verified, recorded; undone when it fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmops.cluster import Cluster
from swarmops.errors import RolledBack, SwarmopsError
from swarmops.ingress import STACK
from swarmops.ops import configs, lint, stacks
from swarmops.ops.configs import Secrets
from swarmops.ops.lock import MARGIN_SECONDS, Terms, locked
from swarmops.ops.routing import look, routing
from swarmops.render import write
from swarmops.report import Recap
from swarmops.stackfile import Stack
from swarmops.wait import Deadline

if TYPE_CHECKING:
    from swarmops.ops.apply import First


@dataclass(frozen=True)
class Options:
    """How to deploy. `timeout`: seconds until it counts as failed; the way back gets as long again."""

    timeout: float = 180
    message: str = ""
    rollback: bool = True
    keep: bool = False
    """Whether a first deploy that fails leaves what it made."""
    pull: bool = True
    lock_wait: float = 0
    break_lock: bool = False

    @property
    def terms(self) -> Terms:
        """How to come by the lock: there are two waits, the one for the new version and the one for the way back."""
        return Terms(2 * self.timeout + MARGIN_SECONDS, self.lock_wait, self.break_lock)


@dataclass(frozen=True)
class Prepared:
    """A pinned stack, the values of its secrets, and what waits for the last check, which may raise InputError."""

    stack: Stack
    secrets: Secrets
    accepted: Callable[[], None]


@dataclass(frozen=True)
class Wanted:
    """A pinned stack, the values of its secrets, and what its record is to say of it."""

    stack: Stack
    secrets: Secrets
    message: str
    restores: int = 0
    """The number of the version that is to come back; 0 for what is deployed."""
    first: First = ""
    """As for `apply`: lint has seen what is deployed, and not what comes back."""


def deploy(cluster: Cluster, name: str, options: Options) -> Recap:
    """Deploys what differs of a stack; returns when exactly this version runs, stays up and is recorded.

    Raises InputError for a stack that is not as it should be, before anything changes; RolledBack when it failed and
    the version before runs again.
    """
    ready = prepared(cluster, name)
    purpose = f"deploy {name}{options.message and ': ' + options.message}"

    def wanted() -> Wanted:
        ready.accepted()
        return Wanted(ready.stack, ready.secrets, options.message)

    return carry_out(cluster, name, purpose, wanted, options)


def prepared(cluster: Cluster, name: str) -> Prepared:
    """A stack of the inventory, rendered, written, checked and pinned. Raises InputError."""
    stacks.known(cluster, name)
    cluster.once(look)
    cluster.current()  # where none answers, this says so best
    route = routing(cluster)
    stack = stacks.rendered(cluster, route, name)[name]
    for file, text in stack.files.items():
        write(cluster.inventory.rendered / file, text)
    accepted = lint.checked(cluster, stack, route)
    if STACK in cluster.inventory.settings.stacks and name != STACK:
        stacks.rendered(cluster, route, STACK)  # the ingress is to follow: a mistake in its template is said now
    secrets = configs.read_secrets(cluster, stack, stacks.template(cluster, name))
    return Prepared(stacks.pinned(cluster, stack, secrets), secrets, accepted)


def carry_out(cluster: Cluster, name: str, purpose: str, choose: Callable[[], Wanted], options: Options) -> Recap:
    """Makes what is chosen true, under the lock of the stack, and has the ingress follow.

    It is chosen once the lock is held: what somebody else did until then counts.
    """
    # Not before: docker reads the file on a node meanwhile.
    from swarmops.ops import ingress
    from swarmops.ops.change import change, revision

    cluster.once(revision)
    recap = Recap()
    try:
        with locked(cluster, name, purpose, options.terms) as check:
            deadline = Deadline(options.timeout)  # the wait for the lock is no part of it
            wanted = choose()
            change(cluster, wanted, check, deadline, recap, options)
    except RolledBack as failure:
        try:
            ingress.refresh(cluster, Recap(), Deadline(options.timeout))
        except SwarmopsError as second:
            raise RolledBack(
                f"{failure.said}\n  The ingress does not follow: {second.said}", remedy=failure.remedy
            ) from failure
        raise
    # What still ends of what the file has not may have taken the time that there was.
    ingress.follow(cluster, recap, Deadline(options.timeout), [f"{name}_{short}" for short in wanted.stack.services])
    return recap
