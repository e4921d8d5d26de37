"""Deploys that fail, are interrupted, meet each other, or are brought back: what the swarm has afterwards."""

from __future__ import annotations

import json
import os
import signal
import textwrap
from base64 import b64decode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

import pytest
from engine import Lab, docker, eventually, get
from faults import ctrl_c, watched

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


@pytest.fixture(scope="module")
def ready(make_lab: Callable[..., Lab]) -> Iterator[Lab]:
    """One manager, one worker, nginx in its registry, no stacks."""
    lab = make_lab("swd", "10.92.0.0/24", (45000, 48000, 49000), workers=1)
    lab.vars["stacks"] = {}
    lab.save()
    lab.inv("up", timeout=600)
    lab.inv("push", "nginx", timeout=600)
    yield lab
    lab.destroy()


@pytest.fixture
def stack(ready: Lab) -> Iterator[Callable[..., None]]:
    """`stack(text)` writes the file of the stack `s`, which is removed after the test."""
    ready.vars["stacks"] = {"s": {"template": "stacks/s.yml"}}
    ready.save()

    def write(text: str, /, **files: str) -> None:
        (ready.folder / "templates/stacks/s.yml").write_text(textwrap.dedent(text))
        for name, content in files.items():
            (ready.folder / f"templates/stacks/{name}.txt").write_text(content)

    yield write
    ready.inv("remove", "s", "--break-lock")
    assert parts(ready) == NOTHING


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
    inspected = json.loads(lab.node("manager", "docker", "config", "inspect", config).out)
    return b64decode(inspected[0]["Spec"]["Data"]).decode()


def environment(lab: Lab, service: str = "s_web") -> list[str]:
    return lab.services()[service]["Spec"]["TaskTemplate"]["ContainerSpec"].get("Env") or []


CRASHING = """
services:
  web:
    image: {{ image("nginx") }}
    command: [sh, -c, "echo the disk is full; exit 7"]
    configs: [text]
    networks: [inner]
    volumes: ["data:/data"]
    stop_grace_period: 0s
    deploy:
      endpoint_mode: dnsrr
      restart_policy: {delay: 0s}
configs:
  text: {file: text.txt}
networks:
  inner: {driver: overlay}
volumes:
  data: {}
"""


def test_a_first_deploy_that_fails_leaves_nothing_but_data(ready: Lab, stack: Callable[..., None]) -> None:
    stack(CRASHING, text="first\n")
    run = ready.inv("deploy", "s", check=4)
    assert "s_web: " in run.err
    assert "non-zero exit (7)" in run.err
    assert "the disk is full" in run.err
    assert run.err.rstrip().endswith("nothing of it is left (--keep leaves it); its volumes stay on the nodes: s_data")
    assert parts(ready) == NOTHING
    assert versions(ready) == []
    assert any("s_data" in ready.node(name, "docker", "volume", "ls", "-q").out for name in ("manager", "worker01"))
    for option in ("--keep", "--keep", "--no-rollback"):
        ready.inv("deploy", "s", option, check=1)
        assert parts(ready)["service"] == ["s_web"]
    assert "Its volumes stay on the nodes: s_data." in ready.inv("remove", "s").out


@pytest.mark.parametrize("command", ["exit 7", "exit 8"], ids=["as it was", "edited"])
def test_a_crashing_first_deploy_that_was_interrupted_is_taken_away_by_the_next(
    ready: Lab, stack: Callable[..., None], command: str
) -> None:
    stack(CRASHING, text="exit 7")
    watched(ready, "deploy", "s", reactions={"deployed: new": ctrl_c})
    assert parts(ready)["service"] == ["s_web"]
    stack(CRASHING.replace("exit 7", command), text=command)
    run = ready.inv("deploy", "s", check=4)
    assert f"non-zero exit ({command.removeprefix('exit ')})" in run.err
    assert "nothing of it is left" in run.err
    assert parts(ready) == NOTHING
    assert versions(ready) == []
    assert locks(ready) == []


