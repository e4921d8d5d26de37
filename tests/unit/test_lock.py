from __future__ import annotations

import io
import os
from collections.abc import Callable
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from swarmops.errors import Conflict, LockLost, NotFound, SwarmopsError
from swarmops.facts import Json
from swarmops.ops import ingress, remove
from swarmops.ops.apply import COMMAND_SECONDS
from swarmops.ops.drills import probe
from swarmops.ops.lock import MARGIN_SECONDS, Holder, Terms, home, locked
from swarmops.report import Progress, Recap
from swarmops.tasks import stacks
from swarmops.wait import Deadline

NO_PROCESS = 2**22 + 1
"""Above the highest number that Linux gives a process."""


@pytest.mark.parametrize(
    ("where", "process", "seconds", "gone"),
    [
        (home(), os.getpid(), 10, False),
        (home(), NO_PROCESS, 10, True),
        ("elsewhere", NO_PROCESS, 10, False),
        ("elsewhere", 1, 61, True),
        (home(), os.getpid(), 61, True),
    ],
)
def test_who_is_gone(where: str, process: int, seconds: float, gone: bool) -> None:
    labels = {
        "mark": "m",
        "who": "me@desk",
        "home": where,
        "process": str(process),
        "purpose": "deploy web",
        "lasts": "60",
    }
    spec = {"Labels": {f"swarmops.lock.{key}": value for key, value in labels.items()}}
    holder = Holder.of({"ID": "id1", "Spec": spec}, seconds)
    assert holder.gone is gone
    assert str(holder) == f"deploy web, by me@desk (process {process}), for {seconds} s now"


class Api:
    """A manager whose clock shows this, and that has the lock since then."""

    def __init__(self, now: str, made: str) -> None:
        self.answers = {"/info": {"SystemTime": now}, "/configs/web.lock": {"ID": "id1", "CreatedAt": made}}
        labels = {"mark": "m", "who": "me@desk", "home": "h", "process": "1", "purpose": "p", "lasts": "60"}
        said = {"swarmops.lock": "web"} | {f"swarmops.lock.{key}": value for key, value in labels.items()}
        self.answers["/configs/web.lock"]["Spec"] = {"Labels": said}

    def get(self, path: str) -> Any:
        return self.answers[path]


@pytest.mark.parametrize("now", ["2026-01-02T03:04:15.5Z", "2026-01-02T05:04:15.500000000+02:00"])
def test_the_managers_clock_has_a_time_zone(now: str) -> None:
    holder = Holder.read(Api(now, "2026-01-02T03:04:05.123456789Z"), "web.lock")  # type: ignore[arg-type]
    assert holder
    assert round(holder.seconds) == 10


@pytest.mark.parametrize("spec", [{"Labels": {"own": "x"}}, {"Labels": None}, {}], ids=repr)
def test_a_config_by_the_name_of_a_lock_is_no_lock(spec: Json) -> None:
    api: Any = Api("2026-01-02T03:04:15Z", "2026-01-02T03:04:05Z")
    api.answers["/configs/web.lock"]["Spec"] = spec
    with pytest.raises(SwarmopsError, match=r"config web\.lock is none of swarmops'") as error:
        Holder.read(api, "web.lock")
    assert error.value.remedy.startswith("docker config rm web.lock on a manager")


class Swarm:
    """A cluster that is its own manager, and has nothing but configs."""

    def __init__(self) -> None:
        self.configs: dict[str, Json] = {}
        self.made = 0
        self.progress = Progress(io.StringIO())

    def ask(self, question: Any) -> Any:
        return question(self)

    def get(self, path: str) -> Any:
        return {"SystemTime": "2026-01-02T03:04:15Z"} if path == "/info" else self.configs[self._name(path)]

    def create(self, _: str, body: Json) -> str:
        if body["Name"] in self.configs:
            raise Conflict("name conflicts")
        self.made += 1
        self.configs[body["Name"]] = {"ID": f"id{self.made}", "Spec": body, "CreatedAt": "2026-01-02T03:04:05Z"}
        return f"id{self.made}"

    def delete(self, path: str) -> None:
        del self.configs[self._name(path)]

    def _name(self, path: str) -> str:
        """Both do, an id and a name."""
        key = path.removeprefix("/configs/")
        for name, config in self.configs.items():
            if key in (name, config["ID"]):
                return name
        raise NotFound(path)


def test_who_holds_the_lock_is_told_when_somebody_takes_it() -> None:
    swarm: Any = Swarm()
    with locked(swarm, "web", "deploy web", Terms(60)) as check:
        check()
        with pytest.raises(SwarmopsError, match="locked: deploy web, by "), locked(swarm, "web", "other", Terms(60)):
            pass
        check()
        with locked(swarm, "web", "deploy web: mine", Terms(60, take=True)) as theirs:
            theirs()
            with pytest.raises(LockLost) as error:
                check()
            assert "took the lock of web: deploy web: mine, by " in str(error.value)
            assert "nothing is put back" in str(error.value)
            assert error.value.remedy == "inv status, or inv history web"
        with pytest.raises(LockLost, match="took the lock of web: they are done with it by now"):
            check()
    assert swarm.configs == {}


def test_the_end_of_who_lost_the_lock_leaves_the_winners() -> None:
    swarm: Any = Swarm()
    with locked(swarm, "web", "deploy web", Terms(60)):
        winner = locked(swarm, "web", "deploy web: mine", Terms(60, take=True))
        check = winner.__enter__()
    check()
    winner.__exit__(None, None, None)
    assert swarm.configs == {}


@pytest.mark.parametrize("left", [2, 200])
def test_the_ingress_is_locked_for_longer_than_its_command_may_take(
    monkeypatch: pytest.MonkeyPatch, left: float
) -> None:
    asked: list[Terms] = []

    @contextmanager
    def noted(*args: Any) -> Any:
        asked.append(args[-1])
        yield

    answers = iter([SimpleNamespace(there=False), None])
    monkeypatch.setattr(ingress, "locked", noted)
    monkeypatch.setattr(ingress, "_wanted", lambda _: next(answers))
    ingress.refresh(None, Recap(), Deadline(left))  # type: ignore[arg-type]
    assert asked[0].lasts > max(COMMAND_SECONDS, left)
    assert asked[0].wait <= left


@pytest.mark.parametrize("way", [lambda: stacks.remove.body(None, "web", 60), lambda: probe.clean(None, 60)])  # type: ignore[arg-type]
def test_a_stack_is_locked_for_longer_than_its_removal_may_take(
    monkeypatch: pytest.MonkeyPatch, way: Callable[[], None]
) -> None:
    asked: list[Terms] = []
    monkeypatch.setattr(stacks, "session", nullcontext)
    monkeypatch.setattr(stacks, "show", lambda _: None)
    monkeypatch.setattr(remove, "remove", lambda *args: asked.append(args[-1]))
    way()
    assert asked[0].lasts == 60 + MARGIN_SECONDS
