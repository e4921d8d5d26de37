"""The recorded versions of a stack: kept, compared, brought back, forgotten; and the secrets that they need."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from engine import Lab, docker, eventually, get
from onestack import GOOD, NOTHING, content, parts, versions

TEXTS = """
services:
  web:
    image: {{ image("nginx") }}
    command: [sleep, "3600"]
    configs: [text]
    stop_grace_period: 0s
    deploy: {update_config: {monitor: 1s}}
configs:
  text: {file: text.txt}
"""


def mounted(lab: Lab, path: str) -> str:
    """A file inside the one container of s_web, wherever it runs."""
    node = lab.tasks("s_web")[0]["Node"]
    container = lab.node(
        node, "docker", "ps", "-q", "--filter", "label=com.docker.swarm.service.name=s_web"
    ).out.split()
    assert len(container) == 1
    return lab.node(node, "docker", "exec", container[0], "cat", path).out


def test_versions_are_kept_compared_and_brought_back(ready: Lab, stack: Callable[..., None]) -> None:
    stack(TEXTS, text="first\n")
    ready.inv("deploy", "s", "--message", "the first one")
    stack(TEXTS, text="second\n")
    diff = ready.inv("diff", "s", check=3)
    assert "-first" in diff.out
    assert "+second" in diff.out
    assert parts(ready)["config"] == [next(iter(parts(ready)["config"]))], "a diff changes nothing"
    ready.inv("deploy", "s")
    assert mounted(ready, "/text") == "second\n"
    assert "Nothing to change." in ready.inv("diff", "s").out
    assert len(parts(ready)["config"]) == 2, "the old version's is kept for it"

    lines = ready.inv("history", "s").out.splitlines()
    assert [line.split()[0] for line in lines] == ["VERSION", "2", "1"]
    assert lines[2].endswith("the first one")

    ready.inv("rollback", "--stack", "s", "--to", "1")
    assert mounted(ready, "/text") == "first\n"
    assert versions(ready) == ["s.version.1", "s.version.2", "s.version.3"]
    assert "there is no version 9" in ready.inv("rollback", "--stack", "s", "--to", "9", check=2).err


def pinned(lab: Lab) -> str:
    return str(lab.services()["s_web"]["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"])


def another(lab: Lab, name: str) -> str:
    """An image like that of s_web, which the registry has under this name and digest alone; made on the manager."""
    image = f"registry:{lab.vars['registry']['port']}/{name}:1"
    lab.node("manager", "docker", "pull", "--quiet", pinned(lab))
    made = lab.node("manager", "docker", "create", pinned(lab)).out.strip()
    lab.node("manager", "docker", "commit", made, image)
    lab.node("manager", "docker", "rm", made)
    lab.node("manager", "docker", "push", "--quiet", image)
    return image


def test_an_image_that_somebody_else_gave_is_set_back(ready: Lab, stack: Callable[..., None]) -> None:
    """docker itself keeps it, where the file has the image that it had at the last deploy."""
    stack(GOOD)
    ready.inv("deploy", "s")
    before = pinned(ready)
    ready.node("manager", "docker", "service", "update", "--detach", "--image", another(ready, "theirs"), "s_web")
    assert pinned(ready) != before
    assert "s_web  ok=1  changed=1  failed=0" in ready.inv("deploy", "s").out
    assert pinned(ready) == before
    assert "Nothing to change." in ready.inv("deploy", "s").out


def test_after_a_deploy_that_was_left_the_newest_version_comes_back(ready: Lab, stack: Callable[..., None]) -> None:
    for text in ("first", "second"):
        stack(TEXTS, text=text)
        ready.inv("deploy", "s")
    stack(TEXTS.replace('[sleep, "3600"]', '["false"]'), text="third")
    ready.inv("deploy", "s", "--no-rollback", check=1)
    ready.inv("rollback", "--stack", "s")
    assert mounted(ready, "/text") == "second"
    ready.inv("scale", "s_web=2")
    ready.inv("rollback", "--stack", "s")
    assert mounted(ready, "/text") == "second", "version 3 is version 2 once more; a scale is none"
    ready.inv("rollback", "--stack", "s", "--to", "1")
    assert mounted(ready, "/text") == "first"


@contextmanager
def no_registry(lab: Lab) -> Iterator[None]:
    docker("stop", lab.container("registry"))
    try:
        yield
    finally:
        docker("start", lab.container("registry"))
        eventually(lambda: get(f"{lab.registry}/v2/").status == 200, within=30, what="the registry to answer")


def test_no_version_comes_back_whose_image_is_gone(ready: Lab, stack: Callable[..., None]) -> None:
    stack(GOOD)
    ready.inv("deploy", "s")
    stack(GOOD.replace('{{ image("nginx") }}', another(ready, "gone")))
    ready.inv("deploy", "s")
    gone = pinned(ready)
    stack(GOOD)
    ready.inv("deploy", "s")
    before = ready.services()["s_web"]["Version"]
    ready.node("registry", "rm", "-r", "/var/lib/registry/docker/registry/v2/repositories/gone")
    run = ready.inv("rollback", "--stack", "s", check=2)
    assert f"version 2 cannot come back, its images are not in the registry any more\n    {gone}\n" in run.err
    assert ready.services()["s_web"]["Version"] == before
    assert versions(ready) == ["s.version.1", "s.version.2", "s.version.3"]


def test_a_version_that_the_nodes_have_needs_no_registry(ready: Lab, stack: Callable[..., None]) -> None:
    everywhere = GOOD.replace("deploy:\n", "deploy:\n      mode: global\n")
    stack(everywhere)
    ready.inv("deploy", "s")
    stack(everywhere.replace('{{ image("nginx") }}', another(ready, "kept")))
    ready.inv("deploy", "s")
    kept = pinned(ready)
    stack(everywhere)
    ready.inv("deploy", "s")
    before = ready.services()["s_web"]["Version"]
    ready.node("worker01", "docker", "image", "rm", "--force", kept)  # a container that has ended is of it
    with no_registry(ready):
        refused = ready.inv("rollback", "--stack", "s", check=2).err
    assert f"version 2 cannot come back\n    s_web: image {kept} cannot be had: " in refused
    assert "; not seen on worker01\n  Next: " in refused
    assert ready.services()["s_web"]["Version"] == before

    ready.node("worker01", "docker", "pull", "--quiet", kept)
    with no_registry(ready):
        ready.inv("rollback", "--stack", "s")
    assert pinned(ready) == kept
    assert {task["Node"] for task in ready.tasks("s_web")} == {"manager", "worker01"}
    assert versions(ready) == [f"s.version.{number}" for number in range(1, 5)]


def test_image_prune_keeps_what_only_a_recorded_version_needs(ready: Lab, stack: Callable[..., None]) -> None:
    stack(GOOD)
    ready.inv("deploy", "s")
    old = GOOD.replace('{{ image("nginx") }}', another(ready, "old"))
    for text in (old, GOOD, GOOD.replace('VERSION: "1"', 'VERSION: "2"')):  # the last one: swarm remembers one version
        stack(text)
        ready.inv("deploy", "s")

    def pruned() -> set[str]:
        """The names of the images that worker01 has after no container that has ended uses one."""
        ready.node("worker01", "docker", "container", "prune", "--force")
        ready.inv("image.prune", "--node", "worker01")
        return {image["Repository"].rpartition("/")[2] for image in ready.ask("image", "ls", on="worker01")}

    assert "old" in pruned()
    ready.inv("remove", "s")
    assert "old" not in pruned()


def test_old_versions_go_and_what_they_used(ready: Lab, stack: Callable[..., None]) -> None:
    with ready.changed():
        ready.vars["history"] = 2
        ready.save()
        for number in "1234":
            stack(TEXTS, text=number)
            ready.inv("deploy", "s")
    assert versions(ready) == ["s.version.3", "s.version.4"]
    contents = [
        json.loads(ready.node("manager", "docker", "config", "inspect", name).out)[0] for name in parts(ready)["config"]
    ]
    assert sorted(b64decode(one["Spec"]["Data"]) for one in contents) == [b"3", b"4"]


SECRETS = """
services:
  web:
    image: {{ image("nginx") }}
    command: [sleep, "3600"]
    secrets: [from_file, from_environment, from_command, made]
    stop_grace_period: 0s
    deploy: {update_config: {monitor: 1s}}
