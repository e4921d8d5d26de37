"""What the tests ask: the real command line in a process of its own, and the engines, never swarmops itself."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml

T = TypeVar("T")

REPOSITORY = Path(__file__).parents[2]
TEMPLATE = Path(__file__).with_name("inventory.yaml")
EXAMPLE = REPOSITORY / "examples/ha.yaml"
LABEL = "swarmops.cluster"

said: list[str] = []
"""All that any swarmops command of this run has printed: no secret may be in it."""

passwords: list[str] = []
"""Secrets that tests have used, for the last look at what was said."""


@dataclass(frozen=True)
class Run:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return self.out + self.err


@dataclass(frozen=True)
class Answer:
    """An answer over HTTP; `replica` is the X-Served-By header of the echo server."""

    status: int
    text: str
    replica: str


def docker(*args: str, check: bool = True, timeout: float = 60) -> Run:
    """A docker command on this machine's engine."""
    ended = subprocess.run(["docker", *args], capture_output=True, text=True, timeout=timeout, check=False)
    assert not check or ended.returncode == 0, f"docker {' '.join(args)}: {ended.stderr}"
    return Run(ended.returncode, ended.stdout, ended.stderr)


def get(url: str | urllib.request.Request, timeout: float = 5) -> Answer:
    """One request. Raises OSError when nothing answers."""
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer:
            return Answer(answer.status, answer.read().decode(), answer.headers.get("X-Served-By", ""))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.read().decode(errors="replace"), "")


def eventually(look: Callable[[], T], *, within: float, what: str) -> T:
    """The first true answer of `look`, which may raise OSError until then. Fails after `within` seconds."""
    end, last = time.monotonic() + within, ""
    while time.monotonic() < end:
        try:
            seen = look()
        except OSError as error:
            last = repr(error)
        else:
            if seen:
                return seen
            last = repr(seen)
        time.sleep(0.05)
    raise AssertionError(f"not within {within} s: {what}; last seen: {last}")


