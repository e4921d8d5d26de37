from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from swarmops import composefile
from swarmops.errors import InputError, Problem
from swarmops.variables import dotenv, interpolate

PLAIN = Path("templates/docker-stack.yml")
VARIABLES = {"A": "a", "EMPTY": "", "N": "3", "YES": "yes", "BRACES": "{x}"}
FILES = {
    "templates/web.env": "COLOUR=red\nSIZE=1 # large\n",
    "templates/more.env": "SIZE=2\nGREETING='$A'\n",
    "templates/bad.env": "A=1\n\nno value\n",
}


def read(path: Path) -> str:
    if str(path) not in FILES:
        raise FileNotFoundError(2, "No such file or directory")
    return FILES[str(path)]


def load(text: str, template: Path = PLAIN, **said: Any) -> dict[str, Any]:
    return composefile.load(text, template, environment=VARIABLES, read=read, **said)


def service(definition: str, **said: Any) -> dict[str, Any]:
    """The service `web` of a file that has the definition below its image."""
    lines = "".join(f"    {line}\n" for line in definition.splitlines())
    return load(f"services:\n  web:\n    image: x\n{lines}", **said)["services"]["web"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("$A", "a"),
        ("${A}", "a"),
        ("-$A-${A}-", "-a-a-"),
        ("$Ab", ""),
        ("$$A", "$A"),
        ("$${A}", "${A}"),
        ("$$$A", "$a"),
        ("costs 5$", "costs 5$"),
        ("$1 $(pwd) $", "$1 $(pwd) $"),
        ("${NOT}", ""),
        ("${NOT:-x}", "x"),
        ("${NOT-x}", "x"),
        ("${NOT:-}", ""),
        ("${EMPTY:-x}", "x"),
        ("${EMPTY-x}", ""),
        ("${A:-x}${A-x}", "aa"),
        ("${NOT:-${A}}", "a"),
        ("${NOT:-${ALSO_NOT:-deep}}!", "deep!"),
        ('${NOT:-{"a": 1}}', '{"a": 1}'),
        ("${NOT:-a:-b}", "a:-b"),
        ("${NOT:-http://x/?y}", "http://x/?y"),
        ("${NOT:-two\nlines}", "two\nlines"),
        ("${A:+x}", "x"),
        ("${A:+<$A>}", "<a>"),
        ("${EMPTY:+x}", ""),
        ("${EMPTY+x}", "x"),
        ("${NOT+x}", ""),
        ("${A:?no}", "a"),
        ("${EMPTY?no}", ""),
        ("$BRACES", "{x}"),
        ("$É", "$É"),
    ],
)
def test_interpolation(text: str, value: str) -> None:
    assert interpolate(text, VARIABLES) == value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("${NOT:?give one}", "the variable NOT has to be set: give one"),
        ("${NOT?}", "the variable NOT has to be set"),
        ("${EMPTY:?for $A}", "the variable EMPTY has to be set: for a"),
        ("${", "does not end"),
        ("${A", "does not end"),
        ("${}", "is no variable; for a dollar sign write $$"),
        ("${A/b/c}", "is no variable"),
        ("${1}", "is no variable"),
        ("${NOT:-${}}", "is no variable"),
    ],
)
def test_what_cannot_be_interpolated(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=r"^.*$") as error:
        interpolate(text, VARIABLES)
    assert said in str(error.value)


