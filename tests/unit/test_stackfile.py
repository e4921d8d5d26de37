from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from samples import service

from swarmops import stackdiff, stackfile
from swarmops.errors import InputError
from swarmops.facts import Service
from swarmops.stackfile import SPEC_LABEL, Stack

TEMPLATE = Path("templates/stacks/web.yml.j2")
DIGEST = "sha256:" + "a" * 64
FILES = {Path("templates/stacks/nginx.conf.j2"): "worker_processes 1;\n"}
TEXT = """\
services:
  api: {image: "registry:5000/api:1.0", networks: [net], deploy: {replicas: 3}}
  proxy:
    image: registry:5000/nginx:1.26
    networks: {net: {aliases: [front]}}
    configs: [{source: conf, target: /etc/nginx/nginx.conf}]
    volumes: ["data:/data", {type: bind, source: /srv, target: /srv}]
configs:
  conf: {file: nginx.conf.j2}
  theirs: {external: true}
networks:
  net: {external: true}
volumes:
  data: {}
"""


def parse(text: str = TEXT, name: str = "web", files: dict[Path, str] = FILES) -> Stack:
    return stackfile.parse(name, text, TEMPLATE, files.__getitem__)


def pinned(text: str = TEXT, digest: str = DIGEST, files: dict[Path, str] = FILES) -> Stack:
    return stackfile.pinned(parse(text, files=files), lambda _: digest)


def hashes(stack: Stack) -> dict[str, str]:
    return {short: made["deploy"]["labels"][SPEC_LABEL] for short, made in stack.services.items()}


def as_deployed(stack: Stack, **changed: dict[str, Any]) -> list[Service]:
    """The services that the swarm has after a deploy; `changed` says by short name what was done to them since."""
    running = []
    for short, made in stack.services.items():
        deploy = made["deploy"]
        said = {"replicas": deploy.get("replicas", 1), "image": made["image"], "labels": deploy["labels"]}
        said |= changed.get(short, {})
        mode = {"Global": {}} if deploy.get("mode") == "global" else said["replicas"]
        template = {"ContainerSpec": {"Image": said["image"]}}
        running.append(service(mode, template=template, Name=stack.full_name(short), Labels=said["labels"]))
    return running


def test_the_networks_of_a_stack_by_their_names_in_the_swarm() -> None:
    stated = {
        "localnet": {"external": True},
        "other": {"external": True, "name": "others"},
        "former": {"external": {"name": "edge"}},
        "own": None,
        "called": {"name": "ours"},
    }
    assert Stack("in", {"networks": stated}).networks == {"localnet", "others", "edge", "in_own", "ours"}
    assert Stack("in", {}).networks == {"in_default"}


def test_configs_are_named_by_content() -> None:
    stack = parse()
    (name,) = stack.configs
    content = FILES[Path("templates/stacks/nginx.conf.j2")]
    assert name == f"web_conf_{hashlib.sha256(content.encode()).hexdigest()[:12]}"
    assert stack.configs[name] == content
    assert stack.file["configs"] == {"conf": {"external": True, "name": name}, "theirs": {"external": True}}
    assert stack.files == {"web.yml": stack.text, f"web/{name}": content}
    assert yaml.safe_load(stack.text) == stack.file


def test_what_is_not_used_of_a_config_is_said() -> None:
    stack = parse("services: {web: {image: a}}\nconfigs: {a: {content: x, name: mine, labels: {b: c}}}\n")
    assert [str(warning).partition(": ")[2] for warning in stack.warnings] == [
        "configs.a.labels: not used: those that it gets are swarmops' own",
        "configs.a.name: not used: its content gives it one",
    ]


def test_a_config_of_the_same_content_keeps_its_name() -> None:
    other = {path: text + "# changed\n" for path, text in FILES.items()}
    assert parse().configs.keys() == parse().configs.keys()
    assert parse().configs.keys() != parse(files=other).configs.keys()


