"""A stack changed, under its lock: made true and recorded, or undone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from swarmops import facts, record
from swarmops.cluster import Cluster
from swarmops.commands import Command
from swarmops.connect import local
from swarmops.errors import Conflict, LockLost, NotFound, SwarmopsError
from swarmops.facts import Json, Service
from swarmops.ops import configs, spare
from swarmops.ops.apply import apply
from swarmops.ops.convergence import serving as serving_now
from swarmops.ops.putback import interruptible, left
from swarmops.ops.undo import WayBack, unlike
from swarmops.record import Record
from swarmops.report import Recap
from swarmops.stackfile import Stack
from swarmops.wait import Deadline

if TYPE_CHECKING:
    from swarmops.ops.deploy import Options, Wanted


def change(
    cluster: Cluster, wanted: Wanted, check: Callable[[], None], deadline: Deadline, recap: Recap, options: Options
) -> None:
    """Makes the stack true and records it, or puts the version before back."""
    stack = wanted.stack
    records = cluster.ask(lambda api: record.read(api, stack.name))
    last = records[-1] if records else None
    # The specifications are not known yet, and about as long as what the file says.
    _record(wanted, records, stack.services).check()
    before = cluster.ask(lambda api: facts.services(api, stack.name))
    recorded = last.specs if last else {}
    # What a deploy left that was interrupted has neither been verified nor recorded, though nothing differs from it.
    proved = last is not None and not unlike(cluster, last, before)
    serving = serving_now(cluster, [service.id for service in before]) if last is None else frozenset[str]()
    way_back = WayBack(cluster, stack, before, last, check, serving)
    if last and last.towards != wanted.restores:
        check()
        cluster.ask(lambda api: record.leave(api, last, wanted.restores))
    with interruptible(cluster, recap, stack.name, _left(way_back)):
        try:
            running = apply(
                cluster, stack, deadline, recap,
                check=check, recorded=recorded, secrets=wanted.secrets, pull=options.pull, proved=proved,
                first=wanted.first,
            )  # fmt: skip
        except LockLost:
            raise  # whoever has it now goes on from what there is
        except SwarmopsError as failure:
            stays = not options.rollback or (options.keep and way_back.unrecorded)
            try:
                check()
                if last and wanted.restores:
                    cluster.ask(lambda api: record.leave(api, last, 0))
                stays = stays or not way_back.needed(recap)
                if stays:
                    configs.prune(cluster, stack.name)
            except LockLost:
                raise
            except SwarmopsError:  # what failed before says more
                stays = stays or not recap.any_changed
            if stays:
                if not recap.any_changed:
                    raise
                text = f"{failure.said}\n  {stack.name} is {_left(way_back)}"
                raise type(failure)(text, remedy=failure.remedy) from failure
            raise way_back.taken(failure, options.timeout) from failure
    if recap.any_changed or not proved:
        check()
        _keep(cluster, wanted, records, running)
    configs.prune(cluster, stack.name)


def _left(way_back: WayBack) -> str:
    """What a stack is that was changed and did not come to be recorded, in words."""
    name, last = way_back.stack.name, way_back.last
    back = f"inv rollback --stack {name} --to {last.number}" if last else "inv rollback SERVICE"
    return left("neither verified nor recorded", f"inv remove {name}" if way_back.first else back)


def _keep(cluster: Cluster, wanted: Wanted, records: list[Record], running: list[Service]) -> None:
    """Records the version that was verified, and forgets the oldest that are too many."""
    stack = wanted.stack
    specs = {service.name: _deployed(stack, service) for service in running}
    new = _record(wanted, records, specs, cluster.once(revision).result())
    with suppress(Conflict):  # by ourselves, when the manager was lost before it could say so: the lock is ours
        cluster.ask(lambda api: api.create("/configs/create", new.config()))
    cluster.progress.done(f"recorded as version {new.number}", stack.name)
    for old in records[: -(cluster.inventory.settings.history - 1) or None]:
        with suppress(NotFound):  # likewise
            cluster.ask(lambda api, old=old: api.delete(f"/configs/{old.id}"))  # type: ignore[misc]


def _record(wanted: Wanted, records: Sequence[Record], specs: Mapping[str, Json], revision: str = "") -> Record:
    """The next version of a stack."""
    stack = wanted.stack
    return Record(
        stack=stack.name,
        number=records[-1].number + 1 if records else 1,
        file=stack.file,
        specs=specs,
        who=local.operator(),
        revision=revision,
        message=wanted.message,
        order=stack.order,
        restores=wanted.restores,
    )


def _deployed(stack: Stack, service: Service) -> Json:
    """What was deployed of a service: without what another command has it have for a while."""
    labels = {name: value for name, value in service.labels.items() if name != spare.MORE}
    wanted, mode = stack.services[service.name.removeprefix(f"{stack.name}_")], dict(service.spec["Mode"])
    if "Replicated" in mode:
        mode["Replicated"] = {"Replicas": wanted["deploy"].get("replicas", 1)}
    return {**service.spec, "Labels": labels, "Mode": mode}


def revision(cluster: Cluster) -> str:
    """What git calls the project's revision; empty outside a repository."""
    command = Command(("git", "-C", str(cluster.inventory.project), "describe", "--always", "--dirty", "--abbrev=12"))
    try:
        return local.run(command, timeout=10).stdout.strip()
    except SwarmopsError:  # no git, no repository, or one that takes too long: none of them is a reason to fail
        return ""