# What compose-go's own tests of its dotenv reader say, in other words.
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {}),
        ("# nothing\n\n", {}),
        ("K=v", {"K": "v"}),
        ("K = v ", {"K": "v"}),
        ("K=", {"K": ""}),
        ("K=a b", {"K": "a b"}),
        ("K=v # why", {"K": "v"}),
        ("K=v#w", {"K": "v#w"}),
        ('K="v # w" # why', {"K": "v # w"}),
        ("export K=v", {"K": "v"}),
        ("K='a b'", {"K": "a b"}),
        ('K="a\nb"', {"K": "a\nb"}),
        (r'K="a\nb\tc\"d\\"', {"K": 'a\nb\tc"d\\'}),
        (r"K='a\nb'", {"K": r"a\nb"}),
        ("K=1\r\nL=2\r\n", {"K": "1", "L": "2"}),
        ("K=1\nK=2", {"K": "2"}),
        ("K=x\nL=$K${K}", {"K": "x", "L": "xx"}),
        ("L=${A}${NOT:-d}", {"L": "ad"}),
        ("L='${A}'", {"L": "${A}"}),
        ('L="${A}"', {"L": "a"}),
        ("A=mine\nL=$A", {"A": "mine", "L": "a"}),
        (r'L="\$A"', {"L": "$A"}),
        ("L=$$A", {"L": "$A"}),
        ("A\nNOT\n", {"A": "a"}),
        ("\ufeffK=v", {"K": "v"}),
        ("a.b-c=1", {"a.b-c": "1"}),
    ],
)
def test_dotenv(text: str, found: dict[str, str]) -> None:
    assert dotenv(text, VARIABLES) == found


def test_dotenv_without_an_environment() -> None:
    assert composefile.dotenv("K=${A:-x}\nA\n") == {"K": "x"}


def test_a_variable_of_a_dotenv_that_is_not_set_is_said_and_its_value_is_not() -> None:
    said: list[Problem] = []
    assert dotenv("PW=abc$def\nQ='abc$def'\n", {}, file="app.env", warn=said.append) == {"PW": "abc", "Q": "abc$def"}
    assert [str(problem).partition("; ")[0] for problem in said] == [
        "app.env:1: PW: warning: the variable def is not set and has no default: it is empty"
    ]
    with pytest.raises(InputError) as wrong:
        dotenv("PASSWORD hunter2\nPW=pa${ssword1\n", {})
    assert "hunter2" not in str(wrong.value)
    assert "ssword1" not in str(wrong.value)


def test_every_wrong_line_of_a_dotenv() -> None:
    with pytest.raises(InputError) as error:
        dotenv("K=1\n\n\nno value\nL='open\n\nM=${\n", file="app.env")
    assert str(error.value).splitlines() == [
        "3 problems",
        "  app.env:4: should be NAME=value",
        "  app.env:5: should be NAME=value",
        "  app.env:7: M: a $ that begins no variable; write $$, or put the value in single quotes",
    ]


def test_what_has_no_variables_stays_as_it_is() -> None:
    text = "version: '3.8'\nservices: {web: {image: x, ports: ['80:80'], mode: 0440, env: [a, 1, true, null, 1.5]}}\n"
    assert load(text) == yaml.safe_load(text)


@pytest.mark.parametrize(
    ("definition", "found"),
    [
        ("command: [echo, $A, $$A]", {"command": ["echo", "a", "$A"]}),
        ("labels: {$A: $A}", {"labels": {"$A": "a"}}),
        ("deploy: {replicas: $N}", {"deploy": {"replicas": 3}}),
        ("deploy: {replicas: '$N'}", {"deploy": {"replicas": 3}}),
        ("deploy: {replicas: '3'}", {"deploy": {"replicas": "3"}}),
        (
            "deploy: {update_config: {max_failure_ratio: '0.$N'}}",
            {"deploy": {"update_config": {"max_failure_ratio": 0.3}}},
        ),
        ("ports: [{target: '80$N', published: $N}]", {"ports": [{"target": 803, "published": 3}]}),
        ("ports: ['80$N:80']", {"ports": ["803:80"]}),
        ("healthcheck: {retries: $N, disable: $YES}", {"healthcheck": {"retries": 3, "disable": True}}),
        ("ulimits: {nofile: {soft: $N}, nproc: $N}", {"ulimits": {"nofile": {"soft": 3}, "nproc": 3}}),
        ("environment: {COUNT: $N, FLAG: $YES}", {"environment": {"COUNT": "3", "FLAG": "yes"}}),
        # To YAML 1.1 these are numbers of base 60.
        ("ports:\n  - 22:22\n  - 8080:80", {"ports": ["22:22", "8080:80"]}),
        (
            "environment: {A: true, B: trueish, C: False, D: false hope}",
            {"environment": {"A": True, "B": "trueish", "C": False, "D": "false hope"}},
        ),
        ("environment: {AT: 12:30, HOW: 1.5}", {"environment": {"AT": "12:30", "HOW": 1.5}}),
    ],
)
def test_values_of_a_service(definition: str, found: dict[str, Any]) -> None:
    assert service(definition) == {"image": "x"} | found