@pytest.mark.parametrize("length", [1, 45, 46, 47, 57])
def test_a_config_name_is_never_too_long(length: int) -> None:
    (name,) = parse(name="w" * length).configs
    assert len(name) == min(length + len("_conf_") + 12, 64)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("services: [", "web.yml.j2: line 2 of what it renders to: "),
        ("a: 1\n\tb: 2\n", "web.yml.j2: line 2 of what it renders to: "),
        ("\x00", "web.yml.j2: "),
        ("", "renders to no stack file"),
        ("- a", "renders to no stack file"),
        ("hello", "renders to no stack file"),
        ("networks: {}", "there is no mapping `services`"),
        ("services: [api]", "there is no mapping `services`"),
        ("services: {}", "there is no mapping `services`"),
        ("services: {api: }", "services.api: an image is missing"),
        ("services: {api: {image: ''}}", "services.api: an image is missing"),
        ("services: {api: {}, web: {image: x}, db: []}", "2 problems\n  web.yml.j2: services.api: an image is missing"),
        ("services: {api: {image: x, deploy: 3}}", "services.api.deploy: not a mapping"),
        ("services: {api: {image: x}}\nconfigs: [a]", "configs: not a mapping"),
        ("services: {api: {image: x}}\nnetworks: 1", "networks: not a mapping"),
    ],
)
def test_what_is_no_stack_file(text: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        parse(text)
    assert said in str(error.value)
    assert error.value.code == 2


def test_images_are_pinned_once() -> None:
    there = f"registry:5000/db:1@sha256:{'c' * 64}"
    asked: list[str] = []

    def digest(image: str) -> str:
        asked.append(image)
        return DIGEST

    before = parse(f"services: {{api: {{image: 'registry:5000/api:1.0'}}, db: {{image: '{there}'}}}}")
    after = stackfile.pinned(before, digest)
    assert [made["image"] for made in after.services.values()] == [f"registry:5000/api:1.0@{DIGEST}", there]
    assert asked == ["registry:5000/api:1.0"]
    assert before.services["api"] == {"image": "registry:5000/api:1.0"}  # what was rendered stays as it was


@pytest.mark.parametrize(
    ("stated", "written"),
    [
        ("docker.io/library/nginx:1.27", "nginx:1.27"),
        ("index.docker.io/me/web:1", "me/web:1"),
        ("library/nginx:1", "nginx:1"),
        (f"docker.io/me/web:1@{DIGEST}", f"me/web:1@{DIGEST}"),
        ("registry:5000/library/nginx:1", "registry:5000/library/nginx:1"),
    ],
)
def test_images_are_called_as_docker_will_call_them(stated: str, written: str) -> None:
    """Otherwise what runs would be another image than the file's."""
    after = stackfile.pinned(parse(f"services: {{api: {{image: '{stated}'}}}}"), lambda _: DIGEST)
    assert after.services["api"]["image"] == (written if "@" in written else f"{written}@{DIGEST}")


@pytest.mark.parametrize(
    "deploy",
    ["{labels: {a: '1', b: x=y}}", "{labels: [a=1, b=x=y]}", "{labels: ['b=x=y', a=1]}"],
)
def test_labels_may_be_a_list(deploy: str) -> None:
    made = pinned(f"services: {{api: {{image: x, deploy: {deploy}}}}}").services["api"]
    labels = dict(made["deploy"]["labels"])
    mark = labels.pop(SPEC_LABEL)
    assert labels == {"a": "1", "b": "x=y"}
    assert mark == hashes(pinned("services: {api: {image: x, deploy: {labels: {a: '1', b: x=y}}}}"))["api"]


def test_services_may_share_a_mapping() -> None:
    shared = "services: {a: {image: x, deploy: &d {labels: {k: v}}}, b: {image: y, deploy: *d}}"
    spelt_out = "services: {a: {image: x, deploy: {labels: {k: v}}}, b: {image: y, deploy: {labels: {k: v}}}}"
    assert hashes(pinned(shared)) == hashes(pinned(spelt_out))


@pytest.mark.parametrize("deploy", ["", "{}", "{labels: }", "{labels: []}"])
def test_a_deploy_without_anything(deploy: str) -> None:
    assert hashes(pinned(f"services:\n  api:\n    image: x\n    deploy: {deploy}\n"))["api"]


def test_the_mark_is_stable() -> None:
    shuffled = yaml.safe_dump(dict(reversed(yaml.safe_load(TEXT).items())), sort_keys=True)
    assert hashes(pinned()) == hashes(pinned()) == hashes(pinned(shuffled)) == hashes(pinned("version: '3.8'\n" + TEXT))


@pytest.mark.parametrize(
    ("old", "new", "touched"),
    [
        ("replicas: 3", "replicas: 4", {"api"}),
        ("api:1.0", "api:1.1", {"api"}),
        ("networks: [net]", "networks: [net], environment: {A: b}", {"api"}),
        ("net: {external: true}", "net: {external: true, name: other}", {"api", "proxy"}),
        ("data: {}", "data: {driver: local}", {"proxy"}),
        ("theirs: {external: true}", "theirs: {external: true, name: other}", set()),
    ],
)
def test_the_mark_changes_with_what_the_service_is_made_from(old: str, new: str, touched: set[str]) -> None:
    before, after = hashes(pinned()), hashes(pinned(TEXT.replace(old, new)))
    assert {short for short in before if before[short] != after[short]} == touched


def test_the_mark_changes_with_a_config_for_those_who_read_it() -> None:
    other = {path: text + "# changed\n" for path, text in FILES.items()}
    before, after = hashes(pinned()), hashes(pinned(files=other))
    assert {short for short in before if before[short] != after[short]} == {"proxy"}


def test_the_default_network_belongs_to_who_names_none() -> None:
    text = "services: {a: {image: x}, b: {image: x, networks: [net]}}\nnetworks: {net: {}, default: {name: %s}}"
    before, after = hashes(pinned(text % "one")), hashes(pinned(text % "two"))
    assert {short for short in before if before[short] != after[short]} == {"a"}


@pytest.mark.parametrize(
    "network", ["{}", "{driver: overlay}", "{driver_opts: {encrypted: ''}, labels: [a=b]}", "{attachable: true}"]
)
def test_the_mark_does_not_change_with_what_swarm_keeps_of_a_network(network: str) -> None:
    text = "services: {a: {image: x}}\nnetworks:\n  default: "
    assert hashes(pinned(text + network)) == hashes(pinned(text))


@pytest.mark.parametrize(
    ("changed", "reasons"),
    [
        ({}, {}),
        ({"api": {"replicas": 6}}, {"api": "replicas 6 → 3"}),
        (
            {"api": {"image": "registry:5000/api:0.9@sha256:" + "b" * 64}},
            {"api": "image registry:5000/api:0.9@bbbbbbbb → registry:5000/api:1.0@aaaaaaaa"},
        ),
        ({"api": {"image": "api"}}, {"api": "image api → registry:5000/api:1.0@aaaaaaaa"}),
        ({"proxy": {"labels": {SPEC_LABEL: "0"}}}, {"proxy": "definition changed"}),
        ({"proxy": {"labels": None}}, {"proxy": "definition changed"}),
        ({"api": {"replicas": 1}, "proxy": {"replicas": 0}}, {"api": "replicas 1 → 3", "proxy": "replicas 0 → 1"}),
        ({"api": {"replicas": 0, "labels": {SPEC_LABEL: "0"}}}, {"api": "definition changed, replicas 0 → 3"}),
        (
            {"api": {"image": "api", "replicas": 0, "labels": {SPEC_LABEL: "0"}}},
            {"api": "image api → registry:5000/api:1.0@aaaaaaaa, replicas 0 → 3"},
        ),
    ],
)
def test_differences(changed: dict[str, Any], reasons: dict[str, str]) -> None:
    stack = pinned()
    assert stackdiff.differences(stack, as_deployed(stack, **changed)) == reasons


@pytest.mark.parametrize(
    ("before", "scaled", "reason"),
    [
        ("replicas: 6", 6, "replicas 6 → 3"),
        ("replicas: 6", 4, "replicas 4 → 3"),
        ("replicas: 6", 3, "definition changed"),
        ("replicas: 1", 1, "replicas 1 → 3"),
        ("", 1, "replicas 1 → 3"),
        ("", 4, "replicas 4 → 3"),
        ("replicas: 6, endpoint_mode: dnsrr", 6, "definition changed, replicas 6 → 3"),
    ],
)
def test_another_number_in_the_file_is_no_other_definition(before: str, scaled: int, reason: str) -> None:
    old = pinned(TEXT.replace("replicas: 3", before))
    recorded = {one.name: one.spec for one in as_deployed(old)}
    there = as_deployed(old, api={"replicas": scaled})
    assert stackdiff.differences(pinned(), there, recorded) == {"api": reason}


def test_what_the_swarm_has_not_is_new() -> None:
    stack = pinned()
    assert stackdiff.differences(stack, []) == {"api": "new", "proxy": "new"}
    assert stackdiff.differences(stack, as_deployed(stack)[1:]) == {"api": "new"}


def test_a_global_service_has_no_replicas_to_differ_in() -> None:
    stack = pinned("services: {api: {image: x, deploy: {mode: global}}}")
    assert stackdiff.differences(stack, as_deployed(stack)) == {}


def test_leftovers() -> None:
    stack = pinned()
    old = service(Name="web_old")
    assert stackdiff.leftovers(stack, [*as_deployed(stack), old]) == [old]
    assert stackdiff.leftovers(stack, as_deployed(stack)) == []


def test_only_some_services() -> None:
    stack = pinned()
    file = yaml.safe_load(stackfile.only(stack, ["proxy"]))
    assert file == {**stack.file, "services": {"proxy": stack.services["proxy"]}}
    assert list(stack.services) == ["api", "proxy"]


def test_empty_variables() -> None:
    text = """
services:
  a: {image: x, environment: {HOME: "", ZERO: 0, NO: false, "B=C": "", "": "", UNSET: , GIVEN: "${NOTHING}"}}
  b: {image: x, environment: [PATH=, X=1]}
  c: {image: x}
"""
    stack = parse(text)
    assert [stackfile.empty(stack, [short]) for short in "abc"] == [{"HOME", "GIVEN"}, {"PATH"}, set()]
    assert stackfile.empty(stack, stack.services) == {"HOME", "GIVEN", "PATH"}


ORDERED = """\
services:
  web: {image: a, depends_on: {api: {condition: service_healthy}, setup: {condition: service_completed_successfully}}}
  setup: {image: a, depends_on: [api]}
  api: {image: a}
  alone: {image: a}
"""


@pytest.mark.parametrize(
    ("chosen", "waves"),
    [
        (["web", "setup", "api", "alone"], [["api", "alone"], ["setup"], ["web"]]),
        (["web", "api"], [["api"], ["web"]]),
        (["web"], [["web"]]),
        ([], []),
    ],
)
def test_waves(chosen: list[str], waves: list[list[str]]) -> None:
    found = stackfile.waves(parse(ORDERED), chosen)
    assert [sorted(wave) for wave in found] == [sorted(wave) for wave in waves]


def test_depends_on_is_not_sent() -> None:
    stack = parse(ORDERED)
    assert "depends_on" not in stack.text
    assert stack.order["web"] == {"api": "service_healthy", "setup": "service_completed_successfully"}
    assert stack.order["setup"] == {"api": "service_started"}


def test_all_that_is_wrong_is_said_at_once_and_at_its_line() -> None:
    text = """\
services:
  web:
    image: a
    env_file: none.env
    depends_on:
      api: {condition: healthy}
    deploy:
      labels: 3
  api: {image: a, depends_on: [web]}
configs:
  conf: {file: }
secrets:
  key: {name: k}
"""
    lines = {
        4: "services.web.env_file: none.env: No such file or directory",
        5: "services.web.depends_on: each waits for the next: web → api → web",
        6: "services.web.depends_on.api: healthy should be one of service_started, service_healthy, ",
        8: "services.web.deploy.labels: should be name: value, or a list of name=value",
        11: "configs.conf.file: should be a path",
        13: "secrets.key: should say one of file, environment, x-command, x-generate, or external: true",
    }

    def absent(_: Path) -> str:
        raise FileNotFoundError(2, "No such file or directory")

    with pytest.raises(InputError) as error:
        stackfile.parse("web", text, Path("templates/docker-stack.yml"), absent)
    first, *said = str(error.value).splitlines()
    assert first == "6 problems"
    for line, (number, text) in zip(said, lines.items(), strict=True):
        assert line.startswith(f"  docker-stack.yml:{number}: {text}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("  web: {image: a, depends_on: [apy]}\n  api: {image: a}\n", "there is no service apy, did you mean api?"),
        ("  web: {image: a, depends_on: {web2: {condition: x}}}\n  web2: {image: a}\n", "x should be one of"),
        ("  a: {image: a, depends_on: [b]}\n  b: {image: a, depends_on: [a]}\n", "each waits for the next"),
    ],
)
def test_an_order_that_cannot_be(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said.replace("?", r"\?")):
        parse(f"services:\n{text}")


