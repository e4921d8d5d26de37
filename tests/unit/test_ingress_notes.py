"""What an operator hears of a service's claim: one that cannot be is refused, one that has no effect is noted."""

from __future__ import annotations

import re
from contextlib import nullcontext
from hashlib import sha256
from types import SimpleNamespace
from typing import Any

import pytest
from options import ALL

from swarmops import definition
from swarmops.connect import Result
from swarmops.errors import ConnectionFailed, InputError, SwarmopsError, WaitTimeout
from swarmops.ingress import Backend
from swarmops.ops import by_hand, ingress
from swarmops.report import Recap
from swarmops.wait import Deadline

NOTES = [("web", "web is left out: why"), ("other", "other gets no request: first has a.example")]


class Swarm:
    """A cluster whose swarm has no networks, and whose inventory has these stacks."""

    def __init__(self, *stacks: str) -> None:
        self.inventory = SimpleNamespace(settings=SimpleNamespace(stacks=stacks))

    def ask(self, _: Any) -> list[Any]:
        return []


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        (["SERVICE_PORTS=8080", "VIRTUAL_HOST=my_app.example"], 'VIRTUAL_HOST "my_app.example" should be a host'),
        (["SERVICE_PORTS=8080", "VIRTUAL_HOST=a.example,b.example"], 'VIRTUAL_HOST "a.example,b.example" should be'),
        (["SERVICE_PORTS=http"], 'SERVICE_PORTS "http" should be ports'),
        (["SERVICE_PORTS=8080", "VIRTUAL_HOST=a.example"], ""),
        (["VIRTUAL_HOST=my_app.example"], ""),
    ],
)
def test_a_claim_that_cannot_be_is_refused_before_anything_changes(variables: list[str], said: str) -> None:
    stated = {"env": variables}
    wanted = definition.complete(definition.parse(stated | {"image": ALL["image"]}, "host")[0])
    cluster: Any = Swarm("ingress")
    if said:
        with pytest.raises(InputError, match=f"--env: {said}"):
            by_hand._possible(cluster, wanted, stated, ())
    else:
        by_hand._possible(cluster, wanted, stated, ())


def test_a_claim_is_refused_only_where_it_is_stated_and_there_is_an_ingress() -> None:
    bad = ["SERVICE_PORTS=http", "A=1"]
    assert ingress.refused(Swarm("ingress"), ["SERVICE_PORTS=http"], bad)  # type: ignore[arg-type]
    assert not ingress.refused(Swarm("ingress"), ["A=1"], bad)  # type: ignore[arg-type]
    assert not ingress.refused(Swarm("echo"), ["SERVICE_PORTS=http"], bad)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("there", "names", "noted"),
    [
        (True, [], []),
        (True, ["web"], NOTES[:1]),
        (False, ["web"], NOTES),
        (False, [], NOTES),
    ],
)
def test_what_concerns_the_named_is_noted_though_nothing_is_served(
    monkeypatch: pytest.MonkeyPatch, there: bool, names: list[str], noted: list[tuple[str, str]]
) -> None:
    wanted = SimpleNamespace(there=there, notes=NOTES, content="")
    monkeypatch.setattr(ingress, "_wanted", lambda _: wanted)
    monkeypatch.setattr(ingress, "_refusal", lambda *_: "")
    monkeypatch.setattr(ingress, "_serve", lambda *_: None)
    monkeypatch.setattr(ingress, "_behind", lambda *_: "")
    monkeypatch.setattr(ingress, "locked", lambda *_: nullcontext())
    recap = Recap()
    ingress.refresh(SimpleNamespace(progress=None), recap, Deadline(9), names)  # type: ignore[arg-type]
    assert recap.notes == [note for _, note in noted]


