"""The recorded versions of a stack: listed, compared with what a deploy would change, brought back."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from copy import deepcopy
from dataclasses import replace
from difflib import unified_diff

from swarmops import difference, facts, placement, record, stackdiff
from swarmops.cluster import Cluster
from swarmops.errors import CommandFailed, ConnectionFailed, InputError, NotFound, SwarmopsError
from swarmops.facts import Json, Service
from swarmops.members import match
from swarmops.ops import deploy, stacks
from swarmops.ops.deploy import Options, Wanted
from swarmops.ops.undo import version
from swarmops.record import Record
from swarmops.report import Recap, table
from swarmops.stackfile import SPEC_LABEL, Stack

HEAD = ("VERSION", "DEPLOYED", "BY", "REVISION", "IMAGES", "MESSAGE")


def history(cluster: Cluster, name: str) -> str:
    """The recorded versions of a stack as a table, newest first."""
    rows = [
        (
            kept.number,
            kept.when[:19].replace("T", " "),
            kept.who,
            kept.revision or "-",
            _images(kept),
            kept.message or "-",
        )
        for kept in reversed(_records(cluster, name))
    ]
    return table(HEAD, rows)


def _images(kept: Record) -> str:
    parts = [image.rpartition("/")[2].partition("@sha256:") for image in sorted(kept.images)]
    return " ".join(f"{name}@{digest[:7]}" for name, _, digest in parts)


def diff(cluster: Cluster, name: str) -> str:
    """What a deploy would change in a stack, in lines; empty when nothing."""
    stack = _accepted(cluster, name)
    records = cluster.ask(lambda api: record.read(api, name))
    last = records[-1] if records else None
    running = cluster.ask(lambda api: facts.services(api, name))
    there = {service.name: service for service in running}
    lines = []
    for name, reason in _changes(stack, running, last).items():
        lines.append(f"{name}: {reason}")
        short = name.removeprefix(f"{stack.name}_")
        if name in there and short in stack.services and not _recorded(last, there[name]):
            lines += [f"  {line}" for line in stackdiff.details(stack, short, there[name])]
    if last and lines:
        old, new = _comparable(last.file), _comparable(stack.file)
        lines += [f"  {line}" for line in difference.lines(old, new)]
        lines += [line for pair in _changed_configs(last, stack) for line in _config_lines(cluster, stack, *pair)]
    for service in running:
        if by_hand := stackdiff.changed_by_hand(service, last.specs.get(service.name) if last else None):
            lines += [f"{service.name} was changed by hand:", *(f"  {line}" for line in by_hand)]
    return "\n".join(lines)


def _recorded(last: Record | None, service: Service) -> bool:
    """Whether a service runs what its stack's last record says, by their marks."""
    specs = last.specs if last else {}
    mark = service.labels.get(SPEC_LABEL)
    return mark is not None and (specs.get(service.name) or {}).get("Labels", {}).get(SPEC_LABEL) == mark


def changes(cluster: Cluster, name: str) -> dict[str, str]:
    """Why a deploy would change a service of a stack, by the service's name."""
    stack = _accepted(cluster, name)
    records = cluster.ask(lambda api: record.read(api, name))
    return _changes(stack, cluster.ask(lambda api: facts.services(api, name)), records[-1] if records else None)


def _accepted(cluster: Cluster, name: str) -> Stack:
    """What a deploy would deploy. Raises InputError for what it would refuse."""
    ready = deploy.prepared(cluster, name)
    ready.accepted()
    return ready.stack


def _changes(stack: Stack, running: Iterable[Service], last: Record | None) -> dict[str, str]:
    there = list(running)
    found = stackdiff.differences(stack, there, last.specs if last else {})
    removed = {service.name: "removed" for service in stackdiff.leftovers(stack, there)}
    return {stack.full_name(short): reason for short, reason in found.items()} | removed


def _comparable(file: dict[str, object]) -> dict[str, object]:
    """A file without the mark of each service's definition: that differs whenever something else does."""
    plain: dict[str, object] = deepcopy(file)
    for service in plain["services"].values():  # type: ignore[attr-defined]
        service["deploy"]["labels"].pop(SPEC_LABEL, None)
    return plain


def _changed_configs(last: Record, stack: Stack) -> Iterator[tuple[str, str, str]]:
    """Short name, name before and name now of each configuration with another content."""
    before = last.file.get("configs") or {}
    for short, config in (stack.file.get("configs") or {}).items():
        old = (before.get(short) or {}).get("name")
        if old and old != config.get("name") and config.get("name") in stack.configs:
            yield short, old, config["name"]


def _config_lines(cluster: Cluster, stack: Stack, short: str, old: str, new: str) -> Iterator[str]:
    content = ""
    with suppress(NotFound):
        content = b64decode(cluster.ask(lambda api: api.get(f"/configs/{old}"))["Spec"]["Data"]).decode()
    yield f"config {short}:"
    changed = unified_diff(content.splitlines(), stack.configs[new].splitlines(), lineterm="", n=1)
    yield from (f"  {line}" for line in changed if not line.startswith(("---", "+++")))