def test_a_dollar_is_doubled_for_docker() -> None:
    stack = parse("services:\n  web: {image: a, command: [echo, $$HOME]}\n")
    assert stack.services["web"]["command"] == ["echo", "$HOME"]
    assert "$$HOME" in stack.text


SECRET = """\
services:
  web: {image: a, secrets: [key, theirs]}
secrets:
  key: {file: key.txt}
  theirs: {external: true}
"""


def test_secrets_get_the_names_of_the_swarm() -> None:
    stack = parse(SECRET)
    assert stack.secrets == {"key": {"file": "key.txt"}}
    first, second = (stackfile.pinned(stack, lambda _: DIGEST, {"key": name}) for name in ("web_key_1", "web_key_2"))
    assert first.file["secrets"]["key"] == {"external": True, "name": "web_key_1"}
    assert hashes(first) != hashes(second), "another value is another version of the service"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("configs: {a: {file: }}", "configs.a.file: should be a path"),
        ("configs: {a: {content: 8080}}", "configs.a.content: should be text, in quotes if need be"),
        (
            "configs: {a: {content: x, template_driver: golang}}",
            "configs.a.template_driver: leave it out; a config is rendered by Jinja, and by nothing else",
        ),
        ("x-labels: &l [1, 2]", "services.web.deploy.labels: should be name: value, or a list of name=value"),
    ],
)
def test_odd_shapes(text: str, said: str) -> None:
    labels = "*l" if "&l" in text else "[a=b]"
    with pytest.raises(InputError, match=re.escape(said)):
        parse(f"{text}\nservices:\n  web: {{image: a, deploy: {{labels: {labels}}}}}\n")


