"""The ingress follows the services: a proxy fetches its configuration, and this changes what it finds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256

from swarmops import facts, ingress, placement, stackfile
from swarmops.cluster import Cluster
from swarmops.commands import Command, Secret, docker, stack as commands
from swarmops.errors import CommandFailed, ConnectionFailed, InputError, Problem, SwarmopsError, WaitTimeout
from swarmops.facts import Service
from swarmops.ingress import CONFIG, DECLARE, PROXY, STACK, Backend, Said
from swarmops.inventory import Node
from swarmops.members import match
from swarmops.ops import configs, stacks
from swarmops.ops.apply import COMMAND_SECONDS
from swarmops.ops.balanced import balanced
from swarmops.ops.convergence import Watch
from swarmops.ops.ending import counted, unended
from swarmops.ops.images import authorized, reference
from swarmops.ops.lock import MARGIN_SECONDS, Terms, locked
from swarmops.render import write
from swarmops.report import Outcome, Recap
from swarmops.stackfile import SPEC_LABEL, Stack
from swarmops.wait import Deadline, until

CONTENT = "haproxy"
"""What the stack calls the configuration that the proxies fetch."""
STATS_PORT = 1936
USER = "admin"
HAS = Command(
    ("sh", "-c", "cd /tmp/ingress && sha256sum loaded.cfg next.cfg refused.cfg && { cat refused 2>/dev/null || :; }")
)
"""In a proxy: the hashes of what it has loaded, last fetched and refused, and why it refused that."""
REFUSED = 65
TRY = (
    "set -e; file=$(mktemp); trap 'rm -f $file' EXIT; cat >$file; "
    f"export STATS_PASSWORD=unknown; haproxy -c -f $file 2>&1 || exit {REFUSED}"
)
"""In a proxy: what HAProxy says of a configuration, and that it does not take it."""
PASSWORD = Command(("cat", "/run/secrets/stats"))


@dataclass(frozen=True)
class Wanted:
    """What the proxies should have: the service that serves it, pinned and as it runs, and their configuration."""

    stack: Stack
    service: Service
    content: str
    notes: list[Said]
    backends: list[Backend]
    render: Callable[[list[Backend]], Stack]
    """The ingress's stack for other backends."""

    @property
    def there(self) -> bool:
        """Whether it is served."""
        mark = self.stack.services[CONFIG]["deploy"]["labels"][SPEC_LABEL]
        return bool(mark == self.service.labels.get(SPEC_LABEL))

    @property
    def balances(self) -> str:
        """Which services, in words."""
        return f"balances {', '.join(self.names) or 'nothing'}"

    @property
    def names(self) -> list[str]:
        """The services that are balanced."""
        return list(dict.fromkeys(backend.service for backend in self.backends))


def refused(cluster: Cluster, stated: Iterable[str], environment: Sequence[str]) -> list[Problem]:
    """What is wrong with what a service is to declare in its environment, where some of that is stated now.

    Each variable is NAME=value. Where the inventory has no ingress, they mean something else.
    """
    declares = any(text.partition("=")[0] in DECLARE for text in stated)
    if not declares or STACK not in cluster.inventory.settings.stacks:
        return []
    return [Problem("--env", 0, why)] if (why := ingress.wrong(environment)) else []


def follow(cluster: Cluster, recap: Recap, deadline: Deadline, names: Collection[str] = ()) -> None:
    """Refreshes after what `recap` has been done. Raises what `refresh` raises, and says that the rest is done."""
    try:
        refresh(cluster, recap, deadline, names)
    except SwarmopsError as error:
        done = dict.fromkeys(name for name, how, _ in recap.steps if how is Outcome.CHANGED)
        rest = f"All else is done{': ' if done else ''}{', '.join(done)}"
        raise type(error)(f"the ingress does not follow: {error.said}\n  {rest}", remedy=error.remedy) from error


