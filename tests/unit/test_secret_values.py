"""What a text for others may not have in it, as far as a cluster's managers tell."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from samples import service

from swarmops import facts
from swarmops.cluster import Cluster
from swarmops.connect.api import EngineAPI
from swarmops.errors import ConnectionFailed, WaitTimeout
from swarmops.inventory import load
from swarmops.ops import secret_values
from swarmops.report import Progress
from swarmops.stackfile import Stack
from swarmops.wait import Deadline

HOSTS = """all:
  vars: {cluster: two, transport: ssh, routing: dns}
  children:
    managers: {hosts: {m1: {ansible_host: 192.0.2.1, address: 10.89.0.11}}}
"""
ENV = ["DB_PASS=one", "SECRET_KEY=two=2", "API_TOKEN=", "DEBUG", "USER=somebody"]


class Told(Cluster):
    """A cluster whose managers tell of nothing but their services."""

    def ask(self, question: Callable[[EngineAPI], Any]) -> Any:
        if question is facts.services:
            return [service(), service(template={"ContainerSpec": {"Env": ENV}})]
        raise ConnectionFailed("nobody answers")


def test_what_services_have_in_variables_that_are_called_secrets(tmp_path: Path) -> None:
    """Whoever deployed them: no stack file here has to know of them."""
    file = tmp_path / "inventory.yaml"
    file.write_text(HOSTS)
    with Told(load(file), Progress(io.StringIO())) as cluster:
        assert secret_values.read(cluster, Deadline(60)) == ["one", "two=2"]


def test_what_the_inventory_calls_a_secret(tmp_path: Path) -> None:
    """Templates may put it anywhere."""
    file = tmp_path / "inventory.yaml"
    own = "stacks: {web: {template: web.yml, vars: {redis_password: hunter2, port: 8080, users: [{token: 12345}]}}}"
    file.write_text(HOSTS.replace("dns}", f"dns, {own}, extra: {{tls_secret: true, api_key: abcd}}}}"))
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/web.yml").write_text("services: {a: {image: x}}")
    with Told(load(file), Progress(io.StringIO())) as cluster:
        assert {"hunter2", "12345", "abcd"} == {*secret_values.read(cluster, Deadline(60))} - {"one", "two=2"}


def test_what_a_stack_has_its_secrets_from_in_its_own_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "inventory.yaml"
    file.write_text(HOSTS.replace("dns}", "dns, stacks: {web: {template: web.yml}}}"))
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/web.yml").touch()
    (tmp_path / ".env").write_text("OURS=sesame\n")
    stack = Stack("web", {"services": {}, "secrets": {"db": {"environment": "OURS"}}})
    monkeypatch.setattr(secret_values.stacks, "one", lambda *_: stack)
    with Told(load(file), Progress(io.StringIO())) as cluster:
        assert "sesame" in secret_values.read(cluster, Deadline(60))


def test_what_gives_no_answer_in_time_is_a_failure_since_it_could_not_be_masked(tmp_path: Path) -> None:
    file = tmp_path / "inventory.yaml"
    file.write_text(HOSTS)
    ended = threading.Event()

    class Slow(Told):
        def ask(self, question: Callable[[EngineAPI], Any]) -> Any:
            ended.wait(30)
            return super().ask(question)

    with Slow(load(file), Progress(io.StringIO())) as cluster:
        with pytest.raises(WaitTimeout, match="to be masked"):
            secret_values.read(cluster, Deadline(0.05))
        ended.set()


def test_a_stack_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    file = tmp_path / "inventory.yaml"
    file.write_text(HOSTS.replace("dns}", "dns, stacks: {bad: {template: bad.yml}, web: {template: web.yml}}}"))
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/bad.yml").write_text("services: {{ nothing }}\n")
    (tmp_path / "templates/web.yml").write_text(
        "services: {web: {image: 'web:1', environment: {A_TOKEN: open}}}\nsecrets: {db: {x-command: 'echo sesame'}}\n"
    )
    said = io.StringIO()
    with Told(load(file), Progress(said)) as cluster:
        assert {"open", "sesame"} <= set(secret_values.read(cluster, Deadline(60)))
    assert "what stack bad has its secrets from is not known, nor masked: " in said.getvalue()
