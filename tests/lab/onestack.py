"""One stack, `s`, on a lab of its own: what the swarm has of it."""

from __future__ import annotations

import gzip
import json
from base64 import b64decode
from typing import Any

from engine import Lab

GOOD = """
services:
  web:
    image: {{ image("nginx") }}
    command: [sleep, "3600"]
    environment: {VERSION: "1"}
    stop_grace_period: 0s
    deploy:
      endpoint_mode: dnsrr
      restart_policy: {delay: 0s}
      update_config: {monitor: 1s}
"""
LABEL = "label=com.docker.stack.namespace"
NOTHING: dict[str, list[str]] = {"config": [], "network": [], "secret": [], "service": []}


def parts(lab: Lab) -> dict[str, list[str]]:
    """What the swarm has of the stack, by kind, its records and its lock left out."""
    named = {kind: lab.ask(kind, "ls", "--filter", f"{LABEL}=s") for kind in ("config", "network", "secret", "service")}
    found = {kind: sorted(one["Name"] for one in items) for kind, items in named.items()}
    found["config"] = [name for name in found["config"] if ".version." not in name]
    return found


def locks(lab: Lab) -> list[dict[str, Any]]:
    return lab.ask("config", "ls", "--filter", "label=swarmops.lock")


def versions(lab: Lab) -> list[str]:
    return sorted(one["Name"] for one in lab.ask("config", "ls", "--filter", "label=swarmops.record"))


def content(lab: Lab, config: str) -> str:
    """What a config has; that of a record is compressed."""
    data = b64decode(json.loads(lab.node("manager", "docker", "config", "inspect", config).out)[0]["Spec"]["Data"])
    return (gzip.decompress(data) if ".version." in config else data).decode()


def environment(lab: Lab, service: str = "s_web") -> list[str]:
    return lab.services()[service]["Spec"]["TaskTemplate"]["ContainerSpec"].get("Env") or []