@pytest.mark.parametrize(
    ("command", "more", "said"),
    [
        ("exit 3", "", "non-zero exit (3)"),
        ("sleep 3; exit 4", "", "non-zero exit (4)"),
        ("sleep 3600", "    healthcheck: {test: 'false', interval: 100ms, retries: 2}\n", "unhealthy"),
    ],
    ids=["at once", "after 3 s", "never healthy"],
)
def test_a_version_that_fails_gives_way_to_the_one_before(
    ready: Lab, stack: Callable[..., None], command: str, more: str, said: str
) -> None:
    stack(GOOD)
    ready.inv("deploy", "s")
    before = ready.services()["s_web"]["Spec"]
    bad = GOOD.replace("monitor: 1s", "monitor: 5s").replace('[sleep, "3600"]', f'[sh, -c, "{command}"]')
    stack(bad.replace("    deploy:\n", f"{more}    deploy:\n"))
    run = ready.inv("deploy", "s", check=4)
    assert said in run.err
    assert run.err.rstrip().endswith("Version 1 runs again")
    assert ready.services()["s_web"]["Spec"] == before
    assert len(ready.tasks("s_web")) == 1
    assert versions(ready) == ["s.version.1"]
    stack(GOOD)
    assert "Nothing to change." in ready.inv("deploy", "s").out


def test_no_rollback_leaves_it_and_the_next_deploy_mends_it(ready: Lab, stack: Callable[..., None]) -> None:
    stack(GOOD)
    ready.inv("deploy", "s")
    stack(GOOD.replace('[sleep, "3600"]', "['false']"))
    run = ready.inv("deploy", "s", "--no-rollback", check=1)
    assert "s_web: swarm has paused the update" in run.err
    assert ready.services()["s_web"]["Spec"]["TaskTemplate"]["ContainerSpec"]["Args"] == ["false"]
    again = ready.inv("deploy", "s", check=4)  # what an interrupted or a left deploy changed is undone by the next one
    assert "Version 1 runs again" in again.err
    assert ready.services()["s_web"]["Spec"]["TaskTemplate"]["ContainerSpec"]["Args"] == ["sleep", "3600"]


def test_a_stack_of_somebody_else_goes_back_too(ready: Lab, stack: Callable[..., None]) -> None:
    stack(GOOD)
    ready.inv("render")
    ready.node("manager", "docker", "stack", "deploy", "--compose-file", "/stack/s.yml", "s")
    eventually(lambda: ready.tasks("s_web"), within=60, what="a task of theirs")
    ready.node("manager", "sh", "-c", "echo x | docker config create --label com.docker.stack.namespace=s s_theirs -")
    before = ready.services()["s_web"]["Spec"]
    stack(GOOD.replace('[sleep, "3600"]', "['false']"))
    assert "What ran before runs again" in ready.inv("deploy", "s", check=4).err
    assert ready.services()["s_web"]["Spec"] == before
    assert parts(ready)["config"] == ["s_theirs"], "what somebody else made is left alone"


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


def test_two_deploys_at_once(ready: Lab, stack: Callable[..., None]) -> None:
    slow = GOOD.replace("monitor: 1s", "monitor: 4s")
    stack(slow)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(ready.inv, "deploy", "s", "--message", "the slow one")
        eventually(lambda: locks(ready), within=20, what="a lock")
        second = ready.inv("deploy", "s", check=1)
        third = ready.inv("deploy", "s", "--lock-wait", "60")
        assert first.result().code == 0
    assert "Error: locked: deploy s: the slow one, by " in second.err
    assert "--lock-wait" in second.err
    assert "Nothing to change." in third.out
    assert locks(ready) == []
    assert versions(ready) == ["s.version.1"]


def test_ctrl_c_in_the_middle_then_again(ready: Lab, stack: Callable[..., None]) -> None:
    stack(GOOD)
    run = watched(ready, "deploy", "s", reactions={"deployed: new": ctrl_c})
    assert run.err.endswith("Error: interrupted\n  Next: the same command goes on from here\n")
    assert locks(ready) == []
    ready.inv("deploy", "s")
    assert versions(ready) == ["s.version.1"]

    stack(GOOD.replace('VERSION: "1"', 'VERSION: "2"'))
    watched(ready, "deploy", "s", reactions={"deployed: definition changed": ctrl_c})
    assert "Nothing to change." in ready.inv("deploy", "s").out
    assert versions(ready) == ["s.version.1", "s.version.2"], "what was interrupted is verified and recorded now"


