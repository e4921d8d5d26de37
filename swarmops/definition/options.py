"""The options of a service, by docker's names for them: their form, and their place in a specification. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

from swarmops.constraints import FORM
from swarmops.definition.attached import mount, mounts, ports, publish, targets
from swarmops.definition.forms import (
    NANO,
    NO_CHECK,
    check,
    constraint,
    count,
    cpus,
    duration,
    memory,
    monitor,
    network,
    one_of,
    pair,
    preference,
    ratio,
    show_cpus,
    show_duration,
    show_memory,
    show_ratio,
    words,
)
from swarmops.facts import Json

CONTAINER = "TaskTemplate.ContainerSpec"


@dataclass(frozen=True)
class One:
    """An option with one value. `read` raises ValueError; `seen` gives None where a specification says nothing."""

    read: Callable[[str], Any]
    seen: Callable[[Json], Any]
    default: Any = None
    show: Callable[[Any], str] = str


@dataclass(frozen=True)
class Many:
    """An option that may be given several times: key and value of each. `read` raises ValueError."""

    read: Callable[[str], tuple[str, str]]
    seen: Callable[[Json], Iterable[tuple[str, str]]]
    whole: bool = False
    """Whether the key says all of it, and docker removes it by its value."""
    named: Callable[[str, str], bool] = lambda key, word: key == word
    """Whether the word of a `-rm` option means the one with this key."""


def at(path: str) -> Callable[[Json], Any]:
    """Reads a value of a specification; None where there is none on the way."""

    def look(spec: Json) -> Any:
        return reduce(lambda part, key: (part or {}).get(key), path.split("."), spec)  # type: ignore[arg-type, return-value]

    return look


def _tuple(path: str) -> Callable[[Json], Any]:
    return lambda spec: tuple(at(path)(spec) or ())


def _pairs(path: str) -> Callable[[Json], Iterator[tuple[str, str]]]:
    def look(spec: Json) -> Iterator[tuple[str, str]]:
        found = at(path)(spec) or {}
        texts = [f"{key}={value}" for key, value in found.items()] if isinstance(found, Mapping) else found
        yield from ((text.partition("=")[0], text) for text in texts)

    return look


def _constraints(spec: Json) -> Iterator[tuple[str, str]]:
    for text in at("TaskTemplate.Placement.Constraints")(spec) or []:
        yield _bare(text), text


def _bare(text: str) -> str:
    match = FORM.fullmatch(text)
    return "".join(match.groups()) if match else text


def _preferences(spec: Json) -> Iterator[tuple[str, str]]:
    for item in at("TaskTemplate.Placement.Preferences")(spec) or []:
        text = f"spread={item['Spread']['SpreadDescriptor']}"
        yield text, text


def _networks(spec: Json) -> Iterator[tuple[str, str]]:
    """Their ids. What an older engine took stands beside the task template."""
    for item in at("TaskTemplate.Networks")(spec) or spec.get("Networks") or []:
        yield item["Target"], item["Target"]


def _mode(spec: Json) -> str:
    return re.sub(r"(?<=.)([A-Z])", r"-\1", next(iter(spec["Mode"]))).lower()


def _check(spec: Json) -> str | None:
    test = at(f"{CONTAINER}.Healthcheck.Test")(spec) or []
    if test[:1] == ["NONE"]:
        return NO_CHECK
    return shlex.join(test[1:]) if test[:1] == ["CMD"] else " ".join(test[1:]) or None


def _changing(kind: str, *actions: str) -> dict[str, One]:
    """The options of an update, or of a rollback."""
    place = f"{kind.capitalize()}Config"
    return {
        f"{kind}-delay": One(duration, at(f"{place}.Delay"), 0, show_duration),
        f"{kind}-parallelism": One(count, at(f"{place}.Parallelism"), 1),
        f"{kind}-order": One(one_of("start-first", "stop-first"), at(f"{place}.Order"), "stop-first"),
        f"{kind}-failure-action": One(one_of(*actions), at(f"{place}.FailureAction"), "pause"),
        f"{kind}-monitor": One(monitor, at(f"{place}.Monitor"), 5 * NANO, show_duration),
        f"{kind}-max-failure-ratio": One(ratio, at(f"{place}.MaxFailureRatio"), 0, show_ratio),
    }


def _resources(kind: str, key: str) -> dict[str, One]:
    place = f"TaskTemplate.Resources.{key}"
    return {
        f"{kind}-cpu": One(cpus, at(f"{place}.NanoCPUs"), 0, show_cpus),
        f"{kind}-memory": One(memory, at(f"{place}.MemoryBytes"), 0, show_memory),
    }


ONE: dict[str, One] = {
    "image": One(str, at(f"{CONTAINER}.Image")),
    "args": One(words, _tuple(f"{CONTAINER}.Args"), (), shlex.join),
    "entrypoint": One(words, _tuple(f"{CONTAINER}.Command"), (), shlex.join),
    "mode": One(one_of("replicated", "global"), _mode, "replicated"),
    "replicas": One(count, at("Mode.Replicated.Replicas"), 1),
    "replicas-max-per-node": One(count, at("TaskTemplate.Placement.MaxReplicas"), 0),
    "endpoint-mode": One(one_of("vip", "dnsrr"), at("EndpointSpec.Mode"), "vip"),
    **_resources("limit", "Limits"),
    **_resources("reserve", "Reservations"),
    **_changing("update", "pause", "continue", "rollback"),
    **_changing("rollback", "pause", "continue"),
    "restart-condition": One(one_of("any", "on-failure", "none"), at("TaskTemplate.RestartPolicy.Condition"), "any"),
    "stop-grace-period": One(duration, at(f"{CONTAINER}.StopGracePeriod"), 10 * NANO, show_duration),
    "health-cmd": One(check, _check, ""),
    "health-interval": One(duration, at(f"{CONTAINER}.Healthcheck.Interval"), 0, show_duration),
    "health-timeout": One(duration, at(f"{CONTAINER}.Healthcheck.Timeout"), 0, show_duration),
    "health-retries": One(count, at(f"{CONTAINER}.Healthcheck.Retries"), 0),
    "health-start-period": One(duration, at(f"{CONTAINER}.Healthcheck.StartPeriod"), 0, show_duration),
}
"""The engine's own defaults; an option whose value is its default is as good as not stated."""

HEALTH = frozenset(name for name in ONE if name.startswith("health-"))
"""Those of the health check: docker takes none of them beside the one that switches it off, and forgets them then."""

MANY: dict[str, Many] = {
    "publish": Many(publish, ports, whole=True, named=targets),
    "mount": Many(mount, mounts),
    "env": Many(pair, _pairs(f"{CONTAINER}.Env")),
    "label": Many(pair, _pairs("Labels")),
    "container-label": Many(pair, _pairs(f"{CONTAINER}.Labels")),
    "network": Many(network, _networks),
    "constraint": Many(constraint, _constraints, whole=True, named=lambda key, word: key == _bare(word)),
    "placement-pref": Many(preference, _preferences, whole=True),
}