def test_a_number_as_a_key_is_no_matter_for_the_hash() -> None:
    assert hashes(pinned("services:\n  web: {image: a, x-odd: {3: x, b: y}}\n"))["web"]


# What one reader of YAML or another takes for a number, a date, yes, no or nothing.
TEXTS = (
    "85e10", "1e3", "0o17", "0x1f", "017", "1_000", "1:30", "22:22", "3.8", ".5", "+1", "-1", ".inf", "-.INF", ".NaN",
    "y", "Y", "n", "N", "yes", "No", "on", "OFF", "true", "False", "null", "~", "", "2025-06-01",
    "2024-01-01T10:00:00Z",
)  # fmt: skip


def test_texts_are_written_so_that_every_reader_takes_them_for_texts() -> None:
    stated = "".join(f"      {json.dumps(text)}: {json.dumps(text)}\n" for text in TEXTS)
    stack = parse(f"services:\n  web:\n    image: x\n    environment:\n{stated}")
    assert stack.services["web"]["environment"] == {text: text for text in TEXTS}
    lines = stack.text.partition("environment:\n")[2].splitlines()
    assert lines == [f"      '{text}': '{text}'" for text in TEXTS]


def test_what_needs_no_quotes_has_none() -> None:
    stack = parse("services: {web: {image: 'nginx:1.26', stop_grace_period: '30s', environment: {A: 'none of it'}}}")
    assert "'" not in stack.text


