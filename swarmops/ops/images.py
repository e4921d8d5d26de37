"""Images: built here, pushed to the cluster's registry, pulled on its nodes."""

from __future__ import annotations

from collections.abc import Callable

from swarmops.cluster import Cluster
from swarmops.commands import Command, docker
from swarmops.commands.registry import config, header, host, with_login
from swarmops.errors import ConnectionFailed, Denied, InputError, SwarmopsError, suggest
from swarmops.inventory import Inventory, Node
from swarmops.lab import images, registry
from swarmops.lab.engine import told
from swarmops.report import Recap

LAB_ONLY = frozenset({"node", "registry", "golang"})
"""What makes the lab itself; no stack refers to it."""


def names(inventory: Inventory) -> list[str]:
    """The images that stacks can refer to."""
    settings = inventory.settings.images
    return sorted({*settings.build, *settings.hub} - LAB_ONLY)


def reference(cluster: Cluster) -> Callable[[str], str]:
    """How a stack refers to an image of the inventory, by its name."""
    inventory = cluster.inventory

    def refer(name: str) -> str:
        # What is built of one's own has its tag stated, wherever the others come from.
        own = known(inventory, name) in inventory.settings.images.build
        return images.reference(name, inventory, "hub" if own else cluster.once(_origin).result())

    return refer


def _origin(cluster: Cluster) -> images.Source:
    """Where images come from. Of real hosts, the operator's machine needs no engine where this is stated."""
    stated = cluster.inventory.settings.images.source
    if stated != "auto":
        return stated
    try:
        return images.source(cluster.inventory, cluster.engine)
    except ConnectionFailed as error:
        if cluster.lab:
            raise
        asked = f"images.source is auto, which asks the engine of this machine: {error.said}"
        raise InputError(asked, remedy=f"state hub or debian in {cluster.inventory.path.name}") from error


def build(cluster: Cluster, name: str) -> Recap:
    """Builds an image, or pulls it from the hub, unless it is there with the same content."""
    recap = Recap()
    known(cluster.inventory, name)
    before = _tags(cluster)
    tag = images.ensure_image(name, cluster.inventory, cluster.engine, cluster.progress)
    if tag in before:
        recap.ok(name, tag)
    else:
        recap.changed(name, f"built {tag}")
    return recap


def push(cluster: Cluster, name: str) -> Recap:
    """Pushes an image to the cluster's registry, built first if need be; returns when the registry has it."""
    login = cluster.login(cluster.inventory.registry)
    recap = build(cluster, name)
    local = images.ensure_image(name, cluster.inventory, cluster.engine, cluster.progress)
    target = reference(cluster)(name)
    path, _, tag = target.partition("/")[2].rpartition(":")
    repository = f"{_push_host(cluster)}/{path}"
    with told(target):
        cluster.engine.tag(local, repository, tag)
    try:
        before = registry.digest(cluster.engine, repository, tag, login)
        registry.push(cluster.engine, repository, tag, login, cluster.progress)
        after = registry.digest(cluster.engine, repository, tag, login)
    except Denied as error:
        raise denied(cluster, target) from error
    if after is None:
        raise SwarmopsError(f"{target}: pushed, and the registry does not have it", remedy="inv doctor")
    if before != after:
        recap.changed("registry", f"{target} is {after[:19]}")
    recap.ok("registry", target)
    return recap


def pull(cluster: Cluster, name: str, timeout: float, node: str | None = None) -> Recap:
    """Pulls an image on all nodes, or on one; returns when they have what the registry has.

    Raises WaitTimeout for a node that does not have it in time.
    """
    recap = Recap()
    known(cluster.inventory, name)
    nodes = [cluster.inventory.node(node)] if node else list(cluster.inventory.nodes)
    target = reference(cluster)(name)
    command = authorized(cluster, docker("pull", "--quiet", target), target)

    def work(one: Node) -> bool:
        before = _has(cluster, one, target)
        cluster.run(one.name, command, timeout=timeout)
        cluster.progress.done(f"has {target}", one.name)
        return before != _has(cluster, one, target)

    for one, changed in zip(nodes, cluster.each(nodes, work), strict=True):
        if changed:
            recap.changed(one.name, f"pulled {target}")
        recap.ok(one.name)
    return recap


def authorized(cluster: Cluster, command: Command, *images: str) -> Command:
    """A docker command that knows the log-ins of the registries that these images are in; itself where none has one.

    Raises InputError with every password that cannot be had.
    """
    found, problems = {}, []
    for name in sorted(set(map(host, images))):
        try:
            if login := cluster.login(name):
                found[name] = login
        except InputError as error:
            problems.append(error)
    if len(problems) > 1:
        raise InputError("\n    ".join("; ".join(filter(None, (problem.said, problem.remedy))) for problem in problems))
    if problems:
        raise problems[0]
    return with_login(command, config(found)) if found else command


def headers(cluster: Cluster, image: str) -> dict[str, str]:
    """The headers by which an engine's API logs in to the registry that an image is in. Raises InputError."""
    login = cluster.login(host(image))
    return header(login, host(image)) if login else {}


def denied(cluster: Cluster, image: str) -> Denied:
    """The error for a registry that does not accept the log-in that the inventory states, or none."""
    name, key = host(image), "registry" if host(image) == cluster.inventory.registry else f"registries.{host(image)}"
    login, file = cluster.login(name), cluster.inventory.path.name
    who = f"the password of {login.username}" if login else "anybody without a log-in"
    remedy = f"compare {key}.username and {key}.password in {file} with what the registry knows"
    if cluster.lab and key == "registry":
        remedy = f"inv up has the registry know the password that {file} states"
    return Denied(f"{name} does not accept {who}", remedy=remedy)


def known(inventory: Inventory, name: str) -> str:
    """The name itself. Raises InputError when the inventory has no such image."""
    if name not in names(inventory):
        raise InputError(
            f"{name}: no such image in {inventory.path.name}{suggest(name, names(inventory))}",
            remedy=f"one of {', '.join(names(inventory))}",
        )
    return name


def _push_host(cluster: Cluster) -> str:
    stated = cluster.inventory.settings.registry
    return f"localhost:{stated.port}" if cluster.lab else f"{stated.host}:{stated.port}"


def _tags(cluster: Cluster) -> set[str]:
    with told("images"):
        return {tag for image in cluster.engine.images() for tag in image["RepoTags"] or []}


def _has(cluster: Cluster, node: Node, image: str) -> str | None:
    found = cluster.api(node.name).get("/images/json", filters={"reference": [image]})
    return found[0]["Id"] if found else None
