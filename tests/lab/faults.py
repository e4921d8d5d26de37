"""What goes wrong on purpose: Ctrl-C at a chosen moment, stacks that cannot run, an engine that can be killed."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from engine import REPOSITORY, Lab, Run, docker, eventually, said

STACK = """services:
  web:
    image: {{{{ image("{image}") }}}}
    command: {command}
    stop_grace_period: 0s
    deploy:
      endpoint_mode: dnsrr
      restart_policy: {{delay: 0s}}
      placement: {{constraints: [{constraint}]}}
"""


def add_stack(lab: Lab, name: str, command: list[str], *, image: str = "nginx", constraint: str = "") -> None:
    """A stack of one service, `web`, for the inventory; the lab still has to be saved."""
    text = STACK.format(image=image, command=json.dumps(command), constraint=constraint)
    (lab.folder / f"templates/stacks/{name}.yml.j2").write_text(text)
    lab.vars["stacks"][name] = {"template": f"stacks/{name}.yml.j2"}


def watched(lab: Lab, *args: str, reactions: dict[str, Callable[[int], None]], timeout: float = 120) -> Run:
    """A task that something happens to: each reaction once, with the process's number, as stderr first has its text."""
    process = subprocess.Popen(
        [*lab.command, *args],
        cwd=REPOSITORY,
        env=lab.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    overdue = threading.Timer(timeout, process.kill)
    overdue.start()
    left, err = dict(reactions), ""
    try:
        assert process.stderr
        for line in process.stderr:
            err += line
            for text in [text for text in left if text in line]:
                left.pop(text)(process.pid)
        out, _ = process.communicate()
    finally:
        overdue.cancel()
        process.kill()
    said.append(out + err)
    assert not left, f"{list(left)} never came: {err}"
    assert "Traceback" not in out + err, err
    return Run(process.returncode, out, err)


def as_workers(lab: Lab, *args: str) -> None:
    """A task that makes workers of nodes; restarts the engines that it says have to be restarted first."""
    while "would refuse tasks as a worker" in (run := lab.inv(*args, check=None, timeout=200)).err:
        container = re.search(r"Next: docker restart (\S+); then the same again", run.err)
        assert container, run.err
        docker("restart", container[1])
    assert run.code == 0, run.err


def ctrl_c(pid: int) -> None:
    """What a terminal does: the signal goes to the whole process group."""
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGINT)


def processes(lab: Lab) -> list[str]:
    """The processes that a task of this lab has started, or is: they have its environment."""
    mark = f"SWARMOPS_INVENTORY={lab.file}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if mark in (process / "environ").read_bytes().split(b"\0"):
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found


class OwnEngine:
    """A dockerd of the test's own, in a network namespace of its own. Needs root, and a dockerd on the PATH."""

    def __init__(self) -> None:
        beside = Path(docker("info", "--format", "{{.DockerRootDir}}").out.strip()).parent
        self.folder = Path(tempfile.mkdtemp(prefix="swf-engine-", dir=beside))
        self.host = f"unix://{self.folder}/docker.sock"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = [f"--{name}={self.folder / name}" for name in ("data-root", "exec-root", "pidfile")]
        script = 'ip link set lo up && exec dockerd "$@"'
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["unshare", "--net", "sh", "-c", script, "sh", f"--host={self.host}", *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        eventually(self._answers, within=90, what="the second engine to answer")

    def _answers(self) -> bool:
        assert self._process
        log = self.folder / "log"
        assert self._process.poll() is None, log.read_text()[-2000:]
        return self.docker("info", check=False).code == 0

    def kill(self) -> None:
        """Ends it as a crash does, and its containerd with it."""
        assert self._process
        below = self.folder / "exec-root/containerd"
        containerd = int((below / "containerd.pid").read_text())
        self._process.kill()
        self._process.wait(30)
        with suppress(ProcessLookupError):
            os.kill(containerd, signal.SIGKILL)
        eventually(lambda: not Path(f"/proc/{containerd}/exe").exists(), within=30, what="containerd to end")
        # A new dockerd takes the socket for that of a containerd that runs, and waits for its answer.
        for name in ("containerd.pid", "containerd.sock", "containerd.sock.ttrpc"):
            (below / name).unlink(missing_ok=True)

    def restart(self) -> None:
        self.stop()
        self.start()

    def stop(self) -> None:
        assert self._process
        self._process.terminate()
        self._process.wait(30)

    def inside(self) -> list[str]:
        """What puts a command line into the engine's network namespace, where its ports are."""
        assert self._process
        return ["nsenter", f"--net=/proc/{self._process.pid}/ns/net"]

    def listens(self, port: int) -> bool:
        command = [*self.inside(), "ss", "-Hlnt", f"sport = :{port}"]
        return bool(subprocess.run(command, capture_output=True, check=True).stdout)

    def docker(self, *args: str, check: bool = True, timeout: float = 60) -> Run:
        return docker("--host", self.host, *args, check=check, timeout=timeout)

    def load(self, *images: str) -> None:
        """Takes images over from the machine's engine."""
        with subprocess.Popen(["docker", "save", *images], stdout=subprocess.PIPE) as save:
            subprocess.run(
                ["docker", "--host", self.host, "load"],
                stdin=save.stdout, stdout=subprocess.DEVNULL, timeout=180, check=True,
            )  # fmt: skip

    def remove(self) -> None:
        """Containers first, by an engine that runs, so that no process of theirs stays; then it, and its files."""
        if self._process:
            if self._process.poll() is not None:
                self.start()
            ids = self.docker("ps", "-aq").out.split()
            self.docker("rm", "--force", "--volumes", *ids, check=False)
            self.stop()
        for process in self._forgotten():
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        for mount in reversed(Path("/proc/self/mountinfo").read_text().splitlines()):
            if (path := mount.split()[4]).startswith(f"{self.folder}/"):
                subprocess.run(["umount", path], check=True)
        shutil.rmtree(self.folder)

    def _forgotten(self) -> list[int]:
        """The shims of containers that were starting when the engine was killed, and what they have started."""
        listed = subprocess.run(
            ["ps", "-ww", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True
        ).stdout
        rows = [line.split(maxsplit=2) for line in listed.splitlines()]
        shims = {pid for pid, _, args in rows if "containerd-shim" in args and str(self.folder) in args}
        return [int(pid) for pid, parent, _ in rows if {pid, parent} & shims]
