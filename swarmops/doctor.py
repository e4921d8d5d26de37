"""Every preflight check in one run, each with its remedy."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

from swarmops.check import Check, Level, fail, ok, warn
from swarmops.cluster import Cluster
from swarmops.errors import Denied, InputError, NotFound, SwarmopsError
from swarmops.inventory import Node
from swarmops.ops import images

SKEW_WARN, SKEW_FAIL = 2.0, 60.0  # seconds; certificates and the order of logs suffer first, then the swarm


def examine(cluster: Cluster) -> list[Check]:
    """All checks: in a lab those of the host, then those of each node. Changes nothing."""
    checks: list[Check] = []
    if cluster.lab:
        from swarmops.lab import diagnosis

        checks += diagnosis.examine(cluster.inventory)
        if not _lab_is_up(cluster):
            return [*checks, ok("nodes", "the lab is not up; clocks and registry are looked at when it is")]
    for found in cluster.each(cluster.inventory.nodes, lambda node: list(_node(cluster, node))):
        checks += found
    return checks


def text(checks: list[Check]) -> str:
    """A line for each check, and its remedy below where it needs one."""
    width = max(len(check.name) for check in checks)
    lines = []
    for check in checks:
        lines.append(f"{check.level:<4}  {check.name:<{width}}  {check.detail}")
        lines += [f"      {'':<{width}}  Next: {check.remedy}"] if check.remedy else []
    return "\n".join(lines)


def raise_for(checks: list[Check]) -> None:
    """Raises SwarmopsError when something found does not work."""
    failed = [check.name for check in checks if check.level is Level.FAIL]
    if failed:
        raise SwarmopsError(f"failed: {', '.join(failed)}")


def skew(node: str, seconds: float) -> Check:
    """What to think of a clock that is `seconds` ahead of this machine's."""
    name, text = f"{node}: clock", f"{abs(seconds):.1f} s {'ahead' if seconds > 0 else 'behind'}"
    remedy = "let chrony or systemd-timesyncd set it"
    if abs(seconds) > SKEW_FAIL:
        return fail(name, text, remedy)
    return warn(name, text, remedy) if abs(seconds) > SKEW_WARN else ok(name, text)


def _lab_is_up(cluster: Cluster) -> bool:
    from swarmops.lab.containers import observe

    with suppress(SwarmopsError):
        return bool(observe(cluster.engine, cluster.inventory.cluster))
    return False


def _node(cluster: Cluster, node: Node) -> Iterator[Check]:
    try:
        ahead, info = _clock(cluster, node)
    except SwarmopsError as error:
        remedy = error.remedy if error.remedy != "inv doctor" else ""
        yield fail(f"{node.name}: engine", _said(node, error), remedy or "inv up")
        return
    yield ok(f"{node.name}: engine", info["ServerVersion"])
    yield skew(node.name, ahead)
    yield _registry(cluster, node)


def _clock(cluster: Cluster, node: Node) -> tuple[float, Any]:
    """How far the node's clock is ahead, in seconds, give or take half the time of the question; and all it said."""
    api = cluster.api(node.name)
    api.get("/version")  # opens the connection, which takes longer than any answer
    before = time.time()
    info = api.get("/info")
    return datetime.fromisoformat(info["SystemTime"]).timestamp() - (before + time.time()) / 2, info


def _said(node: Node, error: SwarmopsError) -> str:
    """The first line of an error, without the name of the node, which the check's own name has."""
    return str(error).splitlines()[0].removeprefix(f"{node.name}: ")


def _registry(cluster: Cluster, node: Node) -> Check:
    """The node's engine asks the registry for an image that nobody has: being told so is an answer."""
    address = cluster.inventory.registry
    name, image = f"{node.name}: registry", f"{address}/swarmops/no-such-image"
    try:
        cluster.api(node.name).get(f"/distribution/{image}/json", headers=images.headers(cluster, image))
    except NotFound:
        pass
    except (Denied, InputError) as error:
        wrong = images.denied(cluster, image) if isinstance(error, Denied) else error
        return fail(name, _said(node, wrong), wrong.remedy)
    except SwarmopsError as error:
        said = _said(node, error)
        return fail(name, f"{address} does not answer: {said}", "inv up starts it; compare registry in the inventory")
    return ok(name, f"{address} answers")