@pytest.mark.parametrize(
    ("refused", "left"),
    [
        (["none"], {}),
        (["bad"], {"bad": "bad is wrong"}),
        (["bad", "web"], {"bad": "bad is wrong", "web": "web is wrong"}),
        (["", "bad", "web"], None),
    ],
)
def test_a_service_that_haproxy_refuses_is_left_out_and_a_template_is_not(
    monkeypatch: pytest.MonkeyPatch, refused: list[str], left: dict[str, str] | None
) -> None:
    backends = [Backend("bad", 80), Backend("bad", 81), Backend("web", 80)]
    rendered: Any = lambda some: " ".join(["", *dict.fromkeys(one.service for one in some)])  # noqa: E731
    whole = SimpleNamespace(there=False, backends=backends, names=["bad", "web"], content=rendered(backends))
    whole.render = rendered

    def said(_: Any, content: str) -> str:
        return next((f"{word} is wrong" for word in refused if word in content.split(" ")), "")

    monkeypatch.setattr(ingress, "_wanted", lambda _, without=None: whole if without is None else without)
    monkeypatch.setattr(ingress, "_content", lambda full: full)
    monkeypatch.setattr(ingress, "_refusal", said)
    answer: Any = ingress._accepted(None)  # type: ignore[arg-type]
    assert answer is whole if left in (None, {}) else answer == left


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (
            [Result(ingress.REFUSED, "[NOTICE]  (8) : a\n[ALERT]   (8) : line : no\n[ALERT]  (8) : b\n", "")],
            "line : no",
        ),
        ([Result(0, "Configuration file is valid", "")], ""),
        ([Result(1, "", "No such container")], ""),
        ([ConnectionFailed("gone"), Result(ingress.REFUSED, "no", "")], "it is refused"),
        ([], ""),
    ],
)
def test_any_proxy_that_answers_says_whether_it_takes_a_configuration(
    monkeypatch: pytest.MonkeyPatch, answers: list[Result | Exception], said: str
) -> None:
    left = iter(answers)

    def run(*_: Any, **__: Any) -> Result:
        if isinstance(answer := next(left), Exception):
            raise answer
        return answer

    monkeypatch.setattr(ingress, "_proxies", lambda _: {f"m{number}": "id" for number, _ in enumerate(answers)})
    cluster: Any = SimpleNamespace(door=lambda _: SimpleNamespace(run=run))
    assert ingress._refusal(cluster, "frontend http") == said


@pytest.mark.parametrize(
    ("changed", "rest"), [((), "All else is done"), (("web_a", "web_b"), "All else is done: web_a, web_b")]
)
def test_an_ingress_that_does_not_follow_is_said_beside_what_is_done(
    monkeypatch: pytest.MonkeyPatch, changed: tuple[str, ...], rest: str
) -> None:
    def fails(*_: Any) -> None:
        raise WaitTimeout("not done within 9 s: the proxy on manager", remedy="--timeout gives it longer")

    monkeypatch.setattr(ingress, "refresh", fails)
    recap = Recap()
    for name in changed:
        recap.changed(name, "definition changed")
    with pytest.raises(WaitTimeout) as error:
        ingress.follow(Swarm(), recap, Deadline(9))  # type: ignore[arg-type]
    said = f"the ingress does not follow: not done within 9 s: the proxy on manager\n  {rest}"
    assert (error.value.said, error.value.remedy) == (said, "--timeout gives it longer")


WANTED, OTHER = (sha256(text.encode()).hexdigest() for text in ("wanted", "other"))
REASON = "[ALERT] parsing [next.cfg:3]: unknown keyword"


@pytest.mark.parametrize(
    ("said", "missing"),
    [
        ((WANTED, WANTED, OTHER), ""),
        ((OTHER, WANTED, OTHER), "the proxy on m1 to load its configuration"),
        ((WANTED, OTHER, WANTED), "the proxy on m1 to load its configuration"),
        ((OTHER, OTHER, OTHER, REASON), "the proxy on m1 to load its configuration"),
        ((OTHER, WANTED, WANTED, REASON), None),
        ((), "the proxy on m1 to load its configuration"),
    ],
    ids=["loaded", "fetched", "another since", "another was refused", "refused", "gone"],
)
def test_a_proxy_has_loaded_what_it_should_or_has_refused_that(
    monkeypatch: pytest.MonkeyPatch, said: tuple[str, ...], missing: str | None
) -> None:
    monkeypatch.setattr(ingress, "_say", lambda *_: {"m1": "\n".join(said)})
    if missing is not None:
        assert ingress._behind(None, "wanted") == missing  # type: ignore[arg-type]
    else:
        with pytest.raises(SwarmopsError, match="the proxy on m1 refuses its configuration\n    " + re.escape(REASON)):
            ingress._behind(None, "wanted")  # type: ignore[arg-type]
