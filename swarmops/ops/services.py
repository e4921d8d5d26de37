"""What an operator does to services: how many, which version, which there are, and none any more."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial

from swarmops import facts
from swarmops.cluster import Cluster
from swarmops.commands import service as commands
from swarmops.errors import ConnectionFailed, InputError, SwarmopsError, suggest
from swarmops.facts import Json, Service, image_of
from swarmops.ops import ingress, spare
from swarmops.ops.convergence import wait
from swarmops.ops.ending import counted, end, orphans, unended
from swarmops.ops.putback import interruptible, left, put_back
from swarmops.ops.room import refuse_crowded, seen
from swarmops.ops.status import Status
from swarmops.report import Recap, table
from swarmops.wait import Deadline, until

ALONE = {"update-order": "stop-first", "rollback-order": "stop-first"}
"""Another number of tasks replaces none: no new one has to start beside an old one."""
HEAD = ("SERVICE", "STACK", "MODE", "RUNNING", "IMAGE", "PORTS", "UPDATE")


def scale(cluster: Cluster, replicas: Mapping[str, int], timeout: float, *, rollback: bool = True) -> Recap:
    """Sets the number of replicas of services; returns when so many run and stay up.

    A number that an interrupted command has kept for later is forgotten. Raises InputError, before anything changes,
    where there are not nodes enough; RolledBack when they did not run, and the numbers before are set again and run.
    """
    deadline, recap = Deadline(timeout), Recap()
    services = find_all(cluster, replicas)
    if fixed := [name for name, service in services.items() if service.replicas is None]:
        raise InputError(f"{', '.join(fixed)}: a {services[fixed[0]].mode} service has no number of replicas")
    begun = {name: count for name, count in replicas.items() if spare.begun(services[name])}
    others = {name: count for name, count in replicas.items() if services[name].replicas != count and name not in begun}
    wrong = begun | others
    crowds = {name: seen(cluster, services[name]) | ALONE | {"replicas": count} for name, count in wrong.items()}
    fewer = {name for name, count in wrong.items() if count <= (services[name].replicas or 0)}
    refuse_crowded(cluster, crowds, {name: f"{name}={count}" for name, count in wrong.items()}, fewer)
    try:
        for name, count in begun.items():
            spare.exactly(cluster, services[name], count)
        if others:
            cluster.manage(commands.scale(others))
        for name, count in wrong.items():
            recap.changed(name, f"replicas {services[name].replicas} → {count}")
            note_stack(cluster, recap, services[name])
        back = f"inv scale {','.join(f'{name}={spare.wanted(services[name])}' for name in wrong)}"
        with interruptible(cluster, recap, ", ".join(wrong), left("not verified", back)):
            wait(cluster, [service.id for service in services.values()], deadline, settled=not wrong)
    except ConnectionFailed:
        raise
    except SwarmopsError as failure:
        if not wrong or not rollback:
            raise
        before = [services[name] for name in wrong]
        again = partial(_rescale, cluster, before, wrong, timeout)
        raise put_back(cluster, failure, before[0].name, again) from failure
    ingress.follow(cluster, recap, deadline, replicas)
    for name in replicas:
        recap.ok(name)
    return recap


def rollback(cluster: Cluster, name: str, timeout: float) -> Recap:
    """Puts the previous version of a service back; returns when it runs and stays up.

    One that was rolled back last, or is being rolled back, stays so: its previous version is the one that was left.
    """
    deadline, recap = Deadline(timeout), Recap()
    service = _no_stack(cluster, name)
    back = service.update_state.startswith("rollback")
    wanted = service.spec if back else version_before(service)
    if wanted is None:
        raise SwarmopsError(f"{name} has no previous version", remedy=f"inv ps {name} shows what runs")
    if not back:
        cluster.manage(commands.rollback(name), once=True)
    wait(cluster, [service.id], deadline, settled=back)
    if find(cluster, name).spec != wanted:
        raise SwarmopsError(f"{name} was changed by somebody else during the rollback", remedy=f"inv ps {name}")
    if back:
        recap.note(f"{name} runs what its last rollback put back; inv service.update {name} gives it another version.")
    else:
        before, after = service.image, image_of(wanted)
        recap.changed(name, f"rolled back from {before} to {after}" if before != after else "rolled back")
    note_stack(cluster, recap, service)
    ingress.follow(cluster, recap, deadline, [name])
    recap.ok(name)
    return recap


def remove(cluster: Cluster, names: Collection[str], timeout: float) -> Recap:
    """Removes services; returns when their tasks are gone too. What is not there counts as removed."""
    deadline, recap = Deadline(timeout), Recap()
    services = {service.name: service for service in cluster.ask(facts.services)}
    there = [services[name] for name in names if name in services]
    ids = {service.id for service in there}
    if len(there) < len(names):
        ids |= {task.service_id for task in orphans(cluster)}
    if there:
        end(cluster, there)
    if ids:
        gone(cluster, ids, deadline)
    for service in there:
        recap.changed(service.name, "removed")
        note_stack(cluster, recap, service)
    ingress.follow(cluster, recap, deadline)
    for name in names:
        recap.ok(name, "gone")
        if name not in services:
            recap.note(f"There was no service {name}{suggest(name, services)}")
    return recap


def gone(cluster: Cluster, ids: Collection[str], deadline: Deadline) -> None:
    """Waits until neither the services, by id, nor tasks of theirs are left. Raises WaitTimeout."""

    def missing() -> str:
        left = [f"service {service.name}" for service in cluster.ask(facts.services) if service.id in ids]
        return ", ".join(filter(None, [*left, counted(unended(cluster, ids))]))

    until(missing, deadline, cluster.progress)


def ls(status: Status) -> str:
    """The services as a table."""
    rows = []
    for service in status.services:
        verdict = status.verdict(service)
        rows.append(
            (
                service.name,
                service.stack or "-",
                service.mode,
                f"{verdict.running}/{verdict.wanted}",
                service.image.partition("@")[0],
                ", ".join(service.ports) or "-",
                service.update_state or "-",
            )
        )
    return table(HEAD, rows)


def find(cluster: Cluster, name: str) -> Service:
    """A service of the swarm by its name. Raises InputError with a suggestion."""
    return find_all(cluster, [name])[name]


def find_all(cluster: Cluster, names: Iterable[str]) -> dict[str, Service]:
    """Services of the swarm by their names. Raises InputError with a suggestion for each that is not there."""
    services = {service.name: service for service in cluster.ask(facts.services)}
    if unknown := [f"{name}: no such service{suggest(name, services)}" for name in names if name not in services]:
        known = f"the swarm has {', '.join(services)}" if services else "the swarm has none; inv deploy makes them"
        raise InputError("\n  ".join(unknown), remedy=known)
    return {name: services[name] for name in names}


def _no_stack(cluster: Cluster, name: str) -> Service:
    """A service of the swarm by its name. Raises InputError, with the way to roll a stack back where it is one."""
    try:
        return find(cluster, name)
    except InputError as error:
        if any(service.stack == name for service in cluster.ask(facts.services)):
            raise InputError(f"{name}: no such service, but a stack", remedy=f"inv rollback --stack {name}") from error
        raise


def _rescale(cluster: Cluster, before: Sequence[Service], set_now: Mapping[str, int], timeout: float) -> str:
    """Sets the numbers of replicas that there were, and says so. Raises SwarmopsError where others did it since."""
    deadline = Deadline(timeout)
    now = {name: service.replicas for name, service in find_all(cluster, set_now).items()}
    had = {service.name: spare.wanted(service) for service in before}
    if ours := {name: count for name, count in had.items() if now[name] == set_now[name]}:
        cluster.manage(commands.scale(ours))
    wait(cluster, [service.id for service in before if service.name in ours], deadline)
    if others := sorted(name for name, count in had.items() if now[name] not in (set_now[name], count)):
        raise SwarmopsError(f"{', '.join(others)}: scaled by somebody else meanwhile")
    return "The numbers of replicas are as before: " + ", ".join(f"{name}={count}" for name, count in had.items())


def version_before(service: Service) -> Json | None:
    """What a rollback puts back.

    None where swarm has no previous version, or but a trace of tasks that were spread again, or, after a rollback, the
    one that was left.
    """
    previous = service.previous
    if previous is None or spare.MORE in (previous.get("Labels") or {}) or service.update_state.startswith("rollback"):
        return None
    return previous if _unforced(previous) != _unforced(service.spec) else None


def _unforced(spec: Json) -> Json:
    return {**spec, "TaskTemplate": {**spec["TaskTemplate"], "ForceUpdate": None}}


def note_stack(cluster: Cluster, recap: Recap, service: Service) -> None:
    """Says, of a service that differs now from what its stack's file says, that the next deploy sets it back."""
    if service.stack in cluster.inventory.settings.stacks:
        recap.note(f"The next inv deploy {service.stack} sets {service.name} back to what the stack's file says.")
