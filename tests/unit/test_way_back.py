"""When a deploy that failed goes back, to what, and when it leaves the stack to somebody else."""

from __future__ import annotations

import io
from contextlib import suppress
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from samples import IMAGE, NEW, OLD, service

from swarmops.errors import ConnectionFailed, InputError, LockLost, RolledBack, SwarmopsError, WaitTimeout
from swarmops.facts import Service
from swarmops.ops import apply, change as changing, configs, undo
from swarmops.ops.deploy import Options, Wanted
from swarmops.ops.undo import WayBack
from swarmops.record import Record
from swarmops.report import Progress, Recap
from swarmops.stackfile import SPEC_LABEL, Stack, marked
from swarmops.wait import Deadline

STACK = Stack("web", {"services": {}})
RECORD = Record("web", 1, {"services": {}}, {}, "me@desk", "", "")
CRASHES = SwarmopsError("web: 3 tasks in a row failed")
MARKED = {"Name": "web", "Labels": {SPEC_LABEL: "0123"}, "TaskTemplate": OLD}


def made(labels: dict[str, str], previous: dict[str, Any] | None = None) -> Service:
    found = service(template=NEW, Labels=labels)
    return Service(**{**vars(found), "previous": previous})


OURS = made({SPEC_LABEL: "4567"})
OURS_AGAIN = made({SPEC_LABEL: "4567"}, MARKED)
THEIRS = made({})
THEIRS_CHANGED = made({SPEC_LABEL: "4567"}, {**MARKED, "Labels": {}})


class Swarm:
    """A cluster that has some services of the stack, and no record of it."""

    def __init__(self, *services: Service) -> None:
        self.services = list(services)
        self.progress = Progress(io.StringIO())
        self.done: list[str] = []

    def ask(self, question: Any) -> Any:
        return question(self)


def held() -> None:
    """The lock is ours."""


def lost() -> None:
    raise LockLost("somebody else took the lock of web")


