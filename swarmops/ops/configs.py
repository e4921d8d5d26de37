"""What the services of a stack mount: configs and secrets, named by their content, kept while a version needs them."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

from pydantic import ValidationError

from swarmops import facts, record, secrets
from swarmops.cluster import Cluster
from swarmops.commands import Secret
from swarmops.commands.stack import NAMESPACE
from swarmops.errors import CommandFailed, Conflict, InputError, Problem
from swarmops.inventory.schema import SecretSource
from swarmops.ops import stacks
from swarmops.stackfile import NAME_LIMIT, SOURCES, Stack, content_name, hashed_name

LABEL = "swarmops.content"
"""The label of the configs and secrets that swarmops made: no others are removed."""
LONGEST_GENERATED = 256

Secrets = Mapping[str, tuple[str, Secret]]
"""A stack's secrets by their short names: the name in the swarm, and the value."""


def read_secrets(cluster: Cluster, stack: Stack, template: Path) -> Secrets:
    """The secrets whose values the stack says where to find. Raises InputError with all that cannot be had."""
    found, problems = {}, []
    variables = stacks.environment(template, cluster.inventory.project)
    for short, stated in stack.secrets.items():
        try:
            found[short] = _read(cluster, stack.full_name(short), _stated(stated), template.parent, variables)
        except InputError as error:
            problems.append(Problem(template.name, 0, f"secrets.{short}: {error}"))
    if problems:
        raise InputError.of(problems)
    return found


def _stated(secret: Mapping[str, Any]) -> tuple[str, Any]:
    """The one source of a secret. Raises InputError, which does not repeat what may be the value itself."""
    given = [source for source in SOURCES if source in secret]
    if len(given) != 1:
        raise InputError(f"should say exactly one of {', '.join(SOURCES)}")
    source = given[0]
    if more := sorted(secret.keys() - {source}):
        raise InputError(f"{', '.join(more)}: not together with {source}")
    value = secret[source]
    if source == "x-generate":
        if type(value) is not int or not 1 <= value <= LONGEST_GENERATED:
            raise InputError(f"x-generate should be a number of characters, 1 to {LONGEST_GENERATED}")
    elif not value or not isinstance(value, str | list):
        raise InputError(f"{source} should be text")
    return source, value


def _read(
    cluster: Cluster, name: str, stated: tuple[str, Any], folder: Path, variables: Mapping[str, str]
) -> tuple[str, Secret]:
    source, value = stated
    if source == "x-generate":
        # It is made once: its name does not tell its value, and where the swarm has it, it stays.
        short = name if len(name) <= NAME_LIMIT else content_name(name, name)
        return short, Secret(token_urlsafe(value)[:value])
    try:
        where = SecretSource.model_validate({source.removeprefix("x-"): value})
    except ValidationError as error:
        raise InputError("; ".join(f"{source}: {one['msg']}" for one in error.errors())) from None
    read = secrets.read(where, folder, variables)
    return hashed_name(name, _digest(cluster, name, read)), read


def _digest(cluster: Cluster, name: str, value: Secret) -> str:
    """Slow, and another one in every swarm: a name is no secret, and a short password must not be guessed from it."""
    salt = cluster.ask(lambda api: api.get("/swarm")["ID"]) + name
    return hashlib.scrypt(value.data(), salt=salt.encode(), n=2**14, r=8, p=1).hex()


def create(cluster: Cluster, stack: Stack, values: Secrets) -> None:
    """Makes those of a stack that the swarm has not."""
    labels = {NAMESPACE: stack.name, LABEL: stack.name}
    for name, content in stack.configs.items():
        _create(cluster, "configs", name, labels, content.encode())
    for name, value in values.values():
        _create(cluster, "secrets", name, labels, value.data())


def _create(cluster: Cluster, kind: str, name: str, labels: Mapping[str, str], content: bytes) -> None:
    body = {"Name": name, "Labels": labels, "Data": b64encode(content).decode()}
    with suppress(Conflict):  # the same name has the same content
        cluster.ask(lambda api: api.create(f"/{kind}/create", body))


def prune(cluster: Cluster, stack: str) -> None:
    """Removes what was made for a stack and neither a service, as it is or as it was, nor a recorded version needs."""
    kept = _mounted(cluster).union(*(kept.uses for kept in cluster.ask(lambda api: record.read(api, stack))))
    for kind in ("configs", "secrets"):
        for item in cluster.ask(lambda api, kind=kind: api.get(f"/{kind}", filters=_of(stack))):  # type: ignore[misc]
            if item["Spec"]["Name"] not in kept and LABEL in item["Spec"]["Labels"]:
                with suppress(CommandFailed):  # gone already, or somebody has begun to use it
                    cluster.ask(lambda api, path=f"/{kind}/{item['ID']}": api.delete(path))  # type: ignore[misc]


def names(cluster: Cluster, stack: str) -> list[str]:
    """What the swarm has of a stack's configs and secrets, in words; its records count as configs."""
    return [
        f"{kind} {item['Spec']['Name']}"
        for kind in ("config", "secret")
        for item in cluster.ask(lambda api, kind=kind: api.get(f"/{kind}s", filters=_of(stack)))  # type: ignore[misc]
    ]


def _of(stack: str) -> dict[str, list[str]]:
    return {"label": [f"{NAMESPACE}={stack}"]}


def _mounted(cluster: Cluster) -> set[str]:
    """Those of the services as they are and as they were: a rollback needs the latter."""
    specs = [spec for service in cluster.ask(facts.services) for spec in (service.spec, service.previous) if spec]
    containers = [spec["TaskTemplate"].get("ContainerSpec", {}) for spec in specs]
    return {
        mount[key]
        for container in containers
        for key, kind in (("ConfigName", "Configs"), ("SecretName", "Secrets"))
        for mount in container.get(kind) or []
    }
