"""What services wait for, and never get."""

from __future__ import annotations

from collections.abc import Iterator

from swarmops.lint.finding import Note, Swarm
from swarmops.lint.service import Wanted, wanted
from swarmops.stackfile import COMPLETED, Stack


def notes(stack: Stack, swarm: Swarm) -> Iterator[Note]:
    """Waits for the health of services that nothing checks: swarm takes such a task for running once it has started."""
    services = {service.short: service for service in wanted(stack)}
    pairs = [(short, services[other], waits[other]) for short, waits in stack.order.items() for other in waits]
    for short, service, condition in pairs:
        if condition == COMPLETED and not service.job and _starts_again(service):
            text = f"{short} waits until it has ended, and swarm starts it again each time"
            yield Note(service.where, text, "write deploy.restart_policy.condition: none, or on-failure")
        if condition != "service_healthy":
            continue
        text = f"{short} waits until it is healthy, and it has no health check: that is as soon as it has started"
        if service.checked is False:
            yield Note((*service.where, "healthcheck"), text, "write a test, or condition: service_started")
        elif service.checked is None and swarm.checked(str(service.definition["image"])) is False:
            yield Note(service.where, text, "write healthcheck, or HEALTHCHECK in the image", error=False)


def _starts_again(service: Wanted) -> bool:
    """Whether swarm starts a task again that has ended well: docker goes by `restart` where there is no policy."""
    if "restart_policy" in service.deploy:
        return bool(service.section("restart_policy").get("condition", "any") == "any")
    return not str(service.definition.get("restart") or "").startswith("on-failure")
