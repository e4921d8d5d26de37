"""Deploys that fail, or find what somebody else has done: what the swarm has afterwards."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from engine import Lab, eventually
from faults import ctrl_c, watched
from onestack import GOOD, NOTHING, environment, locks, parts, versions

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
    run = watched(ready, "deploy", "s", reactions={"deployed: new": ctrl_c})
    assert "Error: interrupted" in run.err, run.err
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
        (
            "sleep 3600",
            "    healthcheck: {test: 'echo is down; false', interval: 100ms, retries: 2}\n",
            "unhealthy container\n    its health check failed: is down (exit code 1)",
        ),
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


def test_what_took_a_port_gives_it_back(ready: Lab, stack: Callable[..., None]) -> None:
    """The new service has the port that the version before needs: it goes first, on the way back."""
    port = "    ports: [{target: 80, published: 8095, mode: host}]\n"
    at = "    deploy:\n      placement: {constraints: [node.hostname == worker01]}\n"
    web = GOOD.replace("    deploy:\n", at)
    had = web.replace("    deploy:\n", f"{port}    deploy:\n")
    stack(had)
    ready.inv("deploy", "s")
    before = ready.services()["s_web"]["Spec"]
    proxy = f"  proxy:{had.partition('  web:')[2]}"
    stack(web + proxy.replace('[sleep, "3600"]', '["false"]'))
    run = ready.inv("deploy", "s", check=4)
    assert "s_proxy" in run.err
    assert run.err.rstrip().endswith("Version 1 runs again")
    assert parts(ready)["service"] == ["s_web"]
    assert ready.services()["s_web"]["Spec"] == before
    assert len(ready.tasks("s_web")) == 1

    stack(web + proxy)
    ready.inv("deploy", "s")
    assert parts(ready)["service"] == ["s_proxy", "s_web"]
    ready.inv("rollback", "--stack", "s")
    assert parts(ready)["service"] == ["s_web"]
    assert len(ready.tasks("s_web")) == 1


def test_what_serves_is_not_taken_away_because_nothing_was_recorded(ready: Lab, stack: Callable[..., None]) -> None:
    stack(GOOD)
    assert "interrupted" in watched(ready, "deploy", "s", reactions={"deployed: new": ctrl_c}).err
    before = ready.services()["s_web"]["Spec"]

    def serves() -> bool:
        states = [task["CurrentState"] for task in ready.tasks("s_web")]
        return any(re.fullmatch(r"Running ([2-9]|\d\d) seconds ago", state) for state in states)

    eventually(serves, within=30, what="a task that has run for longer than its window")
    stack(GOOD.replace('[sleep, "3600"]', "['false']"))
    assert "What ran before runs again" in ready.inv("deploy", "s", check=4).err
    assert ready.services()["s_web"]["Spec"] == before
    assert len(ready.tasks("s_web")) == 1


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