def test_values_without_quotes_are_what_docker_takes_them_for() -> None:
    text = """
x-changed: 2025-06-01
services:
  web:
    image: x
    tty: yes
    read_only: "off"
    environment: {NO: norway, V: yes, W: on, T: true, D: 2024-01-01, M: 2024-01-01T10:00:00Z, N: 5, F: 1.5, Z: null}
    labels: {released: 2025-06-01}
    configs: [{source: c, mode: 0440}]
configs: {c: {external: true}}
"""
    file = parse(text).file
    web = file["services"]["web"]
    assert (web["tty"], web["read_only"], web["labels"]["released"], file["x-changed"]) == (
        True, False, "2025-06-01", "2025-06-01",
    )  # fmt: skip
    assert web["environment"] == {
        "NO": "norway", "V": "yes", "W": "on", "T": True, "D": "2024-01-01", "M": "2024-01-01T10:00:00Z", "N": 5,
        "F": 1.5,
    }  # fmt: skip
    assert web["configs"][0]["mode"] == 0o440
    assert json.loads(json.dumps(file)) == file, "a record holds it"


# As docker/cli 28.2.2 reads them. 1e400 is beyond its numbers; the hash of a commit may look so.
NUMBERS = {
    "0o440": 288, "0O17": 15, "-0o17": -15, "+0o1_7": 15, "0440": 288, "1e3": 1000.0, "1E+3": 1000.0, "-1e-3": -0.001,
    "+.5e3": 500.0, "1.e3": 1000.0, "1_0.5e3": 10500.0, "1e400": "1e400", "12e3f": "12e3f", "0o8": "0o8", "e3": "e3",
    "1e": "1e", ".e3": ".e3", "'0o440'": "0o440", '"1e3"': "1e3", "!!str 1e3": "1e3",
}  # fmt: skip