secrets:
  from_file: {file: secret.txt}
  from_environment: {environment: SWARMOPS_TEST_SECRET}
  from_command: {x-command: [echo, sesame-command]}
  made: {x-generate: 24}
"""


def test_secrets_reach_the_service_and_nothing_else(
    ready: Lab, stack: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWARMOPS_TEST_SECRET", "sesame-environment")
    stack(SECRETS, secret="sesame-file\n")
    runs = [ready.inv("deploy", "s")]
    assert mounted(ready, "/run/secrets/from_file") == "sesame-file\n"
    assert mounted(ready, "/run/secrets/from_environment") == "sesame-environment"
    assert mounted(ready, "/run/secrets/from_command") == "sesame-command"
    made = mounted(ready, "/run/secrets/made")
    assert len(made) == 24
    assert "Nothing to change." in ready.inv("deploy", "s").out

    stack(SECRETS, secret="sesame-changed")
    runs += [ready.inv("diff", "s", check=3), ready.inv("deploy", "s"), ready.inv("history", "s")]
    assert mounted(ready, "/run/secrets/from_file") == "sesame-changed"
    assert mounted(ready, "/run/secrets/made") == made, "a generated one stays"
    ready.inv("rollback", "--stack", "s", "--to", "1")
    assert mounted(ready, "/run/secrets/from_file") == "sesame-file\n"

    written = [path.read_text() for path in (ready.folder / "stack").rglob("*") if path.is_file()]
    for text in [*(run.text for run in runs), *written, *(content(ready, name) for name in versions(ready))]:
        assert "sesame-" not in text.replace("sesame-command]", "").replace("- sesame-command", "")
        assert made not in text


def test_a_secret_that_is_empty_changes_nothing(
    ready: Lab, stack: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SWARMOPS_TEST_SECRET", raising=False)
    stack(SECRETS, secret="")
    run = ready.inv("deploy", "s", check=2)
    assert "secrets.from_file" in run.err
    assert "secrets.from_environment" in run.err
    assert parts(ready) == NOTHING


def test_a_registry_that_is_down(ready: Lab, stack: Callable[..., None]) -> None:
    stack(GOOD)
    with no_registry(ready):
        run = ready.inv("deploy", "s", check=2)
    assert "nginx" in run.err
    assert "cannot be had" in run.err
    assert parts(ready)["service"] == []
