"""`logs`, `exec` and `shell` on a real swarm, a killed node among its nodes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from threading import Thread

import pytest
from engine import REPOSITORY, Lab, Run, docker, eventually, said

LINE = re.compile(r"(?P<task>\S+) (?P<node>\S+) +\| (?P<text>.*)")
# `web` waits to be told what to print, `once` has ended by itself. The engine reads the two outputs of a container side
# by side: without the pause between them either line may be the last one.
STACK = """services:
  web:
    image: {{ image("nginx") }}
    command: [sh, -c, "echo begin on $$HOSTNAME; sleep 1; echo oops >&2; exec sleep 3600"]
    stop_grace_period: 0s
    deploy: {replicas: 3, placement: {constraints: [node.role == worker]}}
  once:
    image: {{ image("nginx") }}
    command: [sh, -c, "echo last words"]
    deploy: {restart_policy: {condition: none}}
"""


@pytest.fixture(scope="module")
def chat(lab: Lab) -> Iterator[Lab]:
    """The lab with a stack that prints."""
    lab.inv("push", "nginx")
    with lab.changed():
        (lab.folder / "templates/stacks/chat.yml.j2").write_text(STACK)
        lab.vars["stacks"]["chat"] = {"template": "stacks/chat.yml.j2"}
        lab.save()
        lab.inv("deploy", "chat")
        yield lab
        lab.inv("remove", "chat")


@pytest.fixture
def started(chat: Lab) -> Iterator[Callable[..., Started]]:
    """Starts a task that does not end by itself."""
    running: list[Started] = []

    def start(*args: str) -> Started:
        running.append(Started(chat, *args))
        return running[-1]

    yield start
    for one in running:
        one.process.kill()
        one.process.wait(10)


class Started:
    """A task that runs, and what it has printed so far."""

    def __init__(self, lab: Lab, *args: str) -> None:
        self.process = subprocess.Popen(
            [*lab.command, *args],
            cwd=REPOSITORY,
            env=lab.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.out: list[str] = []
        self.err: list[str] = []
        for pipe, kept in ((self.process.stdout, self.out), (self.process.stderr, self.err)):
            Thread(target=lambda pipe=pipe, kept=kept: kept.extend(pipe), daemon=True).start()

    def prints(self, text: str, *, within: float = 20) -> None:
        eventually(lambda: text in "".join(self.out), within=within, what=f"{text!r} among the lines")

    def says(self, text: str, *, within: float = 20) -> None:
        eventually(lambda: text in "".join(self.err), within=within, what=f"{text!r} on stderr")

    def ctrl_c(self) -> int:
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(20)
        said.extend(["".join(self.out), "".join(self.err)])
        assert "Traceback" not in "".join(self.err)
        return code


def lines(text: str) -> list[tuple[str, str, str]]:
    found = [LINE.fullmatch(line) for line in text.splitlines()]
    assert all(found), text
    return [(match["task"], match["node"], match["text"]) for match in found if match]


def places(lab: Lab) -> set[tuple[str, str]]:
    return {(task["Name"], task["Node"]) for task in lab.tasks("chat_web")}


def given(lab: Lab, data: str, *args: str) -> Run:
    """A task with something on its standard input."""
    command = [*lab.command, *args]
    ended = subprocess.run(
        command, cwd=REPOSITORY, env=lab.env, input=data, capture_output=True, text=True, timeout=60, check=False
    )
    said.append(ended.stdout + ended.stderr)
    return Run(ended.returncode, ended.stdout, ended.stderr)


def tell(lab: Lab, task: int, text: str) -> None:
    """Makes a task print something."""
    lab.inv("exec", "chat_web", "--task", str(task), "--", "sh", "-c", f"echo {text} >/proc/1/fd/1")


def test_all_tasks_on_all_nodes_have_their_say(chat: Lab) -> None:
    found = lines(chat.inv("logs", "chat").out)
    web = [line for line in found if line[0] != "chat_once.1"]
    assert {(task, node) for task, node, _ in web} == places(chat)
    assert {node for _, node, _ in web} == {"worker01", "worker02", "worker03"}
    assert sorted(text.split()[0] for *_, text in web) == ["begin"] * 3 + ["oops"] * 3, "both outputs"
    assert [text for task, _, text in found if task == "chat_once.1"] == ["last words"], "of a task that has ended"


def test_sorted_by_time_and_limited(chat: Lab) -> None:
    stamps = [text.split()[0] for *_, text in lines(chat.inv("logs", "chat", "--timestamps").out)]
    assert len(stamps) == 7
    assert stamps == sorted(stamps)
    assert [text for *_, text in lines(chat.inv("logs", "chat_web", "--tail", "1").out)] == ["oops"] * 3
    assert len(lines(chat.inv("logs", "chat_web", "--since", "1h").out)) == 6
    assert chat.inv("logs", "chat_web", "--since", time.strftime("%Y-%m-%dT%H:%M:%S")).out == ""
    assert chat.inv("logs", "chat_web", "--tail", "0").out == ""


def test_an_unknown_name_is_refused(chat: Lab) -> None:
    assert "did you mean chat_web?" in chat.inv("logs", "chat_wep", check=2).err
    assert "did you mean chat_web?" in chat.inv("exec", "chat_wep", "--", "true", check=2).err
    assert "did you mean worker01?" in chat.inv("shell", "worke01", "--", "true", check=2).err


def test_exec_hands_over_outputs_and_the_exit_code(chat: Lab) -> None:
    run = chat.inv("exec", "chat_web", "--task", "2", "--", "sh", "-c", 'hostname; echo "a  b" >&2; exit 7', check=7)
    assert run.err == "a  b\n"
    begin = [text for task, _, text in lines(chat.inv("logs", "chat_web").out) if task == "chat_web.2"]
    assert f"begin on {run.out.strip()}" in begin, "it was in the task that was asked for"
    other = chat.inv("exec", "chat_web", "--node", "worker03", "--", "hostname").out.strip()
    container = next(name for name in chat.running("worker03") if name.startswith("chat_web"))
    assert chat.node("worker03", "docker", "inspect", "-f", "{{.Config.Hostname}}", container).out.strip() == other


def test_exec_passes_standard_input(chat: Lab) -> None:
    data = "one\n" * 50_000
    assert given(chat, data, "exec", "chat_web", "--", "cat") == Run(0, data, "")


def test_exec_where_nothing_runs(chat: Lab) -> None:
    assert "no task of chat_once runs" in chat.inv("exec", "chat_once", "--", "true", check=1).err
    refused = chat.inv("exec", "chat_web", "--task", "9", "--", "true", check=1).err
    assert "there are chat_web.1 on " in refused
    assert "there is no command" in chat.inv("exec", "chat_web", check=2).err


def test_exec_on_a_terminal(chat: Lab) -> None:
    words = ["exec", "chat_web", "--", "sh", "-c", "test -t 0 && test -t 1 && echo a terminal; exit 7"]
    ours, theirs = os.openpty()
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        process = subprocess.Popen(
            [*chat.command, *words],
            cwd=REPOSITORY,
            env=chat.env,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        seen = b""
        with suppress(OSError):  # what a terminal gives whose other side has gone
            while piece := terminal.read(1024):
                seen += piece
        assert (process.wait(20), seen) == (7, b"a terminal\r\n")


def test_shell(chat: Lab) -> None:
    assert chat.inv("shell", "worker02", "--", "hostname").out == "worker02\n"
    assert given(chat, "hostname; exit 3\n", "shell", "worker03") == Run(3, "worker03\n", "")


def test_follow_sees_what_is_new_of_tasks_old_and_new(chat: Lab, started: Callable[..., Started]) -> None:
    follow = started("logs", "chat_web", "--follow", "--tail", "1")
    follow.prints("oops")
    tell(chat, 1, "news")
    follow.prints("| news")
    chat.inv("scale", "chat_web=4")
    eventually(
        lambda: sum("chat_web.4 " in line for line in follow.out) == 2, within=20, what="both outputs of the new"
    )
    assert follow.ctrl_c() == 0
    seen = [(task, text.split()[0]) for task, _, text in lines("".join(follow.out))]
    tasks = [f"chat_web.{number}" for number in (1, 2, 3)]
    new = [("chat_web.1", "news"), ("chat_web.4", "begin"), ("chat_web.4", "oops")]
    assert sorted(seen) == sorted([*((task, "oops") for task in tasks), *new]), "every line once"
    chat.inv("scale", "chat_web=3")


def test_follow_ends_when_nobody_reads(chat: Lab) -> None:
    follow = subprocess.Popen(
        [*chat.command, "logs", "chat_web", "--follow"],
        cwd=REPOSITORY,
        env=chat.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert follow.stdout
    assert follow.stderr
    assert follow.stdout.readline()
    follow.stdout.close()
    assert follow.wait(20) == 0, "though no line came any more"
    assert follow.stderr.read() == ""


def test_a_node_that_is_gone_stops_nobody(chat: Lab, started: Callable[..., Started]) -> None:
    there = {node: int(task.rpartition(".")[2]) for task, node in places(chat)}
    follow = started("logs", "chat_web", "--follow")
    follow.prints("oops")
    docker("kill", chat.container("worker02"))
    follow.says("worker02: left out: ")
    tell(chat, there["worker01"], "still-here")
    follow.prints("| still-here")
    run = chat.inv("logs", "chat_web", timeout=20)
    assert {node for _, node, _ in lines(run.out)} == {"worker01", "worker03"}
    assert "worker02: left out: " in run.err
    chat.inv("up")
    follow.says("worker02: answers again")
    assert follow.ctrl_c() == 0
