"""Ports that cannot be had, and those that nothing would answer on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from swarmops.errors import InputError
from swarmops.facts import Json, Service, SwarmNode
from swarmops.lint.finding import Note, Swarm
from swarmops.lint.service import Port, Wanted, wanted
from swarmops.stackfile import Stack, waves

NO_MESH = "routing is dns, as without IPVS in the nodes' kernel"


def notes(stack: Stack, swarm: Swarm) -> Iterator[Note]:
    """What cannot be published, and endpoints that the nodes' kernels or swarm do not serve."""
    services = wanted(stack)
    yield from _twice(services, swarm)
    try:
        waves(stack, stack.services, handed_over(stack, swarm.services))
    except InputError as error:
        remedy = "deploy first without the ports that are to go to another service"
        yield Note(("services",), f"ports go from one service to another, and {error.said}", remedy)
    full_names = {stack.full_name(service.short) for service in services}
    others = [service for service in swarm.services if service.name not in full_names]
    for service in services:
        for port in service.ports:
            yield from (note for other in others for note in _taken(stack, service, port, other, swarm))
            if port.address:
                text = f"swarm ignores {port.address} and publishes the port on all addresses"
                yield Note(_at(service, port), text, "leave it out, and see to a firewall", error=False)
        yield from _host_mode(service, swarm.eligible_for(service))
        yield from _endpoint(service, swarm.route)


def handed_over(stack: Stack, running: Iterable[Service]) -> dict[str, set[str]]:
    """The services of the file that get a port which others of it have to give up first, by their short names."""
    services = wanted(stack)
    stated = {service.short: {(port.published, port.protocol) for port in service.ports} for service in services}
    had = {
        (port.get("PublishedPort"), port["Protocol"]): service.name.removeprefix(f"{stack.name}_")
        for service in running
        if service.stack == stack.name
        for port in published(service)
    }
    given = {port: short for port, short in had.items() if short in stated and port not in stated[short]}
    waits = {short: {given[port] for port in ports if port in given} for short, ports in stated.items()}
    return {short: others for short, others in waits.items() if others}


def holding(stack: Stack, others: Iterable[Service]) -> list[Service]:
    """Those of some running services that hold a port which a service of the file is to have."""
    stated = {(port.published, port.protocol) for service in wanted(stack) for port in service.ports}
    return [
        one for one in others if stated & {(port.get("PublishedPort"), port["Protocol"]) for port in published(one)}
    ]


def published(service: Service) -> list[Json]:
    """The ports of a running service, as the API gives them."""
    return (service.spec.get("EndpointSpec") or {}).get("Ports") or []


def _at(service: Wanted, port: Port) -> tuple[str | int, ...]:
    return (*service.where, "ports", port.index)


def _label(port: Port) -> str:
    return f"{port.published}/{port.protocol}"


def _twice(services: Sequence[Wanted], swarm: Swarm) -> Iterator[Note]:
    """Ports that the file itself publishes twice.

    A service has a port once. Two services may share one when both have it in host mode, on different nodes.
    """
    seen: dict[tuple[int, str], tuple[Wanted, Port]] = {}
    for service in services:
        for port in service.ports:
            first, before = seen.setdefault((port.published, port.protocol), (service, port))
            if before is port or not port.published:
                continue
            if first is service or "ingress" in (port.mode, before.mode) or not _fit(service, first, swarm):
                text = f"port {_label(port)} is published twice, first by {'.'.join(first.where)}"
                yield Note(_at(service, port), text, "publish another one")


def _taken(stack: Stack, service: Wanted, port: Port, other: Service, swarm: Swarm) -> Iterator[Note]:
    """A port that a service of the swarm has, and that swarm would refuse or find no room for."""
    for held in published(other):
        if not port.published or (held.get("PublishedPort"), held["Protocol"]) != (port.published, port.protocol):
            continue
        if port.mode == held.get("PublishMode") == "host" and _fit(service, other, swarm):
            continue
        # What a stack has no more is removed last.
        leaving = other.stack == stack.name
        remedy = f"inv service.rm {other.name} first" if leaving else "publish another one, or remove that service"
        yield Note(_at(service, port), f"port {_label(port)} is taken by {other.name}", remedy)


def _fit(service: Wanted, other: Wanted | Service, swarm: Swarm) -> bool:
    """Whether two services with the same port in host mode find nodes enough: one cannot have tasks of both."""
    if isinstance(other, Wanted):
        constraints, replicas = other.constraints, None if other.everywhere else other.replicas
    else:
        constraints, replicas = (other.template.get("Placement") or {}).get("Constraints") or [], other.replicas
    mine = {node.id for node in swarm.eligible_for(service)}
    theirs = {node.id for node in swarm.eligible(constraints)}
    busy = len(mine & theirs) if replicas is None else max(0, replicas - len(theirs - mine))
    return len(mine) - busy >= (len(mine) if service.everywhere else service.replicas)


def _host_mode(service: Wanted, nodes: Sequence[SwarmNode]) -> Iterator[Note]:
    """One port of a node has one task: replicas, and a new one beside them, need nodes of their own."""
    ports = [port for port in service.ports if port.mode == "host" and port.published]
    if not ports or not nodes:
        return
    room = f"port {_label(ports[0])} in host mode has room for one task on each of {len(nodes)} nodes"
    if not service.everywhere and service.replicas > len(nodes):
        text = f"{room}, not for {service.replicas} replicas"
        yield Note(_at(service, ports[0]), text, "write mode: global, or fewer replicas")
    elif service.everywhere or service.replicas == len(nodes):
        for section in service.start_first:
            text = f"never ends: a new task starts first, and {room}"
            yield Note((*service.where, "deploy", section, "order"), text, "write stop-first")


def _endpoint(service: Wanted, route: str) -> Iterator[Note]:
    """Virtual IPs and ports in ingress mode: swarm's rules for them, and kernels without IPVS."""
    ingress = [port for port in service.ports if port.mode == "ingress"]
    remedy = "write {target: …, published: …, mode: host} and deploy.endpoint_mode: dnsrr"
    for port in {port.index: port for port in ingress}.values():
        if service.endpoint_mode == "dnsrr":
            yield Note(_at(service, port), "swarm refuses a port in ingress mode beside dnsrr", remedy)
        elif route == "dns":
            yield Note(_at(service, port), f"a port in ingress mode answers nothing: {NO_MESH}", remedy)
    if route != "dns" or service.job or service.endpoint_mode == "dnsrr":
        return
    stated = service.endpoint_mode == "vip"
    where = (*service.where, "deploy", "endpoint_mode") if stated else service.where
    text = f"its name resolves to a virtual IP, which answers nothing: {NO_MESH}"
    # Unstated, it may well be a service that nobody asks by its name.
    yield Note(where, text, "write deploy.endpoint_mode: dnsrr", error=stated)
