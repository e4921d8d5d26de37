"""A service made by hand: what its options state, what the swarm has, and what leads from the one to the other. Pure.

Options have the names that `docker service create` gives them (options.py). A definition has the
value of every one of them, in one form, whether somebody stated it or the engine has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from swarmops.definition.attached import order, publish
from swarmops.definition.forms import NO_CHECK
from swarmops.definition.options import HEALTH, MANY, ONE
from swarmops.errors import InputError, Problem, suggest
from swarmops.facts import Json

Definition = dict[str, Any]
Stated = Mapping[str, str | Sequence[str]]
"""What an operator wrote: the texts of options, of those in MANY as many as there are."""
NO_MESH = "needs IPVS, and routing is dns, as where the nodes' kernel has none"


def parse(stated: Stated, publish_mode: str) -> tuple[Definition, dict[str, list[str]]]:
    """The options that are stated, each in its form, and what `-rm` options name, by the option.

    `publish_mode` holds for ports that name none. Raises InputError with all that is wrong.
    """
    found: Definition = {}
    gone: dict[str, list[str]] = {}
    problems: list[Problem] = []
    for name, texts in stated.items():
        if name.endswith("-rm"):
            gone[name.removesuffix("-rm")] = list(texts)
            continue
        read, values = _reader(name, publish_mode), []
        for text in [texts] if isinstance(texts, str) else texts:
            try:
                values.append(read(text))
            except ValueError as error:
                problems.append(Problem(f"--{name} {text}", 0, str(error)))
        found[name] = dict(values) if name in MANY else next(iter(values), None)
        if name in MANY and not MANY[name].whole:
            twice = {key for key, text in values if text != found[name][key]}
            problems += [Problem(f"--{name} {key}", 0, "is stated twice, with different values") for key in twice]
    if problems:
        raise InputError.of(problems)
    return found, gone


def _reader(name: str, publish_mode: str) -> Callable[[str], Any]:
    if name == "publish":
        return partial(publish, mode=publish_mode)
    return ONE[name].read if name in ONE else MANY[name].read


def complete(stated: Definition) -> Definition:
    """What the engine has once a service is made with these options: the others have their defaults."""
    return {name: one.default for name, one in ONE.items()} | {name: {} for name in MANY} | stated


def of(spec: Json, networks: Mapping[str, str]) -> Definition:
    """The definition of a service that the swarm has. `networks`: names by id."""
    found = {name: one.seen(spec) for name, one in ONE.items()}
    seen = {name: value for name, value in found.items() if value is not None}
    seen |= {name: dict(many.seen(spec)) for name, many in MANY.items()}
    names = (networks.get(target, target) for target in seen["network"])
    return complete(seen) | {"network": {name: name for name in names}}


def updated(before: Definition, stated: Definition, gone: Mapping[str, Iterable[str]]) -> Definition:
    """A definition in which what is stated has been set, and what is named has gone; what is both has been set."""
    after = dict(before)
    for name, tokens in gone.items():
        wanted = list(tokens)
        kept = [key for key in before[name] if not any(MANY[name].named(key, word) for word in wanted)]
        after[name] = {key: before[name][key] for key in kept}
    for name, value in stated.items():
        after[name] = {**after[name], **value} if name in MANY else value
    if stated.get("health-cmd") == NO_CHECK:
        after |= {name: ONE[name].default for name in HEALTH - stated.keys()}
    return after


def unfound(before: Definition, gone: Mapping[str, Iterable[str]]) -> list[str]:
    """What `-rm` options name that is not there, in words."""
    return [
        f"There was no {name} {word}{suggest(word, before[name])}"
        for name, words in gone.items()
        for word in words
        if not any(MANY[name].named(key, word) for key in before[name])
    ]


def changes(before: Definition, after: Definition) -> list[str]:
    """What differs, in words."""
    found = [
        f"{name} {_words(name, before[name])} → {_words(name, after[name])}"
        for name in ONE
        if before[name] != after[name]
    ]
    for name in MANY:
        found += [f"without {name} {key}" for key, _ in _gone(name, before, after) if key not in after[name]]
        found += [f"{name} {key}" for key, _ in _new(name, before, after)]
    return found


def _words(name: str, value: Any) -> str:
    text = ONE[name].show(value) if value is not None else ""
    image, _, digest = text.partition("@sha256:")
    return (f"{image}@{digest[:8]}" if digest else text) or "unset"


def _new(name: str, before: Definition, after: Definition) -> Iterator[tuple[str, str]]:
    for key, value in after[name].items():
        # Where the key says it all, two ways of writing the value are one.
        if key not in before[name] or (before[name][key] != value and not MANY[name].whole):
            yield key, value


def _gone(name: str, before: Definition, after: Definition) -> Iterator[tuple[str, str]]:
    yield from ((key, value) for key, value in before[name].items() if key not in after[name])


def to_create(wanted: Definition) -> list[tuple[str, str]]:
    """The options of `docker service create`, apart from the image and its arguments."""
    names = [name for name in ONE if name not in ("image", "args") and wanted[name] != ONE[name].default]
    lists = {name: list(wanted[name].values()) for name in MANY}
    lists["mount"].sort(key=order)
    return _singles(names, wanted) + [(name, value) for name, values in lists.items() for value in values]


def to_update(before: Definition, after: Definition) -> list[tuple[str, str]]:
    """The options of `docker service update` that lead from one definition to another."""
    found = _singles([name for name in ONE if before[name] != after[name]], after)
    for name, many in MANY.items():
        found += [(f"{name}-rm", value if many.whole else key) for key, value in _gone(name, before, after)]
        found += [(f"{name}-add", value) for _, value in _new(name, before, after)]
    return found


def _singles(names: Sequence[str], wanted: Definition) -> list[tuple[str, str]]:
    """Some of the options with one value, as docker is told them."""
    if wanted["health-cmd"] != NO_CHECK or not HEALTH.intersection(names):
        return [(name, ONE[name].show(wanted[name])) for name in names]
    return [*_singles([name for name in names if name not in HEALTH], wanted), ("no-healthcheck", "true")]


def inseparable(before: Definition, after: Definition) -> list[Problem]:
    """Ports that should go, and with which docker, which goes by the one in the container, would take away others."""
    found = []
    for key, _ in _gone("publish", before, after):
        inner = key.partition(":")[2]
        if stay := [other for other in before["publish"] if other in after["publish"] and other.endswith(f":{inner}")]:
            why = f"docker takes away all ports to {inner} at once, {', '.join(stay)} too"
            way = f"--publish-rm {inner} first, and --publish for what stays in an update after that"
            found.append(Problem(f"--publish-rm {key}", 0, f"{why}; write {way}"))
    return found


def conflicts(wanted: Definition, stated: Iterable[str], route: str) -> list[Problem]:
    """What of the stated options cannot be: refused by the engine, or not served by the nodes' kernel."""
    told, found = set(stated), []
    if wanted["mode"] == "global":
        for name in sorted(told & {"replicas", "replicas-max-per-node"}):
            found.append(Problem(f"--{name}", 0, "a global service has one task on each node; leave it out"))
    if wanted["health-cmd"] == NO_CHECK:
        for name in sorted(told & HEALTH - {"health-cmd"}):
            found.append(
                Problem(f"--{name}", 0, "the health check is switched off; leave it out, or state --health-cmd")
            )
    modes = {key.rpartition("/")[2] for key in wanted["publish"]}
    if "endpoint-mode" in told and wanted["endpoint-mode"] == "vip" and route == "dns":
        found.append(Problem("--endpoint-mode", 0, f"vip {NO_MESH}; write dnsrr"))
    meshless = route == "dns" or wanted["endpoint-mode"] == "dnsrr"
    if told & {"endpoint-mode", "publish"} and "ingress" in modes and meshless:
        why = NO_MESH if route == "dns" else "needs --endpoint-mode vip"
        found.append(Problem("--publish", 0, f"mode=ingress {why}; write mode=host"))
    ports = [(key.partition(":")[0], key.partition("/")[2]) for key in wanted["publish"] if not key.startswith(":")]
    twice = sorted({port for port in ports if ports.count(port) > 1})
    return found + [Problem("--publish", 0, f"{port} is published twice") for port, _ in twice]
