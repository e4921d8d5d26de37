"""What can be said of a service by hand, in docker's own words, and the help for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def _changing(kind: str, actions: str) -> dict[str, str]:
    return {
        f"{kind}-parallelism": f"tasks per step of {kind}; 0 is all at once",
        f"{kind}-delay": "pause between two steps, such as 10s",
        f"{kind}-order": "start-first or stop-first",
        f"{kind}-failure-action": f"what swarm does when a task fails: {actions}",
        f"{kind}-monitor": "how long each task is watched for failure",
        f"{kind}-max-failure-ratio": "part of the tasks that may fail, from 0 to 1",
    }


ONE = {
    "image": "an image of the inventory by its name, or any other; pinned to its digest",
    "args": 'arguments for the image: "serve --port 80", or after -- at the end of the line',
    "entrypoint": "program instead of the image's",
    "mode": "replicated, or global: one task on each node",
    "replicas": "number of tasks",
    "replicas-max-per-node": "most tasks on one node",
    "endpoint-mode": "vip or dnsrr",
    "limit-cpu": "most processors a task may use, such as 0.5",
    "limit-memory": "most memory a task may use, such as 64m",
    "reserve-cpu": "processors a node must have left for a task",
    "reserve-memory": "memory a node must have left for a task",
    **_changing("update", "pause, continue or rollback"),
    **_changing("rollback", "pause or continue"),
    "restart-condition": "any, on-failure or none",
    "stop-grace-period": "time to end before a task is killed",
    "health-cmd": "command that tells whether a task is healthy; none: no check, nor that of the image",
    "health-interval": "time between two checks",
    "health-timeout": "longest a check may take",
    "health-retries": "failed checks that make a task unhealthy",
    "health-start-period": "time to start in which failed checks do not count",
}
"""Options with one value."""

MANY = {
    "publish": "port: 8080:80, 53:53/udp, published=8080,target=80,mode=host",
    "mount": "type=bind,source=/srv,target=/data or type=volume,source=data,… or type=tmpfs,target=/tmp",
    "env": "environment variable: NAME=value",
    "label": "label of the service: name=value",
    "container-label": "label of its containers: name=value",
    "network": "network, by name",
    "constraint": "nodes that may run it: node.role==worker",
    "placement-pref": "spread=node.labels.region spreads tasks over the label's values",
}
"""Options that may be given several times."""

REMOVED = {
    "publish-rm": "take away a port, by the one in the container: 80, or by both: 8080:80",
    "mount-rm": "take away a mount, by its target: /data",
    "env-rm": "take away an environment variable, by its name",
    "label-rm": "take away a label, by its name",
    "container-label-rm": "take away a label of its containers, by its name",
    "network-rm": "take away a network",
    "constraint-rm": "take away a constraint",
    "placement-pref-rm": "take away a placement preference",
}
"""What an update takes away; repeatable too."""

DEFAULTS = {
    "mode": "replicated",
    "replicas": "1",
    "endpoint-mode": "what the nodes' kernel can serve",
    **{f"{kind}-parallelism": "1" for kind in ("update", "rollback")},
    **{f"{kind}-delay": "0s" for kind in ("update", "rollback")},
    **{f"{kind}-order": "stop-first" for kind in ("update", "rollback")},
    **{f"{kind}-failure-action": "pause" for kind in ("update", "rollback")},
    **{f"{kind}-monitor": "5s" for kind in ("update", "rollback")},
    **{f"{kind}-max-failure-ratio": "0" for kind in ("update", "rollback")},
    "restart-condition": "any",
    "stop-grace-period": "10s",
}
"""What a new service has; an update leaves what is not stated."""

_REPEATED = {name: f"{text} (repeatable)" for name, text in MANY.items()}
CREATE = ONE | {name: f"{ONE[name]}; {value} unless stated" for name, value in DEFAULTS.items()} | _REPEATED
UPDATE = {name: text for name, text in ONE.items() if name != "mode"} | _REPEATED | REMOVED
LISTS = [name.replace("-", "_") for name in (*MANY, *REMOVED)]
"""Those that may be given several times, as invoke knows them."""


def stated(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options that were given, by the names they have on the command line."""
    return {name.replace("_", "-"): value for name, value in given.items() if value not in (None, [])}