def rollback(cluster: Cluster, name: str, to: int | None, options: Options) -> Recap:
    """Brings a recorded version of a stack back, that before the newest unless `to` says which, and records that.

    Again, it goes on to the same one where it was interrupted, and stays at it where it was not.

    Raises InputError when there is no such version, or an image of it is gone; RolledBack when the version failed and
    the one before runs again.
    """
    unheard: dict[str, SwarmopsError] = {}
    wanted: Record | None = None

    def choose() -> Wanted:
        nonlocal wanted
        wanted = _chosen(cluster, name, _records(cluster, name), to)
        unheard.update(_unheard(cluster, wanted, unheard))
        stack = version(cluster, wanted)
        _refuse_absent(cluster, stack, wanted, unheard)
        message = options.message or f"rollback to {wanted.number}"
        return Wanted(stack, {}, message, restores=wanted.number, first="holding")

    choose()  # what cannot be is said before anybody is waited for
    if unheard:  # the nodes have the images, and would wait for registries that do not answer
        options = replace(options, pull=False)
    purpose = f"rollback {name}{f' to {to}' if to else ''}"
    recap = deploy.carry_out(cluster, name, purpose, choose, options)
    if wanted and not recap.any_changed:
        recap.note(f"{name} runs what its version {wanted.number} has; inv history {name} tells of others, for --to.")
    if recap.any_changed and name in cluster.inventory.settings.stacks:
        recap.note(f"The next inv deploy {name} sets it to what the stack's file says.")
    return recap


def _records(cluster: Cluster, name: str) -> list[Record]:
    found = cluster.ask(lambda api: record.read(api, name))
    if not found and name not in cluster.inventory.settings.stacks:
        raise stacks.unknown_stack(cluster, name)
    return found


def _chosen(cluster: Cluster, name: str, records: list[Record], to: int | None) -> Record:
    """The version to go back to: the newest where what runs is none that was recorded, else the one before.

    The one that a rollback was on its way to comes before both, and the newest is it that a rollback has brought back.
    """
    numbers = {kept.number: kept for kept in records}
    if to in numbers:
        return numbers[to]
    known = f"{name} has {', '.join(map(str, numbers)) or 'none'}"
    if to is not None:
        raise InputError(f"{name}: there is no version {to}", remedy=f"inv history {name}; {known}")
    running = cluster.ask(lambda api: facts.services(api, name))
    runs = next((kept for kept in reversed(records) if _runs(cluster, kept, running)), None)
    if records and runs is not records[-1] and records[-1].towards in numbers:
        return numbers[records[-1].towards]
    if records and (runs is None or (runs is records[-1] and runs.restores)):
        return records[-1]
    if len(records) < 2:
        raise SwarmopsError(f"{name} has no previous version", remedy=f"inv history {name}; {known}")
    return records[-2]


def _runs(cluster: Cluster, kept: Record, running: Iterable[Service]) -> bool:
    """Whether exactly this version runs, and no mixture that an interruption or a failure has left."""
    stack = version(cluster, kept)
    wanted = {
        (stack.full_name(short), stated["deploy"]["labels"][SPEC_LABEL]) for short, stated in stack.services.items()
    }
    return {(service.name, service.labels.get(SPEC_LABEL, "")) for service in running} == wanted


def _unheard(cluster: Cluster, wanted: Record, known: Collection[str]) -> dict[str, SwarmopsError]:
    """The images, without those that are known, whose registries do not answer, and what comes instead of an answer.

    Raises InputError for images that their registries do not have any more.
    """
    lost: list[str] = []
    unheard: dict[str, SwarmopsError] = {}
    for image in sorted(wanted.images.difference(known)):
        try:
            stacks.registered(cluster, image)
        except NotFound:
            lost.append(image)
        except (CommandFailed, ConnectionFailed) as error:
            unheard[image] = error
    if lost:
        raise InputError(
            f"version {wanted.number} cannot come back, its images are not in the registry any more\n    "
            + "\n    ".join(lost),
            remedy=f"inv history {wanted.stack} shows the others",
        )
    return unheard


def _refuse_absent(cluster: Cluster, stack: Stack, wanted: Record, unheard: Mapping[str, SwarmopsError]) -> None:
    """Raises InputError where a node may have to run an image that it has not, and that cannot be had."""
    if not unheard:
        return
    running = cluster.ask(lambda api: facts.services(api, stack.name))
    absent = [
        f"{stack.full_name(short)}: {stacks.unavailable(image, unheard[image])}; not seen on {', '.join(nodes)}"
        for short in stackdiff.differences(stack, running, wanted.specs)
        if (image := stack.services[short]["image"]) in unheard
        and (nodes := _without(cluster, stack.services[short], wanted.specs.get(stack.full_name(short), {})))
    ]
    if absent:
        lines = "\n    ".join(absent)
        raise InputError(f"version {wanted.number} cannot come back\n    {lines}", remedy="inv doctor")


def _without(cluster: Cluster, service: Json, recorded: Json) -> list[str]:
    """The nodes that may run a service of a file, and are not seen to have its image.

    Its platforms are those that were `recorded` with it: the registry does not answer.
    """
    members = cluster.ask(facts.nodes)
    names = {member.id: name for name, member in match(cluster.inventory.nodes, members, {}).items()}
    platforms = ((recorded.get("TaskTemplate") or {}).get("Placement") or {}).get("Platforms") or ()
    may = [member for member in members if placement.suits(member, placement.template_of(service, platforms))]
    return [member.name for member in may if not _has(cluster, names.get(member.id), service["image"])]


def _has(cluster: Cluster, node: str | None, image: str) -> bool:
    with suppress(NotFound, ConnectionFailed):
        return node is not None and bool(cluster.api(node).get(f"/images/{image}/json"))
    return False
