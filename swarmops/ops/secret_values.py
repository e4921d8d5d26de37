"""Every secret value of a cluster that can be had: what a text for others may not have in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from swarmops import facts, keystore, secrets
from swarmops.cluster import Cluster
from swarmops.commands import Secret
from swarmops.errors import SwarmopsError
from swarmops.inventory.schema import SecretSource
from swarmops.masking import SECRET_NAME
from swarmops.ops import ingress, stacks
from swarmops.ops.routing import routing
from swarmops.stackfile import Stack


def read(cluster: Cluster) -> list[str]:
    """The values. What cannot be had, as where no manager answers, is left out."""
    kinds: tuple[Callable[[Cluster], Iterable[Secret]], ...] = (
        _tokens,
        _swarm_key,
        _kept_key,
        _logins,
        _stats,
        _stacks,
    )
    asked = [cluster.later(lambda kind=kind: list(_quietly(kind(cluster)))) for kind in kinds]  # type: ignore[misc]
    return [value.reveal() for values in asked for value in values.result()]


def _quietly(values: Iterable[Secret]) -> Iterator[Secret]:
    with suppress(SwarmopsError, OSError):
        yield from values


def _tokens(cluster: Cluster) -> Iterator[Secret]:
    yield from cluster.ask(facts.join_tokens).values()


def _swarm_key(cluster: Cluster) -> Iterator[Secret]:
    yield Secret(cluster.ask(lambda api: api.get("/swarm/unlockkey"))["UnlockKey"])


def _kept_key(cluster: Cluster) -> Iterator[Secret]:
    if place := cluster.inventory.settings.swarm.unlock_key:
        yield keystore.read(place, cluster.inventory.path.parent)


def _logins(cluster: Cluster) -> Iterator[Secret]:
    for registry in cluster.inventory.credentials:
        with suppress(SwarmopsError):
            if login := cluster.login(registry):
                yield login.password


def _stats(cluster: Cluster) -> Iterator[Secret]:
    yield ingress.credentials(cluster).password


def _stacks(cluster: Cluster) -> Iterator[Secret]:
    """What stack files say where to find, and what of their variables is called a secret."""
    for name in cluster.inventory.settings.stacks:
        file = stacks.template(cluster, name)
        stated = stacks.environment(file, cluster.inventory.project)
        yield from (Secret(value) for key, value in stated.items() if value and SECRET_NAME.fullmatch(key))
    route = routing(cluster)
    for name in cluster.inventory.settings.stacks:
        with suppress(SwarmopsError):
            yield from _sources(stacks.rendered(cluster, route, name)[name], stacks.template(cluster, name).parent)


def _sources(stack: Stack, folder: Path) -> Iterator[Secret]:
    for stated in stack.secrets.values():
        with suppress(SwarmopsError, ValidationError):
            source = {key.removeprefix("x-"): value for key, value in stated.items()}
            yield secrets.read(SecretSource.model_validate(source), folder)