def refresh(cluster: Cluster, recap: Recap, deadline: Deadline, names: Collection[str] = ()) -> None:
    """Has the proxies balance exactly the services that declare SERVICE_PORTS now; returns when all of them do.

    Which of them get no request, and why, is noted when what is balanced changes; of the named ones in any case.
    Nothing is done where the inventory has no ingress, or it is not deployed. The caller must not hold its lock.
    Raises SwarmopsError for a configuration that the proxies refuse, WaitTimeout.
    """
    wanted = _wanted(cluster)
    if wanted is None:
        return
    settled = wanted.there
    if not settled:
        # The command has more time than may be left, and nobody else is to begin meanwhile.
        terms = Terms(max(deadline.left, COMMAND_SECONDS) + MARGIN_SECONDS, wait=deadline.left)
        with locked(cluster, STACK, "bring the ingress up to date", terms) as check:
            wanted = _accepted(cluster)  # somebody else may have been faster
            if wanted and not wanted.there:
                _serve(cluster, wanted, check, recap, deadline)
    if wanted is None:
        return
    for name, note in wanted.notes:
        if name in names or not wanted.there:
            recap.note(note)
    if settled and not any(name.startswith(f"{STACK}_") for name, how, _ in recap.steps if how is Outcome.CHANGED):
        return  # nobody changed it: the proxies have had their time
    served = wanted

    def behind() -> str:
        nonlocal served
        missing = _behind(cluster, served.content)
        if missing and (newer := _wanted(cluster)) and newer.there:
            served = newer  # somebody else has been faster: what the proxies load is theirs
        return missing

    until(behind, deadline, cluster.progress)


def _serve(cluster: Cluster, wanted: Wanted, check: Callable[[], None], recap: Recap, deadline: Deadline) -> None:
    """Changes what the proxies find."""
    configs.create(cluster, wanted.stack, {})
    try:
        mixed = placement.mixed(cluster.ask(facts.nodes))
        empty = stackfile.empty(wanted.stack, wanted.stack.services)
        command = authorized(
            cluster, commands.deploy(STACK, wanted.stack.text, mixed=mixed, empty=empty), *wanted.stack.images
        )
    except InputError as error:
        raise SwarmopsError(f"the ingress cannot be brought up to date: {error}") from error
    cluster.manage(command, timeout=max(deadline.left, COMMAND_SECONDS))
    cluster.progress.done(wanted.balances, STACK)
    watch = Watch(cluster, [wanted.service.id])
    until(lambda: watch.missing() or _old(cluster, wanted.service.id), deadline, cluster.progress)
    check()
    configs.prune(cluster, STACK)
    recap.changed(STACK, wanted.balances)


def _old(cluster: Cluster, service: str) -> str:
    """What still serves the configuration before, in words: a proxy might take it for the new one."""
    left = [task for task in unended(cluster, {service}) if task.desired != "running"]
    return f"{STACK}_{CONFIG}: {counted(left)}" if left else ""


def _accepted(cluster: Cluster) -> Wanted | None:
    """What the proxies should have, without the services that HAProxy takes no configuration with."""
    wanted = _wanted(cluster)
    if wanted is None or wanted.there or not _refusal(cluster, wanted.content):
        return wanted
    if _refusal(cluster, _content(wanted.render([]))):
        return wanted  # no service's fault
    alone = {name: [backend for backend in wanted.backends if backend.service == name] for name in wanted.names}
    said = {name: _refusal(cluster, _content(wanted.render(backends))) for name, backends in alone.items()}
    return _wanted(cluster, {name: why for name, why in said.items() if why})


def _refusal(cluster: Cluster, content: str) -> str:
    """The first thing that HAProxy says against a configuration; empty where it takes it, and where no proxy runs."""
    for node, container in _proxies(cluster).items():
        command = docker("exec", "--interactive", container, "sh", "-c", TRY, stdin=content.encode())
        with suppress(ConnectionFailed, WaitTimeout):
            result = cluster.door(node).run(command, check=False, timeout=15)
            alerts = (line.partition(" : ")[2] for line in result.stdout.splitlines() if line.startswith("[ALERT]"))
            return next(alerts, "it is refused") if result.code == REFUSED else ""
    return ""


def _content(full: Stack) -> str:
    return full.configs[full.file["configs"][CONTENT]["name"]]


def _wanted(cluster: Cluster, refused: Mapping[str, str] | None = None) -> Wanted | None:
    """What the proxies should have, without services that are `refused` for a reason."""
    if STACK not in cluster.inventory.settings.stacks:
        return None
    running = cluster.ask(lambda api: facts.services(api, STACK))
    service = next((service for service in running if service.name == f"{STACK}_{CONFIG}"), None)
    if service is None:
        return None
    refused = refused or {}
    render = partial(stacks.one, cluster, STACK, _route(service), reference(cluster))
    try:
        found, left = balanced(cluster, render([]))
        backends = [backend for backend in found if backend.service not in refused]
        full = render(backends)
    except InputError as error:  # by now something else has been changed, and "bad input" would say that nothing was
        raise SwarmopsError(f"the ingress cannot be rendered: {error}") from error
    for file, text in full.files.items():
        write(cluster.inventory.rendered / file, text)
    left += [(name, f"{name} is left out: {why}") for name, why in refused.items()]
    notes = left + ingress.hidden(backends)
    return Wanted(_pinned(full, service), service, _content(full), notes, backends, render)