@dataclass
class Lab:
    """A cluster of the tests: a project of its own in `folder`, and what its engines say."""

    folder: Path
    inventory: dict[str, Any] = field(default_factory=lambda: yaml.safe_load(TEMPLATE.read_text()))
    name: str = "inventory.yaml"

    @classmethod
    def make(
        cls, folder: Path, cluster: str, subnet: str, ports: tuple[int, int, int], *, workers: int, managers: int = 1
    ) -> Lab:
        """A project in `folder`. `ports` are those of this machine: of the registry, the ingress and the visualizer.

        One manager is called manager; several, manager01 and so on, are those of the example of a lab like that.
        """
        lab = cls(folder, yaml.safe_load((TEMPLATE if managers == 1 else EXAMPLE).read_text()))
        registry, ingress, page = ports
        lab.vars.update(cluster=cluster, subnet=subnet, registry={"port": registry})
        names = ["manager"] if managers == 1 else [f"manager{i:02}" for i in range(1, managers + 1)]
        lab.inventory["all"]["children"]["managers"]["hosts"] = {name: {} for name in names}
        published = {"ports": [f"{ingress}:80", f"{page}:9000"]}
        if managers == 1:
            lab.hosts("managers")["manager"] = published
        else:
            lab.inventory["all"]["children"]["managers"]["vars"] = published
        lab.inventory["all"]["children"]["workers"]["hosts"] = {f"worker{i:02}": {} for i in range(1, workers + 1)}
        for part in ("templates", "images"):
            shutil.copytree(REPOSITORY / part, folder / part)
        lab.save()
        return lab

    @property
    def vars(self) -> dict[str, Any]:
        return self.inventory["all"]["vars"]

    @property
    def cluster(self) -> str:
        return self.vars["cluster"]

    @property
    def file(self) -> Path:
        return self.folder / self.name

    def hosts(self, group: str) -> dict[str, dict[str, Any]]:
        return self.inventory["all"]["children"][group]["hosts"]

    def save(self) -> None:
        self.file.write_text(yaml.safe_dump(self.inventory, sort_keys=False))

    @contextmanager
    def changed(self) -> Iterator[dict[str, Any]]:
        """The inventory to be changed, for the time of the block: `with lab.changed() as inventory: …; lab.save()`."""
        before = deepcopy(self.inventory)
        try:
            yield self.inventory
        finally:
            self.inventory = before
            self.save()

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-P", "-m", "swarmops"]

    @property
    def env(self) -> dict[str, str]:
        return os.environ | {"SWARMOPS_INVENTORY": str(self.file)}

    def inv(self, *args: str, check: int | None = 0, timeout: float = 120) -> Run:
        """One task, in a process of its own. `check` is the exit code it has to have, None for any."""
        try:
            ended = subprocess.run(
                [*self.command, *args],
                cwd=REPOSITORY,
                env=self.env,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired as late:
            raise AssertionError(
                f"inv {' '.join(args)} took more than {timeout} s: {late.stdout} {late.stderr}"
            ) from None
        run = Run(ended.returncode, ended.stdout, ended.stderr)
        said.append(run.text)
        assert "Traceback" not in run.text, run.text
        assert check is None or run.code == check, f"inv {' '.join(args)} exited {run.code}:\n{run.text}"
        return run

    def address(self, host: int) -> str:
        """The address of that number in the lab's subnet."""
        return str(self.vars["subnet"]).replace("0/24", str(host))

    def container(self, node: str) -> str:
        return f"{self.cluster}-{node}"

    def node(self, name: str, *command: str, check: bool = True, timeout: float = 60) -> Run:
        """A command on a node; once more where swarm heard of a node while that was being changed."""
        run = docker("exec", self.container(name), *command, check=False, timeout=timeout)
        if check and "update out of sequence" in run.err:
            run = docker("exec", self.container(name), *command, check=False, timeout=timeout)
        assert not check or run.code == 0, f"{name}: {' '.join(command)}: {run.err}"
        return run

    @property
    def manager(self) -> str:
        """The only manager, or the first one whose container runs."""
        first, *others = names = list(self.hosts("managers"))
        return first if not others else next(name for name in names if self.is_up(name))

    def is_up(self, node: str) -> bool:
        """Whether a node's container runs."""
        state = docker("inspect", "--format", "{{.State.Running}}", self.container(node), check=False)
        return state.out.strip() == "true"

    def ask(self, *args: str, on: str = "") -> list[Any]:
        """What a docker command on a node, a manager unless stated, says, one JSON document per line."""
        lines = self.node(on or self.manager, "docker", *args, "--format", "{{json .}}").out.splitlines()
        return [json.loads(line) for line in lines]

    def nodes(self, on: str = "") -> dict[str, dict[str, Any]]:
        """`docker node inspect` of all nodes that are in the swarm, by host name."""
        return {node["Description"]["Hostname"]: node for node in self._inspect("node", on)}

    def services(self, on: str = "") -> dict[str, dict[str, Any]]:
        """`docker service inspect` of all services, by name."""
        return {service["Spec"]["Name"]: service for service in self._inspect("service", on)}

    def tasks(self, service: str, on: str = "") -> list[dict[str, Any]]:
        """The tasks of a service that run by the word of a manager."""
        listed = self.ask("service", "ps", "--no-trunc", "--filter", "desired-state=running", service, on=on)
        return [task for task in listed if task["CurrentState"].startswith("Running")]

    def running(self, node: str) -> list[str]:
        """The names of the containers that run on a node by the word of its own engine."""
        return [container["Names"] for container in self.ask("ps", on=node)]

    def url(self, port: int) -> str:
        """Where this machine answers for a port of the managers."""
        group = self.inventory["all"]["children"]["managers"]
        stated = [
            one for vars in (group.get("vars"), *group["hosts"].values()) for one in (vars or {}).get("ports", ())
        ]
        mapping = next(one for one in stated if one.endswith(f":{port}"))
        return f"http://127.0.0.1:{mapping.split(':')[0]}"

    @property
    def registry(self) -> str:
        return f"http://127.0.0.1:{self.vars['registry']['port']}"

    def containers(self) -> dict[str, dict[str, Any]]:
        """The lab's own containers, by name, as this machine's engine says."""
        names = docker("ps", "-aq", "--filter", f"label={LABEL}={self.cluster}").out.split()
        found = json.loads(docker("inspect", *names).out) if names else []
        return {container["Name"].lstrip("/"): container for container in found}

    def lives(self) -> dict[str, tuple[str, str]]:
        """What changes when a container is started or made anew, by its name."""
        return {name: (one["Id"], one["State"]["StartedAt"]) for name, one in self.containers().items()}

    def remains(self) -> list[str]:
        """Everything on this machine's engine that carries the cluster's label."""
        label = ("--filter", f"label={LABEL}={self.cluster}")
        return [
            *docker("ps", "-a", *label, "--format", "container {{.Names}}").out.splitlines(),
            *docker("network", "ls", *label, "--format", "network {{.Name}}").out.splitlines(),
            *docker("volume", "ls", *label, "--format", "volume {{.Name}}").out.splitlines(),
        ]

    def destroy(self) -> None:
        """Removes the lab by its label, whatever state it is in."""
        if self.remains():
            self.inv("down", "--volumes", check=None)
        for line in self.remains():
            kind, name = line.split()
            docker(kind, "rm", "--force", name, check=False)
        pushed = f"localhost:{self.vars['registry']['port']}/*"
        if tags := docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}", pushed).out.split():
            docker("image", "rm", *(tag for tag in tags if not tag.endswith(":<none>")), check=False)
        assert not self.remains()

    def _inspect(self, kind: str, on: str) -> list[dict[str, Any]]:
        found = self.node(on or self.manager, "sh", "-c", f"docker {kind} ls -q | xargs -r docker {kind} inspect").out
        return json.loads(found or "[]")