@pytest.mark.parametrize(("written", "value"), NUMBERS.items())
def test_numbers_are_those_that_docker_takes_for_numbers(written: str, value: Any) -> None:
    stack = parse(f"services: {{web: {{image: x, environment: {{A: {written}}}}}}}")
    found = stack.services["web"]["environment"]["A"]
    assert (found, type(found)) == (value, type(value))
    again = yaml.safe_load(stack.text)["services"]["web"]["environment"]["A"]
    assert (again, type(again)) == (value, type(value))


def test_what_a_record_cannot_hold_is_refused() -> None:
    with pytest.raises(InputError, match=r"labels\.a: should be a text, a number, true or false"):
        parse("services: {web: {image: x, labels: {a: !!binary aGVsbG8=}}}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("services: {web: {image: x}}\nconfigs: {c: {}}", "configs.c: should say file, content or external: true"),
        ("services: {web: {image: x}}\nconfigs: {c: }", "configs.c: should say file, content or external: true"),
        ("services: {web: {image: x}}\nsecrets: {s: {name: t}}", "secrets.s: should say one of file, environment, x-"),
        ("services: {web: {image: x}}\nconfigs: {c: {file: empty}}", "configs.c: is empty, which swarm refuses"),
        (f"services: {{{'a' * 60}: {{image: x}}}}", f"swarm would call it web_{'a' * 60}, and takes letters"),
        ("services: {my.web: {image: x}}", "swarm would call it web_my.web, and takes letters"),
        ("services: {web: {image: x, networks: 5}}", "services.web.networks: neither a mapping nor a list"),
        ("services: {web: {image: x, configs: true}}", "services.web.configs: not a list"),
        ("services: {web: {image: x, volumes: {a: b}}}", "services.web.volumes: not a list"),
    ],
)
def test_what_docker_or_swarm_would_refuse_in_the_middle_of_a_deploy(text: str, said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)):
        parse(text, files={TEMPLATE.with_name("empty"): ""})


def test_a_long_name_is_refused_at_once() -> None:
    """A pattern with two ways to read each letter would take hours."""
    with pytest.raises(InputError, match=r"takes letters, digits, - and _, 63 at most"):
        parse(f"services: {{{'a' * 58}.: {{image: x}}}}")