def _route(service: Service) -> str:
    """As it was deployed: asking the nodes' kernels again would take longer than all the rest."""
    return "dns" if (service.spec.get("EndpointSpec") or {}).get("Mode") == "dnsrr" else "mesh"


def _pinned(full: Stack, service: Service) -> Stack:
    """The one service alone, of the image that it runs: another one comes with a deploy of the stack."""
    services = {CONFIG: {**full.services[CONFIG], "image": service.image}}
    return stackfile.marked(replace(full, file={**full.file, "services": services, "secrets": {}}))


def present(cluster: Cluster, stack: Stack) -> Stack:
    """A recorded version of the ingress's own stack, serving what it serves now: that is no part of a version."""
    services = cluster.ask(lambda api: facts.services(api, STACK))
    mounted = [
        config["ConfigName"]
        for service in services
        if service.name == f"{STACK}_{CONFIG}"
        for config in service.template.get("ContainerSpec", {}).get("Configs") or []
        if config["ConfigName"].startswith(f"{STACK}_{CONTENT}_")
    ]
    if stack.name != STACK or not mounted or CONTENT not in (stack.file.get("configs") or {}):
        return stack
    served = {CONTENT: {"external": True, "name": mounted[0]}}
    return stackfile.marked(replace(stack, file={**stack.file, "configs": {**stack.file["configs"], **served}}))


def _behind(cluster: Cluster, content: str) -> str:
    """The proxies that have loaded another configuration, in words. Raises SwarmopsError for one that refused it."""
    digest, behind = sha256(content.encode()).hexdigest(), []
    for name, text in _say(cluster, HAS).items():
        loaded, fetched, other, *refused = text.splitlines() or ("", "", "")
        if refused and other.startswith(digest):
            raise SwarmopsError("\n    ".join([f"the proxy on {name} refuses its configuration", *refused]))
        if not loaded.startswith(digest) or not fetched.startswith(digest):
            behind.append(name)
    return f"the proxy on {', '.join(behind)} to load its configuration" if behind else ""


def _say(cluster: Cluster, command: Command) -> dict[str, str]:
    """What a command in each proxy that runs prints, by the name of its node."""
    proxies = _proxies(cluster)
    nodes = [cluster.inventory.node(name) for name in proxies]
    said = cluster.each(nodes, lambda node: _ask(cluster, node.name, proxies[node.name], command))
    return dict(zip(proxies, said, strict=True))


def _proxies(cluster: Cluster) -> dict[str, str]:
    """The containers of the proxies that run, by the word of a manager, by the names of their nodes."""
    nodes, tasks = cluster.ask(
        lambda api: (facts.nodes(api), api.get("/tasks", filters={"service": [f"{STACK}_{PROXY}"]}))
    )
    containers = {
        task["NodeID"]: task["Status"]["ContainerStatus"]["ContainerID"]
        for task in tasks
        if task["Status"]["State"] == task["DesiredState"] == "running"
    }
    members = match(cluster.inventory.nodes, nodes, {})
    return {name: containers[member.id] for name, member in members.items() if member.ready and member.id in containers}


def _ask(cluster: Cluster, node: str, container: str, command: Command) -> str:
    """What a command in a container prints; nothing when the container or its node is gone by now, or hangs."""
    try:
        return cluster.run(node, docker("exec", container, *command.argv), timeout=15).stdout
    except (CommandFailed, ConnectionFailed, WaitTimeout):
        return ""


@dataclass(frozen=True)
class Credentials:
    """How to see the proxies' statistics."""

    urls: list[str]
    password: Secret
    user: str = USER


def credentials(cluster: Cluster) -> Credentials:
    """Where the proxies show their statistics, and the password, as a proxy that runs has it.

    Raises SwarmopsError when none runs.
    """
    passwords = {name: password for name, password in _say(cluster, PASSWORD).items() if password}
    if not passwords:
        raise SwarmopsError("no proxy runs", remedy=f"inv deploy {STACK}, or inv ps {STACK}")
    urls = list(dict.fromkeys(_url(cluster, cluster.inventory.node(name)) for name in passwords))
    return Credentials(urls, Secret(next(iter(passwords.values()))))


def _url(cluster: Cluster, node: Node) -> str:
    """A lab's node is reached by a port of this machine where the inventory publishes one, else by its address."""
    if not cluster.lab:
        return f"http://{node.vars.ansible_host or node.name}:{STATS_PORT}"
    return f"http://{cluster.inventory.published(STATS_PORT, node) or f'{node.address}:{STATS_PORT}'}"
