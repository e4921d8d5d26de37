"""Every secret value of a cluster that can be had: what a text for others may not have in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import wait
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from swarmops import facts, keystore, secrets
from swarmops.cluster import Cluster
from swarmops.commands import Secret
from swarmops.errors import SwarmopsError, WaitTimeout
from swarmops.inventory.schema import SecretSource
from swarmops.masking import SECRET_NAME
from swarmops.ops import ingress, stacks
from swarmops.ops.images import reference
from swarmops.ops.routing import routing
from swarmops.stackfile import Stack
from swarmops.wait import Deadline


def read(cluster: Cluster, deadline: Deadline) -> list[str]:
    """The values. What cannot be had, as where no manager answers, is left out.

    Raises WaitTimeout where a source gives no answer in time: without its value nothing can be masked.
    """
    kinds: tuple[Callable[[Cluster], Iterable[Secret]], ...] = (
        _tokens,
        _swarm_key,
        _kept_key,
        _logins,
        _stats,
        _services,
        _inventory,
        _stacks,
    )
    asked = [cluster.later(lambda kind=kind: list(_quietly(kind(cluster)))) for kind in kinds]  # type: ignore[misc]
    if wait(asked, deadline.left).not_done:
        deadline.check("the secret values that are to be masked")
    return [value.reveal() for values in asked for value in values.result()]


def _quietly(values: Iterable[Secret]) -> Iterator[Secret]:
    try:
        yield from values
    except WaitTimeout:
        raise
    except (SwarmopsError, OSError):
        return


def _tokens(cluster: Cluster) -> Iterator[Secret]:
    yield from cluster.ask(facts.join_tokens).values()


def _swarm_key(cluster: Cluster) -> Iterator[Secret]:
    yield Secret(cluster.ask(lambda api: api.get("/swarm/unlockkey"))["UnlockKey"])


def _kept_key(cluster: Cluster) -> Iterator[Secret]:
    if place := cluster.inventory.settings.swarm.unlock_key:
        yield keystore.read(place, cluster.inventory.path.parent)


def _logins(cluster: Cluster) -> Iterator[Secret]:
    for registry in cluster.inventory.credentials:
        yield from _quietly(_login(cluster, registry))


def _login(cluster: Cluster, registry: str) -> Iterator[Secret]:
    if login := cluster.login(registry):
        yield login.password


def _stats(cluster: Cluster) -> Iterator[Secret]:
    yield ingress.credentials(cluster).password


def _services(cluster: Cluster) -> Iterator[Secret]:
    for service in cluster.ask(facts.services):
        yield from _variables(service.template.get("ContainerSpec", {}).get("Env") or [])


def _inventory(cluster: Cluster) -> Iterator[Secret]:
    """The values of its variables that are called secrets, those of stacks too: templates may put them anywhere."""
    for variables in cluster.inventory.hostvars.values():
        yield from _called_secrets(variables)


def _called_secrets(stated: Any) -> Iterator[Secret]:
    for key, value in stated.items() if isinstance(stated, dict) else ():
        if isinstance(value, str | int | float) and not isinstance(value, bool) and SECRET_NAME.fullmatch(str(key)):
            yield Secret(str(value))
        yield from _called_secrets(value)
    for item in stated if isinstance(stated, list) else ():
        yield from _called_secrets(item)


def _stacks(cluster: Cluster) -> Iterator[Secret]:
    """What stack files say where to find, and what of their variables is called a secret."""
    for name in cluster.inventory.settings.stacks:
        try:
            yield from _stack(cluster, name)
        except WaitTimeout:
            raise
        except (SwarmopsError, OSError) as error:
            why = str(error).splitlines()[0]
            cluster.progress.done(f"what stack {name} has its secrets from is not known, nor masked: {why}")


def _stack(cluster: Cluster, name: str) -> Iterator[Secret]:
    file = stacks.template(cluster, name)
    variables = stacks.environment(file, cluster.inventory.project)
    yield from _variables(variables)
    # By itself: what the ingress makes of its ports is no matter here.
    stack = stacks.one(cluster, name, _route(cluster), reference(cluster), [])
    yield from _sources(stack, file.parent, variables)
    for service in stack.services.values():
        yield from _variables(service.get("environment") or {})


def _route(cluster: Cluster) -> str:
    """Either will do where no node answers."""
    try:
        return routing(cluster)
    except SwarmopsError:
        return "dns"


def _variables(stated: Mapping[str, Any] | Iterable[str]) -> Iterator[Secret]:
    """The values of variables that are called secrets; they may stand elsewhere under other names."""
    pairs = stated.items() if isinstance(stated, Mapping) else (each.partition("=")[::2] for each in stated)
    yield from (Secret(str(value)) for key, value in pairs if value and SECRET_NAME.fullmatch(key))


def _sources(stack: Stack, folder: Path, variables: Mapping[str, str]) -> Iterator[Secret]:
    for stated in stack.secrets.values():
        with suppress(ValidationError):
            source = SecretSource.model_validate({key.removeprefix("x-"): value for key, value in stated.items()})
            yield from _quietly(_value(source, folder, variables))


def _value(source: SecretSource, folder: Path, variables: Mapping[str, str]) -> Iterator[Secret]:
    yield secrets.read(source, folder, variables)
