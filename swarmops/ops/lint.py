"""Lint: a stack file against docker's own rules, the swarm, the registries and the nodes, before anything changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace

from swarmops import facts, lint as rules
from swarmops.cluster import Cluster
from swarmops.commands import Command, stack as commands
from swarmops.connect.api import EngineAPI
from swarmops.errors import CommandFailed, InputError, SwarmopsError
from swarmops.facts import Json
from swarmops.inventory import Node
from swarmops.lint import Finding, Note, Swarm
from swarmops.ops.routing import routing
from swarmops.ops.stacks import digest, known, rendered
from swarmops.render import write
from swarmops.stackfile import Stack

_CONFIG_SINCE = (23,)
# Prints those of its arguments that are not there. Of what is below a directory that the user may not search, or behind
# a link that may lead there, nobody knows.
ABSENT = """\
for path; do
    test -e "$path" && continue
    up=$path
    until test -d "$up/"; do
        test -h "$up" && test "$(id -u)" != 0 && continue 2
        up=${up%/*}
    done
    test ! -x "$up/" || printf '%s\\n' "$path"
done
"""


def lint(cluster: Cluster, stack: Stack, route: str) -> list[Finding]:
    """Everything to be said of a rendered stack, in the order of its file; nothing is changed."""
    found, refused = _begin(cluster, stack, route)
    return sorted({*found, *rules.unsaid(found, refused.result())})


def checked(cluster: Cluster, stack: Stack, route: str) -> Callable[[], None]:
    """Shows the warnings. Raises InputError with all the errors, at their lines of the file as it is written.

    Docker's own word takes a command on a node. What is returned waits for that, and raises InputError as well: to be
    called before anything changes.
    """
    file = file_name(cluster, stack)

    def refuse(found: Iterable[Finding]) -> None:
        if errors := [finding.at(file) for finding in found if finding.error]:
            raise InputError.of(errors)

    found, refused = _begin(cluster, stack, route)
    for warning in (*stack.warnings, *(finding.at(file) for finding in found if not finding.error)):
        cluster.progress.done(str(warning))
    if any(finding.error for finding in found):
        refuse([*found, *rules.unsaid(found, refused.result())])
    return lambda: refuse(refused.result())


def _begin(cluster: Cluster, stack: Stack, route: str) -> tuple[list[Finding], Future[list[Finding]]]:
    """What there is to be said, and what docker itself is going to say, one thing and often what has been said better.

    What takes a command on a node goes on meanwhile.
    """
    refused = cluster.later(lambda: rules.findings(stack, _refused(cluster, stack)))
    swarm = cluster.ask(lambda api: _look(api, route, cluster))
    absent = cluster.later(lambda: _absent(cluster, rules.binds.sources(stack, swarm)))
    notes = [*rules.lint(stack, swarm), *_images(cluster, stack), *rules.binds.missing(stack, swarm, absent.result())]
    return rules.findings(stack, notes), refused


def of_inventory(cluster: Cluster, name: str = "") -> tuple[list[str], list[str]]:
    """Errors and warnings of one stack of the inventory, or of all of them, which are rendered and written first."""
    if name:
        known(cluster, name)
    cluster.manager()
    route = routing(cluster)
    errors: list[str] = []
    warnings: list[str] = []
    for stack in rendered(cluster, route, *([name] if name else [])).values():
        for file, text in stack.files.items():
            write(cluster.inventory.rendered / file, text)
        warnings += map(str, stack.warnings)
        for finding in lint(cluster, stack, route):
            (errors if finding.error else warnings).append(str(finding.at(file_name(cluster, stack))))
    return errors, warnings


def file_name(cluster: Cluster, stack: Stack) -> str:
    """The file that a stack is written to, as an operator sees it."""
    return f"stack/{cluster.inventory.cluster}/{stack.name}.yml"


def _look(api: EngineAPI, route: str, cluster: Cluster) -> Swarm:
    """Five questions of a millisecond each, and those about images that the rules come to ask."""
    return Swarm(
        nodes=facts.nodes(api),
        services=facts.services(api),
        networks=facts.networks(api),
        configs=_names(api, "/configs"),
        secrets=_names(api, "/secrets"),
        route=route,
        checked=lambda image: _checked(cluster, image),
    )


def _names(api: EngineAPI, path: str) -> frozenset[str]:
    return frozenset(each["Spec"]["Name"] for each in api.get(path))


def _checked(cluster: Cluster, image: str) -> bool | None:
    """Whether an image has a health check, by what this machine's engine or a manager's has of it."""
    config = _pushed(cluster, image) if cluster.lab else None
    if config is None:
        with suppress(CommandFailed):
            config = cluster.ask(lambda api: api.get(f"/images/{image}/json"))["Config"]
    if config is None:
        return None
    test = (config.get("Healthcheck") or {}).get("Test") or ["NONE"]
    return bool(test != ["NONE"])


def _pushed(cluster: Cluster, image: str) -> Json | None:
    """What a lab's registry was given from this machine, which names it otherwise."""
    host, _, path = image.partition("/")
    if host != cluster.inventory.registry:
        return None
    from swarmops.lab.engine import told

    with told(image):
        found = cluster.engine.images(f"localhost:{cluster.inventory.settings.registry.port}/{path.partition('@')[0]}")
        return cluster.engine.inspect_image(found[0]["Id"])["Config"] if found else None


def _images(cluster: Cluster, stack: Stack) -> Iterator[Note]:
    """The images that their registries do not have."""
    for image in sorted(stack.images):
        try:
            digest(cluster, image)
        except InputError as error:
            for short, service in stack.services.items():
                if service["image"] == image:
                    yield Note(("services", short, "image"), error.said, error.remedy)


def _absent(cluster: Cluster, paths: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    """Which paths are certainly not on the nodes, by host name; nodes that do not answer are left out."""

    def ask(node: Node) -> list[str] | None:
        try:
            said = cluster.run(node.name, Command(("sh", "-c", ABSENT, "sh", *sorted(paths[node.name]))), timeout=15)
        except SwarmopsError:
            return None
        return said.stdout.splitlines()

    nodes = [node for node in cluster.inventory.nodes if node.name in paths]
    answers = zip(nodes, cluster.each(nodes, ask), strict=True)
    return {node.name: answer for node, answer in answers if answer is not None}


def _refused(cluster: Cluster, stack: Stack) -> list[Note]:
    """The first thing that docker itself refuses, if any. Engines before 23 cannot tell, nor may those of no number."""
    managers = [node for node in cluster.ask(facts.nodes) if node.manages]
    if any(facts.numbers(node.engine) < _CONFIG_SINCE for node in managers):
        return []
    ended = cluster.door(cluster.current().node).run(commands.config(_without_sources(stack).text), check=False)
    if ended.code == 0:
        return []
    said = (ended.stderr.strip() or ended.stdout.strip()).splitlines() or [f"docker stack config exited {ended.code}"]
    # It begins with the path, where it has one: services.web.healthcheck.interval must be a string
    path, _, text = said[0].partition(" ")
    parts = path.split(".")
    if parts[0] not in stack.file:
        return [Note((), f"docker refuses it: {' '.join(said)}")]
    where = tuple(int(part) if part.isdecimal() else part for part in parts)
    return [Note(where, f"docker refuses it: {' '.join([text, *said[1:]])}")]


def _without_sources(stack: Stack) -> Stack:
    """The stack with its secrets as they are deployed: where their values come from is nothing that docker knows."""
    secrets = dict(stack.file.get("secrets") or {})
    secrets |= {short: {"external": True, "name": stack.full_name(short)} for short in stack.secrets}
    return replace(stack, file={**stack.file, "secrets": secrets}) if secrets else stack