def test_booleans_at_the_top() -> None:
    file = load("services: {web: {image: x}}\nnetworks: {n: {external: $YES, attachable: '${NOT:-off}'}}")
    assert file["networks"]["n"] == {"external": True, "attachable": False}


@pytest.mark.parametrize(
    ("definition", "environment"),
    [
        ("environment: [C=1, B=x=y]", ["C=1", "B=x=y"]),
        ("environment: {C: 1}", {"C": 1}),
        ("environment: [A, NOT, C=1]", {"A": "a", "C": "1"}),
        ("environment: {A: , NOT: , C: 1}", {"A": "a", "C": 1}),
        ("env_file: web.env", {"COLOUR": "red", "SIZE": "1"}),
        ("env_file: [web.env, more.env]", {"COLOUR": "red", "SIZE": "2", "GREETING": "$A"}),
        ("env_file: [more.env, web.env]", {"COLOUR": "red", "SIZE": "1", "GREETING": "$A"}),
        ("env_file: web.env\nenvironment: {SIZE: 5}", {"COLOUR": "red", "SIZE": 5}),
        ("env_file: web.env\nenvironment: [SIZE=5, A]", {"COLOUR": "red", "SIZE": "5", "A": "a"}),
        ("env_file: web.env\nenvironment: {COLOUR: }", {"SIZE": "1"}),
        ("env_file: [{path: web.env}, {path: none.env, required: false}]", {"COLOUR": "red", "SIZE": "1"}),
        ("env_file: ${NOT:-web}.env", {"COLOUR": "red", "SIZE": "1"}),
        ("env_file: []", {}),
    ],
)
def test_environment(definition: str, environment: Any) -> None:
    assert service(definition) == {"image": "x", "environment": environment}


def test_anchors_merge_keys_and_extensions() -> None:
    file = load(
        """
x-common: &common
  image: "web:${NOT:-1.0}"
  environment: &variables {LEVEL: $A}
services:
  one: {<<: *common, command: run}
  two:
    <<: *common
    environment: {<<: *variables, EXTRA: "1"}
    x-note: ${A}
"""
    )
    assert file["services"] == {
        "one": {"image": "web:1.0", "environment": {"LEVEL": "a"}, "command": "run"},
        "two": {"image": "web:1.0", "environment": {"LEVEL": "a", "EXTRA": "1"}, "x-note": "${A}"},
    }
    assert "&id" not in yaml.safe_dump(file["services"]), "services share nothing that a change of one would change"


def test_extensions_are_left_as_they_are_wherever_they_stand() -> None:
    left = "x-command: 'echo $A ${NOT'"
    file = load(
        f"x-own: {{a: [$A, '${{']}}\nservices:\n  x-web: {{image: $A, deploy: {{x-own: [$A]}}, labels: {{x-at: $A}}}}\n"
        f"secrets: {{key: {{{left}}}, x-key: {{{left}, file: $A}}, labels: {{{left}}}}}\n"
    )
    command = {"x-command": "echo $A ${NOT"}
    assert file == {
        "x-own": {"a": ["$A", "${"]},
        "services": {"x-web": {"image": "a", "deploy": {"x-own": ["$A"]}, "labels": {"x-at": "a"}}},
        "secrets": {"key": command, "x-key": {**command, "file": "a"}, "labels": command},
    }