@pytest.fixture(autouse=True)
def acts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is done to the swarm, which a deploy of it never brings to run."""
    acts: list[str] = []

    def fails(*_: Any, **__: Any) -> None:
        raise CRASHES

    def take_away(*args: Any) -> list[str]:
        args[-1]()
        acts.append("taken away")
        return ["web_data"]

    monkeypatch.setattr(changing, "apply", fails)
    monkeypatch.setattr(changing, "facts", SimpleNamespace(services=lambda swarm, _: swarm.services))
    monkeypatch.setattr(changing, "record", SimpleNamespace(read=lambda *_: []))
    monkeypatch.setattr(changing, "serving_now", lambda *_: frozenset())
    monkeypatch.setattr(configs, "prune", lambda *_: acts.append("pruned"))
    monkeypatch.setattr(undo, "take_away", take_away)
    return acts


def way_back(*before: Service, last: Record | None = None, check: Any = held, serving: str = "") -> WayBack:
    return WayBack(Swarm(), STACK, list(before), last, check, frozenset(filter(None, [serving])))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("before", "last", "first"),
    [
        ([], None, True),
        ([OURS], None, True),
        ([OURS, OURS_AGAIN], None, True),
        ([OURS], RECORD, False),
        ([], RECORD, False),
        ([THEIRS], None, False),
        ([OURS, THEIRS], None, False),
        ([THEIRS_CHANGED], None, False),
    ],
    ids=["nothing", "ours", "ours twice", "recorded", "recorded and gone", "theirs", "both", "theirs, changed by us"],
)
def test_what_counts_as_a_first_deploy(before: list[Service], last: Record | None, first: bool) -> None:
    assert way_back(*before, last=last).first is first


@pytest.mark.parametrize(("before", "needed"), [([], False), ([OURS], True), ([THEIRS], False)])
def test_what_an_interrupted_first_deploy_left_has_a_way_back(before: list[Service], needed: bool) -> None:
    assert way_back(*before).needed(Recap()) is needed
    changed = Recap()
    changed.changed("web", "new")
    assert way_back(*before).needed(changed)


def test_what_serves_has_a_way_back_only_when_it_was_changed() -> None:
    serving = way_back(OURS, serving="s1")
    assert not serving.first
    assert serving.unrecorded
    assert not serving.needed(Recap())
    changed = Recap()
    changed.changed("web", "new")
    assert serving.needed(changed)


def change(*before: Service, check: Any = held, **options: Any) -> SwarmopsError:
    """What is raised by a deploy that changes nothing, since an earlier one has, and fails."""
    with pytest.raises(SwarmopsError) as error:
        changing.change(Swarm(*before), Wanted(STACK, {}, ""), check, None, Recap(), Options(**options))  # type: ignore[arg-type]
    return error.value


def test_what_an_interrupted_first_deploy_left_is_taken_away(acts: list[str]) -> None:
    raised = change(OURS)
    assert isinstance(raised, RolledBack)
    assert str(raised) == (
        "web: 3 tasks in a row failed\n  It was the first deploy: nothing of it is left (--keep leaves it); "
        "its volumes stay on the nodes: web_data"
    )
    assert acts == ["taken away"]


@pytest.mark.parametrize("options", [{"keep": True}, {"rollback": False}], ids=["--keep", "--no-rollback"])
def test_it_is_left_when_that_is_asked_for(acts: list[str], options: dict[str, bool]) -> None:
    assert change(OURS, **options) is CRASHES
    assert acts == ["pruned"]


@pytest.mark.parametrize(
    ("before", "records", "way"),
    [
        ([], [], "inv remove web"),
        ([OURS], [], "inv remove web"),
        ([THEIRS], [], "inv rollback SERVICE"),
        ([OURS], [RECORD], "inv rollback --stack web --to 1"),
    ],
    ids=["first", "first again", "of plain docker", "recorded"],
)
def test_what_ctrl_c_leaves_is_said(
    monkeypatch: pytest.MonkeyPatch, before: list[Service], records: list[Record], way: str
) -> None:
    def interrupted(*args: Any, **_: Any) -> None:
        args[3].changed("web_a", "new")
        raise KeyboardInterrupt

    monkeypatch.setattr(changing, "apply", interrupted)
    monkeypatch.setattr(changing, "record", SimpleNamespace(read=lambda *_: records))
    monkeypatch.setattr(changing, "unlike", lambda *_: False)
    swarm, shown = Swarm(*before), io.StringIO()
    swarm.progress = Progress(shown)
    with pytest.raises(KeyboardInterrupt):
        changing.change(swarm, Wanted(STACK, {}, ""), held, None, Recap(), Options())  # type: ignore[arg-type]
    assert f"left as it is now, neither verified nor recorded; {way} is the way back" in shown.getvalue()


@pytest.mark.parametrize(
    ("before", "records", "way"),
    [([], [], "inv remove web"), ([OURS], [RECORD], "inv rollback --stack web --to 1")],
    ids=["first", "recorded"],
)
def test_what_no_rollback_leaves_is_said(
    monkeypatch: pytest.MonkeyPatch, before: list[Service], records: list[Record], way: str
) -> None:
    def late(*args: Any, **_: Any) -> None:
        args[3].changed("web_a", "new")
        raise WaitTimeout("web_a: 0 of 1 run", remedy="inv ps web")

    monkeypatch.setattr(changing, "apply", late)
    monkeypatch.setattr(changing, "record", SimpleNamespace(read=lambda *_: records))
    monkeypatch.setattr(changing, "unlike", lambda *_: False)
    raised = change(*before, rollback=False)
    assert isinstance(raised, WaitTimeout)
    assert str(raised) == (
        f"web_a: 0 of 1 run\n  web is left as it is now, neither verified nor recorded; {way} is the way back"
        "\n  Next: inv ps web"
    )


def test_a_stack_of_somebody_else_that_crashes_is_left(acts: list[str]) -> None:
    assert change(THEIRS) is CRASHES
    assert acts == ["pruned"]


@pytest.mark.parametrize("options", [{}, {"keep": True}, {"rollback": False}], ids=["", "--keep", "--no-rollback"])
def test_who_lost_the_lock_changes_nothing_more(acts: list[str], options: dict[str, bool]) -> None:
    raised = change(OURS, check=lost, **options)
    assert isinstance(raised, LockLost)
    assert raised.exit_code == 1
    assert acts == []


def test_the_lock_that_is_lost_on_the_way_back_ends_it(acts: list[str]) -> None:
    checks = iter([held, lost])
    assert isinstance(change(OURS, check=lambda: next(checks)()), LockLost)
    assert acts == []


AWAY = ConnectionFailed("no manager answers")


@pytest.mark.parametrize("options", [{}, {"keep": True}, {"rollback": False}], ids=["", "--keep", "--no-rollback"])
def test_what_failed_is_said_though_no_manager_answers_any_more(
    acts: list[str], monkeypatch: pytest.MonkeyPatch, options: dict[str, bool]
) -> None:
    def away(*_: Any) -> bool:
        raise AWAY

    monkeypatch.setattr(WayBack, "needed", away)
    monkeypatch.setattr(configs, "prune", away)
    assert change(OURS, **options) is CRASHES
    assert acts == []


@pytest.mark.parametrize(
    ("changes", "error", "left"),
    [(True, RolledBack, [1, 0]), (False, SwarmopsError, [1, 0])],
    ids=["undone", "before it changed anything"],
)
def test_a_rollback_that_failed_leaves_nothing_for_another_version(
    monkeypatch: pytest.MonkeyPatch, changes: bool, error: type[SwarmopsError], left: list[int]
) -> None:
    towards: list[int] = []

    def fails(*args: Any, **_: Any) -> None:
        if changes:
            args[3].changed("web_a", "image")
        raise CRASHES

    monkeypatch.setattr(changing, "apply", fails)
    known = SimpleNamespace(read=lambda *_: [RECORD], leave=lambda _, __, number: towards.append(number))
    monkeypatch.setattr(changing, "record", known)
    monkeypatch.setattr(changing, "unlike", lambda *_: False)
    monkeypatch.setattr(WayBack, "needed", lambda _, recap: recap.any_changed)
    monkeypatch.setattr(WayBack, "_take", lambda *_: "Version 1 runs again")
    with pytest.raises(error) as raised:
        changing.change(Swarm(OURS), Wanted(STACK, {}, "", restores=1), held, None, Recap(), Options())  # type: ignore[arg-type]
    assert isinstance(raised.value, RolledBack) is changes
    assert towards == left


def test_where_ports_go_back_they_alone_say_the_order() -> None:
    """A deploy gave the port of y to x, which depends on y by way of z: on the way back y waits for x."""
    port = {"ports": [{"target": 80, "published": 8080, "mode": "host"}]}
    order = {"x": {"z": "service_started"}, "z": {"y": "service_started"}}
    services = {"x": {"image": IMAGE}, "z": {"image": IMAGE}, "y": {"image": IMAGE, **port}}
    old = Stack("web", {"services": services}, order=order)
    has = {"Ports": [{"Protocol": "tcp", "TargetPort": 80, "PublishedPort": 8080, "PublishMode": "host"}]}
    there = (service(Name="web_x", EndpointSpec=has), service(Name="web_y"), service(Name="web_z"))
    running = [replace(one, stack="web") for one in there]
    for first in ("holding", "all"):
        assert apply._waves(old, ["x", "y"], running, first) == [["x"], ["y"]]  # type: ignore[arg-type]
    with pytest.raises(InputError, match="each would have to wait for the next"):
        apply._waves(old, ["x", "y"], running, "")


ONE = marked(Stack("web", {"services": {"a": {"image": IMAGE}}}))
LABELS = ONE.services["a"]["deploy"]["labels"]


@pytest.mark.parametrize(
    ("check", "found", "said"),
    [
        (held, {"template": OLD, "update": "rollback_completed"}, "web_a: swarm put the version before back"),
        (held, {"template": OLD}, "web_a: somebody else changed it meanwhile: image"),
        (held, {"Labels": LABELS, "EndpointSpec": {"Mode": "dnsrr"}}, r"changed it meanwhile: \+ EndpointSpec: "),
        (lost, {"template": OLD}, "took the lock of web"),
    ],
    ids=["swarm", "somebody", "somebody, something else", "who took the lock"],
)
def test_another_version_than_the_one_that_was_deployed(
    monkeypatch: pytest.MonkeyPatch, check: Any, found: dict[str, Any], said: str
) -> None:
    stack, wanted = ONE, service(Name="web_a", Labels=LABELS)
    looks = iter([[wanted], [wanted], [service(Name="web_a", **found)]])
    monkeypatch.setattr(apply, "_services", lambda *_: next(looks))
    monkeypatch.setattr(apply, "wait", lambda *_, **__: None)
    with pytest.raises(SwarmopsError, match=said):
        apply.apply(Swarm(), stack, Deadline(1), Recap(), check=check, recorded={})  # type: ignore[arg-type]


def test_a_service_that_was_only_scaled_meanwhile_is_the_version_that_was_deployed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wanted, recap = service(Name="web_a", Labels=LABELS), Recap()
    looks = iter([[wanted], [wanted], [service(6, Name="web_a", Labels=LABELS)]])
    monkeypatch.setattr(apply, "_services", lambda *_: next(looks))
    monkeypatch.setattr(apply, "wait", lambda *_, **__: None)
    apply.apply(Swarm(), ONE, Deadline(1), recap, check=held, recorded={})  # type: ignore[arg-type]
    assert recap.notes == ["web_a was scaled by somebody else meanwhile: replicas 6 → 1 by the next deploy."]


@pytest.mark.parametrize(("check", "ended"), [(held, ["web_b"]), (lost, [])], ids=["held", "lost"])
def test_who_lost_the_lock_takes_no_service_away(monkeypatch: pytest.MonkeyPatch, check: Any, ended: list[str]) -> None:
    done: list[str] = []
    monkeypatch.setattr(apply, "_services", lambda *_: [service(Name="web_b")])
    monkeypatch.setattr(apply, "wait", lambda *_, **__: None)
    monkeypatch.setattr(apply, "end", lambda _, services: done.extend(service.name for service in services))
    monkeypatch.setattr(apply, "unended", lambda *_: [])
    with suppress(LockLost):
        apply.apply(Swarm(), STACK, Deadline(1), Recap(), check=check, recorded={})  # type: ignore[arg-type]
    assert done == ended
