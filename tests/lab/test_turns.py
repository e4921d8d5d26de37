"""Deploys that meet each other or are interrupted, and services that wait for each other."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from typing import Any

from engine import Lab, eventually
from faults import ctrl_c, watched
from onestack import GOOD, content, environment, locks, parts, versions


def task(lab: Lab, service: str) -> dict[str, Any]:
    """`docker inspect` of the one task of a service."""
    ids = lab.node("manager", "docker", "service", "ps", "-q", service).out.split()
    assert len(ids) == 1
    return json.loads(lab.node("manager", "docker", "inspect", ids[0]).out)[0]


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
    assert "left as it is now, neither verified nor recorded; inv remove s is the way back" in run.err
    assert locks(ready) == []
    ready.inv("deploy", "s")
    assert versions(ready) == ["s.version.1"]

    stack(GOOD.replace('VERSION: "1"', 'VERSION: "2"'))
    watched(ready, "deploy", "s", reactions={"deployed: definition changed": ctrl_c})
    assert "Nothing to change." in ready.inv("deploy", "s").out
    assert versions(ready) == ["s.version.1", "s.version.2"], "what was interrupted is verified and recorded now"


def test_a_rollback_goes_on_to_the_same_version_and_stays_there(ready: Lab, stack: Callable[..., None]) -> None:
    stack(GOOD)
    ready.inv("deploy", "s")
    stack(GOOD.replace('VERSION: "1"', 'VERSION: "2"') + GOOD.partition("services:")[2].replace("web:", "more:"))
    ready.inv("deploy", "s")
    run = watched(ready, "rollback", "--stack", "s", reactions={"deployed: definition changed": ctrl_c})
    assert "neither verified nor recorded; inv rollback --stack s --to 2 is the way back" in run.err
    assert parts(ready)["service"] == ["s_more", "s_web"], "what version 2 has more goes last"
    for said in ("s_more  ok=0  changed=1  failed=0", "Nothing to change."):
        assert said in ready.inv("rollback", "--stack", "s").out
        assert (environment(ready), parts(ready)["service"]) == (["VERSION=1"], ["s_web"])
        assert versions(ready) == ["s.version.1", "s.version.2", "s.version.3"]


JOBS = """services:
  once:
    image: {{ image("nginx") }}
    command: [sh, -c, "echo %s; sleep 1; exit %d"]
    deploy: {mode: replicated-job, replicas: 2, restart_policy: {condition: none}}
  each:
    image: {{ image("nginx") }}
    command: [sh, -c, "sleep 1"]
    deploy: {mode: global-job, restart_policy: {condition: none}, placement: {constraints: [node.role == worker]}}
"""


def test_jobs_are_over_when_they_have_completed(ready: Lab, stack: Callable[..., None]) -> None:
    def ended(service: str) -> list[str]:
        """The states of the runs of its present iteration."""
        run = ready.services()[service]["JobStatus"]["JobIteration"].get("Index", 0)
        ids = ready.node("manager", "docker", "service", "ps", "-q", service).out.split()
        tasks = json.loads(ready.node("manager", "docker", "inspect", *ids).out)
        return [one["Status"]["State"] for one in tasks if one["JobIteration"].get("Index", 0) == run]

    stack(JOBS % ("one", 0))
    ready.inv("deploy", "s")
    assert ended("s_once") == ["complete"] * 2
    assert ended("s_each") == ["complete"]
    before = ready.services()["s_each"]["JobStatus"]
    assert "Nothing to change." in ready.inv("deploy", "s").out
    stack(JOBS % ("two", 0))
    ready.inv("deploy", "s")
    assert ended("s_once") == ["complete"] * 2
    assert ready.services()["s_once"]["JobStatus"]["JobIteration"]["Index"] == 1
    assert ready.services()["s_each"]["JobStatus"] == before, "it has not run again"
    stack(JOBS % ("three", 3))
    assert "s_once: " in ready.inv("deploy", "s", check=4).err
    assert versions(ready) == ["s.version.1", "s.version.2"]


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


def test_a_lock_held_elsewhere_expires(ready: Lab, stack: Callable[..., None]) -> None:
    """Whether a process of another machine still runs nobody here can see: its lock counts for as long as it says."""
    stack(GOOD)
    held = {
        "who": "ann@elsewhere",
        "home": "elsewhere",
        "process": "1",
        "purpose": "deploy s",
        "mark": "0",
        "lasts": "9",
    }
    labels = [f"--label=swarmops.lock.{key}={value}" for key, value in (held | {"lasts": "9"}).items()]
    put = ("docker", "config", "create", "--label=swarmops.lock=s", *labels, "s.lock", "/etc/hostname")
    ready.node("manager", *put)
    assert "Error: locked: deploy s, by ann@elsewhere (process 1), for " in ready.inv("deploy", "s", check=1).err
    assert ready.services() == {}
    assert "broke a lock: deploy s, by ann@elsewhere" in ready.inv("deploy", "s", "--lock-wait", "30").err
    assert (locks(ready), versions(ready)) == ([], ["s.version.1"])


def test_a_record_names_the_revision_of_the_project(ready: Lab, stack: Callable[..., None]) -> None:
    def git(*args: str) -> str:
        run = ["git", "-c", "user.name=t", "-c", "user.email=t@t.example", *args]
        return subprocess.run(run, cwd=ready.folder, check=True, capture_output=True, text=True).stdout.strip()

    stack(GOOD)
    git("init", "-q")
    try:
        git("add", "templates")
        git("commit", "-qm", "one")
        ready.inv("deploy", "s", "--message", "as committed")
        stack(GOOD.replace('VERSION: "1"', 'VERSION: "2"'))
        ready.inv("deploy", "s", "--message", "and changed")
        second, first = ready.inv("history", "s").out.splitlines()[1:]
        commit = git("rev-parse", "--short=12", "HEAD")
    finally:
        shutil.rmtree(ready.folder / ".git")
    assert f" {commit} " in first
    assert f" {commit}-dirty " in second


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