def test_a_variable_that_is_not_set_is_said_once_for_each_place() -> None:
    said: list[Problem] = []
    made = service("command: $NOT ${NOT:-x} ${EMPTY}\nuser: ${ALSO_NOT}", warn=said.append)
    assert (made["command"], made["user"]) == (" x ", "")
    text = "warning: the variable {} is not set and has no default: it is empty"
    assert [str(problem) for problem in said] == [
        f"docker-stack.yml:4: services.web.command: {text.format('NOT')}",
        f"docker-stack.yml:5: services.web.user: {text.format('ALSO_NOT')}",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("services: {a: [}\n", ":1: not YAML: "),
        ("a: 1\n\tb: 2\n", ":2: not YAML: "),
        ("- a", ": renders to no stack file"),
        ("services: {}", "there is no mapping `services`"),
        ("services:\n  web: {image: x}\n  api: {}\n", ":3: services.api: an image is missing"),
        ("services:\n  web: {image: x}\n  web: {image: y}\n", ":3: services.web: stated twice, first in line 2"),
        ("services:\n  web:\n    image: x\n    deploy: 3\n", ":4: services.web.deploy: not a mapping"),
        ("services: {web: {image: x}}\nvolumes: [a]\n", ":2: volumes: not a mapping"),
        ("services:\n  web:\n    image: x\n    environment: A=1\n", ":4: services.web.environment: neither a mapping"),
        ("services:\n  web:\n    image: x\n    depends_on: db\n", ":4: services.web.depends_on: neither a mapping"),
        ("services: {web: {image: x, depends_on: {db: healthy}}}", "services.web.depends_on.db: not a mapping"),
        ("services:\n  web:\n    image: ${NOT:?no}\n", ":3: services.web.image: the variable NOT has to be set: no"),
        ("services: {web: {image: $NOT}}", "services.web: an image is missing"),
        ("services: {web: {image: x, deploy: {replicas: $A}}}", 'deploy.replicas: "a" should be a number'),
        ("services: {web: {image: x, tty: $A}}", "services.web.tty: a should be true or false"),
        ("services:\n  web:\n    image: x\n    env_file: no.env\n", ":4: services.web.env_file: no.env: No such file"),
        (
            "services:\n  web:\n    image: x\n    env_file:\n    - web.env\n    - no.env\n",
            ":6: services.web.env_file[1]: ",
        ),
        ("services: {web: {image: x, env_file: bad.env}}", "env_file: bad.env:3: should be NAME=value"),
        ("services: {web: {image: x, env_file: [3]}}", "should be a path, or a list of paths"),
        ("services: {web: {image: x, env_file: [{required: true}]}}", "should be a path, or a list of paths"),
        ("services: {web: {image: x, env_file: [null]}}", "should be a path, or a list of paths"),
        ("services: {web: {image: 3}}", "services.web: an image is missing"),
        ("services:\n  1: {image: x}\n", ":1: services: 1 should be a name, in quotes if need be"),
        ("services: {web: {image: x, depends_on: [true]}}", "services.web.depends_on: True should be a name"),
        ("services: {web: {image: x}}\nnetworks: {net: external}", ":2: networks.net: not a mapping"),
        ("services: {web: &w {image: x, labels: [*w]}}", "an alias refers to what it is a part of"),
        ("x-a: &a {b: [*a]}\nservices: {web: {image: x}}", "an alias refers to what it is a part of"),
        ("services: {web: {image: x, environment: [A: b, C=d]}}", "services.web.environment[0]: should be NAME=value"),
        ("services: {web: {image: x, environment: [null]}}", "services.web.environment[0]: should be NAME=value"),
        ("services: {web: {image: x, env_file: [{path: a, format: raw}]}}", "services.web.env_file: should be a path"),
    ],
)
def test_what_is_wrong_with_a_plain_file(text: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        load(text)
    assert f"docker-stack.yml{said}" in str(error.value) if said[0] == ":" else said in str(error.value)
    assert error.value.code == 2


def test_all_that_is_wrong_at_once() -> None:
    with pytest.raises(InputError) as error:
        load("services:\n  web: {image: '${NOT:?a}'}\n  api: {image: x, deploy: 1}\n  db: {image: '${'}\n")
    assert [line.strip().partition(": ")[0] for line in str(error.value).splitlines()] == [
        "3 problems",
        "docker-stack.yml:2",
        "docker-stack.yml:3",
        "docker-stack.yml:4",
    ]


def test_a_jinja_template_has_no_lines_of_its_own() -> None:
    with pytest.raises(InputError) as error:
        load("services:\n  web: {}\n", Path("templates/web.yml.j2"))
    assert str(error.value) == "web.yml.j2: services.web: an image is missing"