def test_the_lock_of_one_that_was_killed_is_broken(ready: Lab, stack: Callable[..., None]) -> None:
    stack(GOOD)

    def kill(pid: int) -> None:
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)

    run = watched(ready, "deploy", "s", reactions={"deployed: new": kill})
    assert run.code == -signal.SIGKILL
    assert len(locks(ready)) == 1
    assert "broke a lock: deploy s" in ready.inv("deploy", "s").err
    assert len(ready.tasks("s_web")) == 1


def test_who_lost_the_lock_leaves_the_stack_to_the_winner(ready: Lab, stack: Callable[..., None]) -> None:
    stack(GOOD)
    ready.inv("deploy", "s")
    stack(GOOD.replace('VERSION: "1"', 'VERSION: "2"').replace("monitor: 1s", "monitor: 30s"))

    def win(_: int) -> None:
        stack(GOOD.replace('VERSION: "1"', 'VERSION: "3"'))
        assert "broke a lock: deploy s" in ready.inv("deploy", "s", "--break-lock").err

    loser = watched(ready, "deploy", "s", reactions={"deployed: definition changed": win})
    assert loser.code == 1
    assert "Error: somebody else took the lock of s: " in loser.err
    assert "nothing is put back" in loser.err
    assert environment(ready) == ["VERSION=3"]
    assert len(ready.tasks("s_web")) == 1
    assert versions(ready) == ["s.version.1", "s.version.2"]
    assert "VERSION=3" in content(ready, "s.version.2")
    assert locks(ready) == []
    assert "Nothing to change." in ready.inv("deploy", "s").out


ORDERED = """
services:
  web:
    image: {{ image("nginx") }}
    command: [sleep, "3600"]
    depends_on: {database: {condition: service_healthy}, migration: {condition: service_completed_successfully}}
    deploy: {update_config: {monitor: 1s}}
  database:
    image: {{ image("nginx") }}
    command: [sleep, "3600"]
    healthcheck: {test: 'true', interval: 1s}
    deploy: {update_config: {monitor: 1s}}
  migration:
    image: {{ image("nginx") }}
    command: [sleep, "1"]
    depends_on: [database]
    deploy: {restart_policy: {condition: none}, update_config: {monitor: 1s}}
"""


def test_services_wait_for_those_that_they_depend_on(ready: Lab, stack: Callable[..., None]) -> None:
    stack(ORDERED)
    ready.inv("deploy", "s")
    services = ready.services()
    healthy, ended = (task(ready, name)["Status"] for name in ("s_database", "s_migration"))
    assert services["s_database"]["CreatedAt"] < services["s_migration"]["CreatedAt"]
    assert healthy["Timestamp"] < services["s_migration"]["CreatedAt"]
    assert ended["State"] == "complete"
    assert ended["Timestamp"] < services["s_web"]["CreatedAt"]


HEALTHY = """
services:
  web:
    image: {{ image("nginx") }}
    command: [sleep, "3600"]
    depends_on: {database: {condition: service_healthy}}
    stop_grace_period: 0s
    deploy: {update_config: {monitor: 1s}}
  database:
    image: {{ image("nginx") }}
    command: [sh, -c, "sleep 3; touch /tmp/ready; sleep 3600"]
    healthcheck: {test: test -e /tmp/ready, interval: 500ms, retries: 60}
    stop_grace_period: 0s
    deploy: {update_config: {monitor: 1s}}
"""


def test_services_wait_for_the_health_of_others(ready: Lab, stack: Callable[..., None]) -> None:
    stack(HEALTHY)
    ready.inv("deploy", "s")
    database, web = task(ready, "s_database"), ready.services()["s_web"]
    waited = datetime.fromisoformat(web["CreatedAt"]) - datetime.fromisoformat(database["CreatedAt"])
    assert waited.total_seconds() > 3


def test_nobody_follows_a_service_that_failed(ready: Lab, stack: Callable[..., None]) -> None:
    stack(ORDERED.replace('command: [sleep, "1"]', "command: [sh, -c, 'sleep 1; exit 6']"))
    run = ready.inv("deploy", "s", "--no-rollback", check=1)
    assert "s_migration: its restart policy allows no further run" in run.err
    assert "non-zero exit (6)" in run.err
    assert parts(ready)["service"] == ["s_database", "s_migration"], "what depends on it was not made"


