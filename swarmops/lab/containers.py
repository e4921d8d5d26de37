"""The containers, networks and volumes of a lab, found by its label and by nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from docker.api.client import APIClient
from docker.errors import APIError, DockerException, NotFound
from requests.exceptions import RequestException

from swarmops.errors import SwarmopsError
from swarmops.lab.engine import connect, told

LABEL = "swarmops.cluster"
ENGINE = "this machine's engine"


@dataclass(frozen=True)
class Container:
    """A container of a lab: the node it is, the hash of what it was made from, its privileges, and whether it runs."""

    name: str
    node: str
    spec: str
    privileges: str
    state: str
    holds: frozenset[str] = frozenset()
    """The addresses, and the ports of the host, that nobody else can have while it runs."""
    address: str = ""
    """Its fixed address, whether or not it runs."""

    @property
    def running(self) -> bool:
        """Whether it runs."""
        return self.state == "running"

    @property
    def stray(self) -> bool:
        """Whether compose has left it, when it was ended while it made a container anew: that is what it calls one."""
        return bool(re.match("[0-9a-f]{12}_", self.name))

    @property
    def awake(self) -> bool:
        """Whether it has processes, frozen ones included."""
        return self.state in ("running", "paused", "restarting")


def observe(engine: APIClient, cluster: str) -> dict[str, Container]:
    """The lab's containers, by name. Raises ConnectionFailed when the engine does not answer any more."""
    try:
        found = engine.containers(all=True, filters={"label": f"{LABEL}={cluster}"})
    except (DockerException, RequestException) as error:
        connect()  # where the engine has died, this says what helps
        raise SwarmopsError(f"the engine does not say which containers there are: {error}") from error
    return {item["Names"][0].lstrip("/"): _container(item) for item in found}


def _container(item: Mapping[str, Any]) -> Container:
    labels = item["Labels"]
    return Container(
        item["Names"][0].lstrip("/"),
        labels.get("swarmops.node", ""),
        labels.get("swarmops.spec", ""),
        labels.get("swarmops.privileges", ""),
        item["State"],
        _holds(item) if item["State"] == "running" else frozenset(),
        next((fixed for one in _networks(item) if (fixed := (one.get("IPAMConfig") or {}).get("IPv4Address"))), ""),
    )


def _networks(item: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(((item.get("NetworkSettings") or {}).get("Networks") or {}).values())


def _holds(item: Mapping[str, Any]) -> frozenset[str]:
    addresses = {one["IPAddress"] for one in _networks(item) if one.get("IPAddress")}
    return frozenset(addresses | {str(port["PublicPort"]) for port in item.get("Ports") or () if "PublicPort" in port})


def differences(wanted: Mapping[str, str], seen: Mapping[str, Container]) -> dict[str, str]:
    """Why a container has to be started or made anew, by its name; `wanted` maps names to hashes of definitions."""
    reasons = {}
    for name, spec in wanted.items():
        container = seen.get(name)
        if container is None:
            reasons[name] = "it does not exist"
        elif container.spec != spec:
            reasons[name] = "its definition changed"
        elif not container.running:
            reasons[name] = f"it is {container.state}"
    return reasons


def start(engine: APIClient, container: Container) -> None:
    """Starts a container as it is, or thaws it."""
    each([container.name], engine.unpause if container.state == "paused" else engine.start)


def stop(engine: APIClient, container: Container) -> None:
    """Stops a container within the time that its definition grants it."""
    each([container.name], engine.stop)


def restart(engine: APIClient, name: str) -> None:
    """Stops a container and starts it again. Raises SwarmopsError."""
    with told(name):
        engine.restart(name)


def started(engine: APIClient, cluster: str) -> dict[str, str]:
    """When each of the lab's containers was started, by the node, in UTC by the engine's clock."""
    own = {name: one for name, one in observe(engine, cluster).items() if not one.stray}
    with told(ENGINE):
        return {one.node: engine.inspect_container(name)["State"]["StartedAt"] for name, one in own.items()}


def volumes(engine: APIClient, cluster: str) -> set[str]:
    """The nodes of a lab that have data, the registry among them."""
    with told(ENGINE):
        found = engine.volumes(filters={"label": f"{LABEL}={cluster}"})["Volumes"] or []
    return {item["Name"].removeprefix(f"{cluster}-") for item in found}


def last_words(engine: APIClient, name: str, lines: int = 10) -> str:
    """The last lines that a container printed."""
    return bytes(engine.logs(name, tail=lines)).decode(errors="replace").strip()


def remove(engine: APIClient, cluster: str, *, volumes: bool) -> Iterator[str]:
    """Removes the lab's containers and networks, and its volumes when asked; yields what is gone, as it goes.

    Raises SwarmopsError where something cannot be removed, after what went with it.
    """
    filters = {"label": f"{LABEL}={cluster}"}
    yield from (f"container {name}" for name in _done(observe(engine, cluster), _remove_container(engine)))
    with told(ENGINE):
        networks = [item["Name"] for item in engine.networks(filters=filters)]
    yield from (f"network {name}" for name in _done(networks, engine.remove_network))
    if volumes:
        with told(ENGINE):
            names = [item["Name"] for item in engine.volumes(filters=filters)["Volumes"] or []]
        yield from (f"volume {name}" for name in _done(names, engine.remove_volume))


def remove_one(engine: APIClient, name: str) -> None:
    """Removes a container of the lab, whether or not it runs."""
    each([name], _remove_container(engine))


def _remove_container(engine: APIClient) -> Callable[[str], None]:
    return lambda name: engine.remove_container(name, force=True)


def each(names: Iterable[str], action: Callable[[str], object]) -> list[str]:
    """Does `action` to all at once; what is gone already is no error."""
    return list(_done(names, action))


def _done(names: Iterable[str], action: Callable[[str], object]) -> Iterator[str]:
    """The same; yields those to which it is done, and raises then what the first of the others raised."""

    def attempt(name: str) -> None:
        try:
            action(name)
        except NotFound:
            pass
        except APIError as error:
            raise SwarmopsError(f"{name}: {error.explanation}") from error
        except (DockerException, RequestException) as error:
            raise SwarmopsError(f"{name}: {error}", remedy="inv doctor") from error

    todo = list(names)
    if not todo:
        return
    with ThreadPoolExecutor(len(todo)) as pool:
        under_way = {name: pool.submit(attempt, name) for name in todo}
    yield from (name for name, one in under_way.items() if not one.exception())
    for one in under_way.values():
        one.result()
