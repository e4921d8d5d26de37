"""What makes an update less safe than it looks, or impossible."""

from __future__ import annotations

from collections.abc import Iterator

from swarmops.lint.finding import Note, Swarm
from swarmops.lint.service import Wanted, wanted
from swarmops.stackfile import Stack


def notes(stack: Stack, swarm: Swarm) -> Iterator[Note]:
    """Modes that swarm does not change, updates that nothing tells when a task serves, and images without a version."""
    running = {service.name: service for service in swarm.services}
    for service in wanted(stack):
        there = running.get(stack.full_name(service.short))
        if there and (mode := there.mode.replace("job", "-job")) != service.mode:
            text = f"swarm makes no {service.mode} service of a {mode} one"
            yield Note((*service.where, "deploy", "mode"), text, f"inv service.rm {there.name} first")
        image = str(service.definition["image"])
        if _rolls(service) and service.checked is None and swarm.checked(image) is False:
            text = "no health check: an update goes on to the next task as soon as a process has started"
            yield Note(service.where, text, "write healthcheck, or HEALTHCHECK in the image", error=False)
        name, _, tag = image.rpartition("/")[2].partition("@")[0].partition(":")
        if "@" not in image and tag in ("", "latest"):
            text = f"{name} has no version: each deploy takes, and pins, what latest is at that moment"
            yield Note((*service.where, "image"), text, "name a version", error=False)


def _rolls(service: Wanted) -> bool:
    if service.job:
        return False
    return service.everywhere or service.replicas > 1 or "update_config" in service.deploy
