"""`deploy`: rendered, checked, deployed, verified, recorded; undone when it fails."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from swarmops import facts, record
from swarmops.cluster import Cluster
from swarmops.commands import Command
from swarmops.connect import local
from swarmops.errors import Conflict, LockLost, NotFound, RolledBack, SwarmopsError
from swarmops.ops import configs, ingress, lint, stacks
from swarmops.ops.apply import First, apply
from swarmops.ops.configs import Secrets
from swarmops.ops.convergence import serving as serving_now
from swarmops.ops.lock import MARGIN_SECONDS, Terms, locked
from swarmops.ops.routing import look, routing
from swarmops.ops.undo import WayBack, unlike
from swarmops.record import Record
from swarmops.render import write
from swarmops.report import Recap
from swarmops.stackfile import Stack
from swarmops.wait import Deadline


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
    first: First = ""
    """As for `apply`: lint has seen what is deployed, and not what comes back."""


def deploy(cluster: Cluster, name: str, options: Options) -> Recap:
    """Deploys what differs of a stack; returns when exactly this version runs, stays up and is recorded.

    Raises InputError for a stack that is not as it should be, before anything changes; RolledBack when it failed and
    the version before runs again.
    """
    cluster.once(_revision)
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
    secrets = configs.read_secrets(cluster, stack, stacks.template(cluster, name))
    return Prepared(stacks.pinned(cluster, stack, secrets), secrets, accepted)


def carry_out(cluster: Cluster, name: str, purpose: str, choose: Callable[[], Wanted], options: Options) -> Recap:
    """Makes what is chosen true, under the lock of the stack, and has the ingress follow.

    It is chosen once the lock is held: what somebody else did until then counts.
    """
    recap = Recap()
    try:
        with locked(cluster, name, purpose, options.terms) as check:
            deadline = Deadline(options.timeout)  # the wait for the lock is no part of it
            wanted = choose()
            _change(cluster, wanted, check, deadline, recap, options)
    except RolledBack as failure:
        try:
            ingress.refresh(cluster, Recap(), Deadline(options.timeout))
        except SwarmopsError as second:
            raise RolledBack(
                f"{failure.said}\n  The ingress does not follow: {second.said}", remedy=failure.remedy
            ) from failure
        raise
    # What still ends of what the file has not may have taken the time that there was.
    ingress.refresh(cluster, recap, Deadline(options.timeout), [f"{name}_{short}" for short in wanted.stack.services])
    return recap


def _change(
    cluster: Cluster, wanted: Wanted, check: Callable[[], None], deadline: Deadline, recap: Recap, options: Options
) -> None:
    """Makes the stack true and records it, or puts the version before back."""
    stack = wanted.stack
    records = cluster.ask(lambda api: record.read(api, stack.name))
    last = records[-1] if records else None
    before = cluster.ask(lambda api: facts.services(api, stack.name))
    recorded = last.specs if last else {}
    # What a deploy left that was interrupted has neither been verified nor recorded, though nothing differs from it.
    proved = last is not None and not unlike(cluster, last, before)
    serving = serving_now(cluster, [service.id for service in before]) if last is None else frozenset[str]()
    try:
        apply(
            cluster, stack, deadline, recap,
            check=check, recorded=recorded, secrets=wanted.secrets, pull=options.pull, proved=proved,
            first=wanted.first,
        )  # fmt: skip
    except LockLost:
        raise  # whoever has it now goes on from what there is
    except SwarmopsError as failure:
        way_back = WayBack(cluster, stack, before, last, check, serving)
        if not options.rollback or (options.keep and way_back.unrecorded) or not way_back.needed(recap):
            check()
            configs.prune(cluster, stack.name)
            raise
        raise way_back.taken(failure, options.timeout) from failure
    if recap.any_changed or not proved:
        check()
        _keep(cluster, stack, records, wanted.message)
    configs.prune(cluster, stack.name)


def _keep(cluster: Cluster, stack: Stack, records: list[Record], message: str) -> None:
    """Records the version that runs, and forgets the oldest that are too many."""
    services = cluster.ask(lambda api: facts.services(api, stack.name))
    new = Record(
        stack=stack.name,
        number=records[-1].number + 1 if records else 1,
        file=stack.file,
        specs={service.name: service.spec for service in services},
        who=local.operator(),
        revision=cluster.once(_revision).result(),
        message=message,
        order=stack.order,
    )
    with suppress(Conflict):  # by ourselves, when the manager was lost before it could say so: the lock is ours
        cluster.ask(lambda api: api.create("/configs/create", new.config()))
    cluster.progress.done(f"recorded as version {new.number}", stack.name)
    for old in records[: -(cluster.inventory.settings.history - 1) or None]:
        with suppress(NotFound):  # likewise
            cluster.ask(lambda api, old=old: api.delete(f"/configs/{old.id}"))  # type: ignore[misc]


def _revision(cluster: Cluster) -> str:
    """What git calls the project's revision; empty outside a repository."""
    command = Command(("git", "-C", str(cluster.inventory.project), "describe", "--always", "--dirty", "--abbrev=12"))
    try:
        return local.run(command, timeout=10).stdout.strip()
    except SwarmopsError:  # no git, no repository, or one that takes too long: none of them is a reason to fail
        return ""
