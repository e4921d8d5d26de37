"""Where the engine is, found as the docker command finds it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from swarmops.errors import InputError

DEFAULT_HOST = "unix:///var/run/docker.sock"


@dataclass(frozen=True)
class TLS:
    """The directory with ca.pem, cert.pem and key.pem, and whether the engine's certificate is verified."""

    directory: Path
    verify: bool


@dataclass(frozen=True)
class Endpoint:
    """The address of an engine, and in words where it was found."""

    host: str
    source: str
    tls: TLS | None = None

    def __str__(self) -> str:
        return f"{self.host} ({self.source})"


def find(env: Mapping[str, str] = os.environ) -> Endpoint:
    """The engine that the docker command would talk to.

    DOCKER_HOST comes first, then DOCKER_CONTEXT, then the context that `docker context use` chose, then the default
    socket. Raises InputError for a context that is not there or cannot be read.
    """
    config = Path(env.get("DOCKER_CONFIG") or Path.home() / ".docker")
    if host := env.get("DOCKER_HOST"):
        return Endpoint(host, "from DOCKER_HOST", _tls(env, config) if host.startswith("tcp://") else None)
    name, source = _context(env, config)
    if name == "default":
        return Endpoint(DEFAULT_HOST, "the default socket")
    return _from_context(config / "contexts", name, source)


def child_environment(endpoint: Endpoint, env: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment in which docker and every generation of compose talk to this engine."""
    child = dict(env)
    for name in ("DOCKER_CONTEXT", "DOCKER_TLS", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"):
        child.pop(name, None)
    child["DOCKER_HOST"] = endpoint.host
    if endpoint.tls:
        child["DOCKER_CERT_PATH"] = str(endpoint.tls.directory)
        child["DOCKER_TLS_VERIFY" if endpoint.tls.verify else "DOCKER_TLS"] = "1"
    return child


def _tls(env: Mapping[str, str], config: Path) -> TLS | None:
    verify = bool(env.get("DOCKER_TLS_VERIFY"))
    if not verify and not env.get("DOCKER_TLS"):
        return None
    return TLS(Path(env.get("DOCKER_CERT_PATH") or config), verify)


def _context(env: Mapping[str, str], config: Path) -> tuple[str, str]:
    if name := env.get("DOCKER_CONTEXT"):
        return name, "from DOCKER_CONTEXT"
    path = config / "config.json"
    if not path.exists():
        return "default", ""
    return _json(path).get("currentContext") or "default", f"the current one in {path}"


def _from_context(contexts: Path, name: str, source: str) -> Endpoint:
    identity = hashlib.sha256(name.encode()).hexdigest()
    path = contexts / "meta" / identity / "meta.json"
    if not path.exists():
        raise InputError(f"there is no docker context {name} ({source})", remedy="docker context ls shows them")
    docker = _json(path).get("Endpoints", {}).get("docker", {})
    directory = contexts / "tls" / identity / "docker"
    tls = TLS(directory, verify=not docker.get("SkipTLSVerify")) if directory.is_dir() else None
    return Endpoint(docker.get("Host") or DEFAULT_HOST, f"the docker context {name}, {source}", tls)


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise InputError(f"{path} is not a JSON object")
    return found