def test_services_gone_from_the_file_are_removed_last_and_not_when_the_rest_fails(
    ready: Lab, stack: Callable[..., None]
) -> None:
    one = GOOD.partition("  web:")[2]
    stack(f"services:\n  a:{one}  b:{one}")
    ready.inv("deploy", "s")
    before = [task["ID"] for task in ready.tasks("s_b")]
    assert len(before) == 1

    stack("services:\n  a:" + one.replace('[sleep, "3600"]', "['false']"))
    assert "Version 1 runs again" in ready.inv("deploy", "s", check=4).err
    assert [task["ID"] for task in ready.tasks("s_b")] == before, "it ran throughout"

    stack("services:\n  a:" + one.replace('VERSION: "1"', 'VERSION: "2"').replace("monitor: 1s", "monitor: 5s"))
    there: list[str] = []

    def look(_: int) -> None:
        there.extend(parts(ready)["service"])

    run = watched(ready, "deploy", "s", reactions={"deployed: definition changed": look})
    assert run.code == 0, run.text
    assert there == ["s_a", "s_b"], "until what the file has is verified"
    assert parts(ready)["service"] == ["s_a"]


def task(lab: Lab, service: str) -> dict[str, Any]:
    """`docker inspect` of the one task of a service."""
    ids = lab.node("manager", "docker", "service", "ps", "-q", service).out.split()
    assert len(ids) == 1
    return json.loads(lab.node("manager", "docker", "inspect", ids[0]).out)[0]


def test_a_change_by_hand_is_found_and_set_back(ready: Lab, stack: Callable[..., None]) -> None:
    stack(GOOD)
    ready.inv("deploy", "s")
    ready.node("manager", "docker", "service", "update", "--detach", "--env-add", "BY=hand", "s_web")
    diff = ready.inv("diff", "s", check=3)
    assert "+ TaskTemplate.ContainerSpec.Env: BY=hand" in diff.out
    ready.inv("deploy", "s")
    assert environment(ready) == ["VERSION=1"]


def test_an_update_that_was_paused_before_does_not_stop_a_deploy(ready: Lab, stack: Callable[..., None]) -> None:
    web = GOOD.replace('[sleep, "3600"]', '[sh, -c, "rm /t/once && exit 1; sleep 3600"]').replace(
        "    deploy:\n",
        "    volumes: [/tmp:/t]\n    deploy:\n      placement: {constraints: [node.hostname == worker01]}\n",
    )
    other = f"  other:{GOOD.partition('  web:')[2]}"
    stack(web + other)
    ready.inv("deploy", "s")
    ready.node("worker01", "touch", "/tmp/once")
    ready.node("manager", "docker", "service", "update", "--detach", "--force", "s_web")
    state = lambda: (ready.services()["s_web"].get("UpdateStatus") or {}).get("State")  # noqa: E731
    paused = lambda: state() == "paused" and len(ready.tasks("s_web")) == 1  # noqa: E731
    eventually(paused, within=30, what="a paused update, and a task that runs all the same")

    stack(web + other.replace('VERSION: "1"', 'VERSION: "2"'))
    ready.inv("deploy", "s")
    assert environment(ready, "s_other") == ["VERSION=2"]
    assert state() == "paused"


def test_removed_and_deployed_at_once(ready: Lab, stack: Callable[..., None]) -> None:
    text = GOOD + "    networks: [inner]\nnetworks: {inner: {driver: overlay}}\n"
    stack(text)
    ready.inv("deploy", "s")
    ready.inv("remove", "s")
    ready.inv("deploy", "s")
    assert len(ready.tasks("s_web")) == 1


def test_thirty_services(ready: Lab, stack: Callable[..., None]) -> None:
    one = GOOD.partition("  web:")[2]
    stack("services:\n" + "".join(f"  web{i}:{one}" for i in range(30)))
    ready.inv("deploy", "s", timeout=200)
    assert len(parts(ready)["service"]) == 30
    running = [name for node in ("manager", "worker01") for name in ready.running(node)]
    assert len([name for name in running if name.startswith("s_web")]) == 30
    assert "Nothing to change." in ready.inv("deploy", "s").out


def test_a_registry_that_is_down(ready: Lab, stack: Callable[..., None]) -> None:
    stack(GOOD)
    with no_registry(ready):
        run = ready.inv("deploy", "s", check=2)
    assert "nginx" in run.err
    assert "cannot be had" in run.err
    assert parts(ready)["service"] == []
