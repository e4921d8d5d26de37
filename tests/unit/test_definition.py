"""The options of a service by hand: read, compared with what an engine has, turned into what docker is told."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from options import ALL

from swarmops import definition
from swarmops.definition.attached import mount, publish
from swarmops.definition.forms import cpus, duration, memory, show_cpus, show_duration, show_memory
from swarmops.definition.options import MANY, ONE
from swarmops.errors import InputError
from swarmops.tasks import service_options

SPEC = json.loads(Path(__file__).with_name("service.json").read_text())
"""What engine 26.1.5 had of a service that was made with ALL."""
FULL = definition.complete(definition.parse(ALL, "host")[0])
PLAIN = definition.complete({"image": ALL["image"]})


def parse(**stated: Any) -> definition.Definition:
    return definition.complete(definition.parse({name.replace("_", "-"): it for name, it in stated.items()}, "host")[0])


def test_the_menu_and_the_table_have_the_same_options() -> None:
    assert set(service_options.ONE) == set(ONE)
    assert set(service_options.MANY) == set(MANY)
    assert set(service_options.UPDATE) == {*ONE, *MANY, *service_options.REMOVED} - {"mode"}
    assert set(service_options.REMOVED) == {f"{name}-rm" for name in MANY}


def test_the_help_states_the_defaults_of_the_table() -> None:
    stated = {name: value for name, value in service_options.DEFAULTS.items() if name != "endpoint-mode"}
    assert stated == {name: ONE[name].show(ONE[name].default) for name in stated}
    assert service_options.CREATE["replicas"] == "number of tasks; 1 unless stated"
    assert not any("unless stated" in text for text in service_options.UPDATE.values()), "an update leaves the others"


def test_every_option_is_stated_once_here() -> None:
    assert set(ALL) | {"mode"} == {*ONE, *MANY}


def test_what_an_engine_has_reads_as_what_was_stated() -> None:
    assert definition.of(SPEC, {"localnet-id": "localnet"}) == FULL


def test_a_specification_that_says_nothing_has_the_defaults() -> None:
    spec = {"Mode": {"Replicated": {}}, "TaskTemplate": {"ContainerSpec": {"Image": ALL["image"]}}}
    assert definition.of(spec, {}) == PLAIN
    assert definition.of(spec | {"Mode": {"GlobalJob": {}}}, {})["mode"] == "global-job"


@pytest.mark.parametrize(
    ("text", "value", "shown"),
    [("0", 0, "0s"), ("10s", 10**10, "10s"), ("1m30s", 9 * 10**10, "90s"), ("1.5s", 15 * 10**8, "1500ms"),
     ("120m", 72 * 10**11, "2h"), ("1us", 1000, "1us"), ("7ns", 7, "7ns")],
)  # fmt: skip
def test_durations(text: str, value: int, shown: str) -> None:
    assert (duration(text), show_duration(value), duration(shown)) == (value, shown, value)


@pytest.mark.parametrize(
    ("text", "value", "shown"),
    [("0", 0, "0"), ("64m", 1 << 26, "64m"), ("64MiB", 1 << 26, "64m"), ("1.5g", 3 << 29, "1536m"),
     ("8388608", 1 << 23, "8m"), ("5000000", 5000000, "5000000")],
)  # fmt: skip
def test_memory(text: str, value: int, shown: str) -> None:
    assert (memory(text), show_memory(value), memory(shown)) == (value, shown, value)


@pytest.mark.parametrize(
    ("text", "value", "shown"), [("2", 2 * 10**9, "2"), (".25", 25 * 10**7, "0.25"), ("0", 0, "0")]
)
def test_cpus(text: str, value: int, shown: str) -> None:
    assert (cpus(text), show_cpus(value)) == (value, shown)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("8080:80", "published=8080,target=80,protocol=tcp,mode=host"),
        ("80", "target=80,protocol=tcp,mode=host"),
        ("53:53/udp", "published=53,target=53,protocol=udp,mode=host"),
        ("target=80,published=8080,mode=ingress", "published=8080,target=80,protocol=tcp,mode=ingress"),
    ],
)
def test_ports(text: str, said: str) -> None:
    assert publish(text, "host")[1] == said
    assert publish(said, "ingress") == publish(text, "host"), "what docker is told reads as the same"


@pytest.mark.parametrize(
    ("text", "target", "said"),
    [
        ("type=bind,src=/a,dst=/b,ro", "/b", "type=bind,source=/a,target=/b,readonly=true"),
        ("type=bind,source=/a,target=/b,readonly=false", "/b", "type=bind,source=/a,target=/b"),
        ("source=data,target=/b,volume-nocopy", "/b", "type=volume,source=data,target=/b,volume-nocopy=true"),
        ("type=volume,target=/b", "/b", "type=volume,target=/b"),
        ("type=tmpfs,target=/t,tmpfs-size=64k", "/t", "type=tmpfs,target=/t,tmpfs-size=65536"),
        ("type=tmpfs,target=/t,tmpfs-mode=0700", "/t", "type=tmpfs,target=/t,tmpfs-mode=700"),
        ('source=nfs,target=/n,"volume-opt=o=addr=1.2.3.4,rw"', "/n",
         'type=volume,source=nfs,target=/n,"volume-opt=o=addr=1.2.3.4,rw"'),
    ],
)  # fmt: skip
def test_mounts(text: str, target: str, said: str) -> None:
    assert mount(text) == (target, said)
    assert mount(said) == (target, said), "what docker is told reads as the same"


DIGITS = "9" * 5000
BAD: list[tuple[str, Any, str]] = [
    ("replicas", "many", "a whole number"),
    ("replicas", "-1", "a whole number"),
    ("replicas", "²", "a whole number"),
    ("mode", "globl", "replicated or global"),
    ("endpoint-mode", "dns", "vip or dnsrr"),
    ("replicas", "1234567", "0 to 999999"),
    ("limit-cpu", DIGITS, "a number of processors"),
    ("limit-memory", DIGITS, "a size"),
    ("update-delay", f"{DIGITS}s", "a duration"),
    ("health-retries", DIGITS, "0 to 999999"),
    ("publish", [DIGITS], "8080:80"),
    ("mount", [f"type=tmpfs,target=/a,tmpfs-size={DIGITS}"], "a size"),
    ("limit-cpu", "half", "a number of processors"),
    ("limit-cpu", "0.0001", "a number of processors"),
    ("limit-memory", "64 apples", "a size"),
    ("reserve-memory", "1m", "4m or more"),
    ("update-delay", "10", "a duration"),
    ("update-monitor", "soon", "a duration"),
    ("update-order", "first", "start-first or stop-first"),
    ("update-failure-action", "panic", "pause or continue or rollback"),
    ("rollback-failure-action", "rollback", "pause or continue"),
    ("update-max-failure-ratio", "1.5", "from 0 to 1"),
    ("args", "it's", ": a quotation mark does not end"),
    ("args", "a\\", ": a backslash stands at the end"),
    ("restart-condition", "always", "any or on-failure or none"),
    ("env", ["A"], "NAME=value"),
    ("env", ["=1"], "NAME=value"),
    ("label", ["a"], "NAME=value"),
    ("constraint", ["node.role=worker"], "node.role==worker"),
    ("constraint", ["node.role=="], "node.role==worker"),
    ("constraint", ["node.labels.example.com/zone==b"], "a key has letters, digits, - _ and ., a value has spaces and"),
    ("constraint", ["node.labels.x==a,b"], "a key has letters"),
    ("placement-pref", ["node.labels.zone"], "spread=node.labels"),
    ("placement-pref", ["spread=node.role"], "spread=node.labels"),
    ("network", ["name=a,alias=b"], "name of a network"),
    ("publish", ["80-90:80"], "8080:80"),
    ("publish", ["127.0.0.1:80:80"], "8080:80"),
    ("publish", ["99999:80"], "8080:80"),
    ("publish", ["80:80/icmp"], "8080:80"),
    ("publish", ["target=80,mode=hots"], "8080:80"),
    ("publish", ["published=80"], "8080:80"),
    ("publish", [""], "8080:80"),
    ("mount", ["type=nfs,target=/a"], "bind, volume or tmpfs"),
    ("mount", ["/a:/b"], "such as type=volume,source=data,target=/data"),
    ("mount", ["volume-opts=a,target=/a"], "no volume-opts"),
    ("mount", ["type=bind,target=/a"], "source=/srv/data"),
    ("mount", ["type=bind,source=a,target=/a"], "source=/srv/data"),
    ("mount", ["type=volume,source=data"], "target=/data"),
    ("mount", ["source=x,target=/a"], "two letters"),
    ("mount", ["source=/x,target=/a"], "two letters"),
    ("mount", ["type=tmpfs,source=a,target=/a"], "no source"),
    ("mount", ["type=tmpfs,target=/a,tmpfs-mode=rwx"], "octal"),
    ("mount", ["type=tmpfs,target=/a,tmpfs-size=big"], "a size"),
    ("mount", ["type=bind,source=/a,target=/a,readonly=yes"], ": yes should be true or false"),
    ("mount", ["source=aa,target=/a,volume-label==b"], "volume-label=name=value"),
    ("mount", ["source=aa,target=/a,volume-opt"], "volume-opt=name=value"),
    ("mount", ["source=aa,target=/a\rb"], "a line break stands outside of double quotes"),
    ("mount", ["type=bind,src=/a,source=/b,target=/c"], "source is stated twice"),
    ("mount", ["type=bind,source=/a,target=/c,ro,readonly=false"], "readonly is stated twice"),
    ("mount", ["target=/c,volume-label=a=1,volume-label=a=2"], "volume-label=a is stated twice"),
    ("mount", [" target=/c"], "no  target"),
    ("publish", ["target=80,published=80,target=81"], "target is stated twice"),
]


@pytest.mark.parametrize(("name", "value", "said"), BAD, ids=[f"{name} {value}"[:50] for name, value, _ in BAD])
def test_bad_values(name: str, value: str | list[str], said: str) -> None:
    with pytest.raises(InputError) as error:
        definition.parse({name: value}, "host")
    assert str(error.value).startswith(f"--{name} {value if isinstance(value, str) else value[0]}: ")
    assert said in str(error.value)


def test_all_that_is_wrong_at_once() -> None:
    with pytest.raises(InputError) as error:
        definition.parse({"replicas": "x", "env": ["A"], "image": "web"}, "host")
    assert str(error.value).splitlines()[0] == "2 problems"


@pytest.mark.parametrize(
    ("name", "texts", "key"),
    [
        ("env", ["A=1", "B=1", "A=2"], "A"),
        ("label", ["a=", "a=1"], "a"),
        ("container-label", ["a=1", "a=2"], "a"),
        ("mount", ["type=bind,src=/a,dst=/x", "type=bind,src=/b,dst=/x"], "/x"),
    ],
)
def test_what_is_stated_twice_says_one_thing(name: str, texts: list[str], key: str) -> None:
    with pytest.raises(InputError) as error:
        definition.parse({name: texts}, "host")
    assert str(error.value) == f"--{name} {key}: is stated twice, with different values"
    assert list(definition.parse({name: [texts[0], texts[0]]}, "host")[0][name]) == [key]


def test_the_same_in_other_words_is_stated_once() -> None:
    for name, texts in {
        "constraint": ["node.role==worker", "node.role == worker"],
        "publish": ["80:80", "published=80,target=080"],
        "mount": ["src=data,dst=/x,ro", "type=volume,source=data,target=/x,readonly=true"],
    }.items():
        assert len(definition.parse({name: texts}, "host")[0][name]) == 1


def test_an_update_sets_what_is_stated_and_leaves_the_rest() -> None:
    told, gone = definition.parse({"replicas": "5", "env": ["A=2", "D=4"], "env-rm": ["B", "none"]}, "host")
    after = definition.updated(FULL, told, gone)
    assert after == FULL | {"replicas": 5, "env": {"A": "A=2", "C": "C=", "D": "D=4"}}
    assert definition.to_update(FULL, after) == [
        ("replicas", "5"), ("env-rm", "B"), ("env-add", "A=2"), ("env-add", "D=4"),
    ]  # fmt: skip
    assert definition.changes(FULL, after) == ["replicas 2 → 5", "without env B", "env A", "env D"]


@pytest.mark.parametrize(
    "stated", [{}, {"env-rm": ["none"]}, ALL, {"constraint": ["node.role==worker"]}, {"replicas": "2", "env": ["C="]}]
)
def test_an_update_that_changes_nothing(stated: dict[str, Any]) -> None:
    after = definition.updated(FULL, *definition.parse(stated, "host"))
    assert (definition.changes(FULL, after), definition.to_update(FULL, after)) == ([], [])


@pytest.mark.parametrize(
    ("option", "word", "told"),
    [
        ("publish", "8080", "published=8085,target=8080,protocol=tcp,mode=host"),
        ("publish", "53/udp", "target=53,protocol=udp,mode=host"),
        ("publish", "8085:8080", "published=8085,target=8080,protocol=tcp,mode=host"),
        ("publish", "8085:8080/tcp", "published=8085,target=8080,protocol=tcp,mode=host"),
        ("publish", "8085:8080/tcp/host", "published=8085,target=8080,protocol=tcp,mode=host"),
        ("publish", ":53/udp/host", "target=53,protocol=udp,mode=host"),
        ("mount", "/v", "/v"),
        ("label", "team", "team"),
        ("network", "localnet", "localnet"),
        ("constraint", "node.role==worker", "node.role == worker"),
        ("placement-pref", "spread=node.labels.zone", "spread=node.labels.zone"),
    ],
)
def test_what_an_update_takes_away(option: str, word: str, told: str) -> None:
    after = definition.updated(FULL, *definition.parse({f"{option}-rm": [word]}, "host"))
    assert definition.to_update(FULL, after) == [(f"{option}-rm", told)]


@pytest.mark.parametrize(
    ("option", "word"),
    [("publish", "8086:8080"), ("publish", "53"), ("publish", ":8080"), ("publish", "8085:"), ("publish", "8085"),
     ("publish", "8080/tcp/ingress"), ("publish", ""), ("env", "A=1"), ("mount", "/"), ("network", "local")],
)  # fmt: skip
def test_what_an_update_cannot_take_away_is_said(option: str, word: str) -> None:
    told, gone = definition.parse({f"{option}-rm": [word]}, "host")
    assert definition.updated(FULL, told, gone) == FULL
    assert definition.unfound(FULL, gone)[0].startswith(f"There was no {option} {word}")


def test_a_name_is_suggested_for_what_an_update_cannot_take_away() -> None:
    gone = {"label": ["tema", "team"], "constraint": ["node.role == worker"]}
    assert definition.unfound(FULL, gone) == ["There was no label tema, did you mean team?"]


PORTS = parse(publish=["8080:80", "8081:80", "53:53/udp", "published=8082,target=80,mode=ingress"])


@pytest.mark.parametrize(
    ("stated", "stay"),
    [
        ({"publish-rm": ["80"]}, ""),
        ({"publish-rm": ["80"], "publish": ["8083:80"]}, ""),
        ({"publish-rm": ["8080:80/tcp/host", "8081:80/tcp/host"]}, ""),
        ({"publish-rm": ["8082:80"]}, ""),
        ({"publish-rm": ["80/tcp/host"]}, ""),
        ({"publish-rm": ["53/udp"]}, ""),
        ({"publish": ["8083:80"]}, ""),
        ({"publish-rm": ["8080:80"]}, "8081:80/tcp/host"),
        ({"publish-rm": ["80"], "publish": ["8081:80"]}, "8081:80/tcp/host"),
    ],
)
def test_ports_that_docker_takes_away_together(stated: dict[str, Any], stay: str) -> None:
    after = definition.updated(PORTS, *definition.parse(stated, "host"))
    said = (
        "--publish-rm 8080:80/tcp/host: docker takes away all ports to 80/tcp/host at once, 8081:80/tcp/host too; "
        "write --publish-rm 80/tcp/host first, and --publish for what stays in an update after that"
    )
    assert [str(problem) for problem in definition.inseparable(PORTS, after)] == ([said] if stay else [])


@pytest.mark.parametrize(
    ("stated", "route", "said"),
    [
        ({"endpoint_mode": "vip"}, "mesh", ""),
        ({"endpoint_mode": "dnsrr", "publish": ["80:80"]}, "dns", ""),
        ({"publish": ["published=80,target=80,mode=ingress"]}, "mesh", ""),
        ({"endpoint_mode": "vip"}, "dns", "--endpoint-mode: vip needs IPVS"),
        ({"publish": ["target=80,mode=ingress"]}, "dns", "mode=ingress needs IPVS"),
        ({"endpoint_mode": "dnsrr", "publish": ["target=80,mode=ingress"]}, "mesh", "needs --endpoint-mode vip"),
        ({"mode": "global", "replicas": "3"}, "mesh", "--replicas: a global service"),
        ({"mode": "global", "replicas_max_per_node": "3"}, "mesh", "--replicas-max-per-node: a global service"),
        ({"publish": ["80:80", "80:81"]}, "mesh", "80 is published twice"),
        ({"publish": ["80:80/tcp", "80:80/udp"]}, "mesh", ""),
        ({"health_cmd": "NONE"}, "mesh", ""),
        ({"health_cmd": "none", "health_retries": "3"}, "mesh", "--health-retries: the health check is switched off"),
    ],
)  # fmt: skip
def test_conflicts(stated: dict[str, Any], route: str, said: str) -> None:
    found = definition.conflicts(parse(**stated), [name.replace("_", "-") for name in stated], route)
    assert [said in str(problem) for problem in found] == ([True] if said else [])


def unchecked(test: list[str]) -> definition.Definition:
    container = {"Image": ALL["image"], "Healthcheck": {"Test": test}}
    return definition.of({"Mode": {"Replicated": {}}, "TaskTemplate": {"ContainerSpec": container}}, {})


def test_mounts_are_made_in_the_order_that_docker_puts_them_in_later() -> None:
    """It sorts them in every update, by source and target, and swarm takes another order for another version."""
    texts = ["source=zz,target=/a", "type=tmpfs,target=/t", "source=aa,target=/z", "type=bind,source=/srv,target=/s"]
    made = [text for name, text in definition.to_create(parse(mount=texts)) if name == "mount"]
    assert [re.search("target=(/.)", text)[1] for text in made] == ["/t", "/s", "/z", "/a"]  # type: ignore[index]


def test_a_health_check_is_switched_off() -> None:
    told, gone = definition.parse({"health-cmd": "None"}, "host")
    off = definition.updated(FULL, told, gone)
    assert definition.to_update(FULL, off) == [("no-healthcheck", "true")]
    assert definition.changes(FULL, off) == [
        "health-cmd test -f /tmp/up → NONE",
        *(f"health-{name} → 0{unit}" for name, unit in (("interval 3s", "s"), ("timeout 1s", "s"), ("retries 2", ""))),
        "health-start-period 5s → 0s",
    ]
    assert definition.to_create(parse(health_cmd="none")) == [("no-healthcheck", "true")]
    assert unchecked(["NONE"]) == definition.updated(PLAIN, told, gone)
    assert unchecked(["CMD-SHELL", "none"])["health-cmd"] == "none"


def test_a_health_check_is_switched_on_again() -> None:
    for text, shown in (("", "unset"), ("true", "true")):
        told, gone = definition.parse({"health-cmd": text}, "host")
        again = definition.updated(unchecked(["NONE"]), told, gone)
        assert definition.to_update(unchecked(["NONE"]), again) == [("health-cmd", text)]
        assert definition.changes(unchecked(["NONE"]), again) == [f"health-cmd NONE → {shown}"]


def test_what_nobody_stated_is_no_conflict() -> None:
    before = parse(publish=["target=80,mode=ingress"])
    assert definition.conflicts(before, ["env"], "dns") == []
