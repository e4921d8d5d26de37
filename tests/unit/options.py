"""Every option of a service by hand, stated once."""

from __future__ import annotations

from typing import Any

ALL: dict[str, Any] = {
    "image": "registry:5000/web:1.0@sha256:" + "a" * 64,
    "args": "serve 'two words' --port=80",
    "entrypoint": "/bin/web -v",
    "replicas": "2",
    "replicas-max-per-node": "3",
    "endpoint-mode": "dnsrr",
    "limit-cpu": "0.5",
    "limit-memory": "64m",
    "reserve-cpu": ".1",
    "reserve-memory": "8MiB",
    "update-parallelism": "2",
    "update-delay": "2s",
    "update-order": "start-first",
    "update-failure-action": "rollback",
    "update-monitor": "1m30s",
    "update-max-failure-ratio": "0.25",
    "rollback-parallelism": "0",
    "rollback-delay": "500ms",
    "rollback-order": "start-first",
    "rollback-failure-action": "continue",
    "rollback-monitor": "3s",
    "rollback-max-failure-ratio": ".5",
    "restart-condition": "on-failure",
    "stop-grace-period": "3s",
    "health-cmd": "test -f /tmp/up",
    "health-interval": "3s",
    "health-timeout": "1s",
    "health-retries": "2",
    "health-start-period": "5s",
    "publish": ["8085:8080", "53/udp"],
    "mount": [
        "type=bind,src=/tmp,dst=/t,readonly",
        "type=volume,source=vol,target=/v,volume-label=a=b,volume-opt=o=size=1m",
        "type=tmpfs,target=/x,tmpfs-size=1m,tmpfs-mode=1770",
    ],
    "env": ["A=1", "B=two words", "C="],
    "label": ["team=web"],
    "container-label": ["c=d"],
    "network": ["localnet"],
    "constraint": ["node.role == worker", "node.labels.a!=b"],
    "placement-pref": ["spread=node.labels.zone"],
}
