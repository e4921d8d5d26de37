"""A template that cannot be rendered says where and why."""

from __future__ import annotations

import errno
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from swarmops.errors import InputError, SwarmopsError
from swarmops.inventory import load
from swarmops.render import differs, render, stack_context, write

ROOT = Path(__file__).parents[2]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "templates/stacks").mkdir(parents=True)
    return tmp_path / "templates"


def rendered(root: Path, text: str, **context: Any) -> str:
    template = root / "stacks/web.yml.j2"
    template.write_text(text)
    return render(template, root, context)


def test_blocks_leave_no_trace(root: Path) -> None:
    text = "a:\n  {% for n in range(2) %}\n  - {{ n }}\n  {% endfor %}\n# <&>\n"
    assert rendered(root, text) == "a:\n  - 0\n  - 1\n# <&>\n"


@pytest.mark.parametrize(
    "text",
    ["a: 1\n\n", 'host: "{{.Node.Hostname}}-{{ .Task.Slot }}"\n', 'a: "{{- .Service.Name -}}"\n', "a: ${B:-{}} # }}\n"],
)
def test_what_has_no_jinja_is_taken_as_it_is(root: Path, text: str) -> None:
    assert rendered(root, text) == text


@pytest.mark.parametrize("text", ["a\r\nb\r\n", "a\rb\n\r", "a\n", "ä{{.Node.ID}}\r\n", "\ufeffa", ""])
def test_what_has_no_jinja_keeps_the_ends_of_its_lines(root: Path, text: str) -> None:
    (root / "plain").write_bytes(text.encode())
    assert render(root / "plain", root, {}) == text


def test_where_there_is_jinja_what_is_for_docker_is_marked(root: Path) -> None:
    text = "{% raw %}{{.Node.Hostname}}{% endraw %} {{ a }}"
    assert rendered(root, text, a=1) == "{{.Node.Hostname}} 1"
    with pytest.raises(InputError):
        rendered(root, "{{.Node.Hostname}} {{ a }}", a=1)


def test_what_is_no_text(root: Path) -> None:
    (root / "bin").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match=r"^templates/bin: not UTF-8 text$"):
        render(root / "bin", root, {})
    with pytest.raises(InputError, match=r"^templates/stacks/web\.yml\.j2:2: not UTF-8 text$"):
        rendered(root, "a: 1\n{% include 'bin' %}\n")


def fails() -> str:
    raise InputError("ech: no such image")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a\n\n{{ replicsa }}", "templates/stacks/web.yml.j2:3: 'replicsa' is undefined, did you mean replicas?"),
        ("{{ unheard }}", "templates/stacks/web.yml.j2:1: 'unheard' is undefined"),
        ("\n{{ registry.prt }}", "templates/stacks/web.yml.j2:2: 'dict object' has no attribute 'prt'"),
        ("{% if other %}{% endif %}", "templates/stacks/web.yml.j2:1: 'other' is undefined"),
        ("a\n{% for %}", "templates/stacks/web.yml.j2:2: "),
        ("{{ a | shout }}", "templates/stacks/web.yml.j2:1: No filter named 'shout'."),
        ("a\n{{ replicas + 'x' }}", "templates/stacks/web.yml.j2:2: TypeError: "),
        ("{{ 1 / 0 }}", "templates/stacks/web.yml.j2:1: ZeroDivisionError: division by zero"),
        (
            "\n{{ [1] | dictsort }}",
            "templates/stacks/web.yml.j2:2: AttributeError: 'list' object has no attribute 'items'",
        ),
        ("a\n{% include 'stacks/web.yml.j2' %}", "templates/stacks/web.yml.j2:2: RecursionError: "),
        ("{% macro m() %}\n{{ m() }}{% endmacro %}\n{{ m() }}", "templates/stacks/web.yml.j2:2: RecursionError: "),
        ("\n{{ fails() }}", "templates/stacks/web.yml.j2:2: ech: no such image"),
        (
            "a\n{% include 'stacks/wbe.j2' %}",
            "templates/stacks/web.yml.j2:2: templates/stacks/wbe.j2: there is no such template",
        ),
        ("{% include 'stacks/part.j2' %}", "templates/stacks/part.j2:2: 'nobody' is undefined"),
    ],
)
def test_an_error_names_template_and_line(root: Path, text: str, said: str) -> None:
    (root / "stacks/part.j2").write_text("a\n{{ nobody }}\n")
    with pytest.raises(InputError) as caught:
        rendered(root, text, replicas=3, registry={"port": 5000}, fails=fails)
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "stacks/web.yaml.j2",
            "templates/stacks/web.yaml.j2: there is no such template, did you mean stacks/web.yml.j2?",
        ),
        ("other", "templates/other: there is no such template; there are stacks/web.yml.j2"),
        ("../outside", "templates/../outside: there is no such template; there are stacks/web.yml.j2"),
    ],
)
def test_a_template_that_is_not_there(root: Path, name: str, said: str) -> None:
    (root / "stacks/web.yml.j2").touch()
    (root.parent / "outside").touch()
    with pytest.raises(InputError) as caught:
        render(root / name, root, {})
    assert str(caught.value) == said


def test_a_template_sees_what_it_would_see_in_ansible(root: Path) -> None:
    inventory = load(ROOT / "inventory.yaml")
    context = stack_context(inventory, "echo", "dns", "registry:5000/{}:1.0".format, [])
    text = (
        "{{ inventory_hostname }} {{ groups.workers | join(',') }} {{ hostvars.manager.ports[0] }}\n"
        "{{ cluster }} {{ subnet }} {{ registry.port }} {{ networks.localnet.driver }}\n"
        "{{ stack }} {{ routing }} {{ image('echo') }} {{ api_replicas }}\n"
    )
    assert rendered(root, text, **context).splitlines() == [
        "manager worker01,worker02,worker03 8000:80",
        "lab 10.89.0.0/24 5000 overlay",
        "echo dns registry:5000/echo:1.0 3",
    ]


def test_a_file_is_written_when_it_differs(tmp_path: Path) -> None:
    path = tmp_path / "stack/lab/echo.yml"
    assert write(path, "one")
    before = path.stat()
    assert not write(path, "one")
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert write(path, "two")
    assert path.read_text() == "two"
    assert [each.name for each in path.parent.iterdir()] == ["echo.yml"]
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(before.st_mode)


@pytest.mark.parametrize(("there", "other"), [(b"a\r\n", False), (b"a\n", True), (b"\xff", True), (None, True)])
def test_a_file_differs_by_its_bytes(tmp_path: Path, there: bytes | None, other: bool) -> None:
    if there is not None:
        (tmp_path / "a").write_bytes(there)
    assert differs(tmp_path / "a", "a\r\n") is other


def test_a_file_that_cannot_be_written_is_named_and_the_reason_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "stack").touch()
    with pytest.raises(SwarmopsError, match=r"stack/echo\.yml cannot be written: (File exists|Not a directory)"):
        write(tmp_path / "stack/echo.yml", "one")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = tmp_path / "echo.yml"
    write(path, "one")
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(SwarmopsError, match=r"echo\.yml cannot be written: No space left on device"):
        write(path, "two")
    assert (path.read_text(), sorted(each.name for each in tmp_path.iterdir())) == ("one", ["echo.yml", "stack"])


def test_a_file_is_written_by_several_at_once(tmp_path: Path) -> None:
    path, texts = tmp_path / "echo.yml", [f"{number}" * 1000 for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        assert any(pool.map(lambda text: write(path, text), texts * 10))
    assert path.read_text() in texts
    assert list(tmp_path.iterdir()) == [path]
