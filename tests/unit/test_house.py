"""The rules of docs/design.md, "The house": which module may import what."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "swarmops"

# From the ground up. A module may import from its own floor and from those below; the longest prefix decides.
FLOORS = (
    ("swarmops", "swarmops.errors"),
    (
        "swarmops.commands",
        "swarmops.report",
        "swarmops.check",
        "swarmops.difference",
        "swarmops.wait",
        "swarmops.raft",
        "swarmops.archive",
        "swarmops.seal",
        "swarmops.load",
        "swarmops.validity",
        "swarmops.masking",
        "swarmops.private",
    ),
    ("swarmops.connect", "swarmops.inventory", "swarmops.render", "swarmops.ingress", "swarmops.loglines"),
    ("swarmops.facts", "swarmops.lab", "swarmops.secrets", "swarmops.composefile", "swarmops.variables"),
    (
        "swarmops.cluster",
        "swarmops.members",
        "swarmops.constraints",
        "swarmops.placement",
        "swarmops.crashes",
        "swarmops.record",
        "swarmops.quorum",
        "swarmops.overlay",
        "swarmops.keystore",
    ),
    (
        "swarmops.gossip",
        "swarmops.plan",
        "swarmops.verdict",
        "swarmops.stackfile",
        "swarmops.stackdiff",
        "swarmops.lint",
        "swarmops.lab.up",
        "swarmops.definition",
        "swarmops.spread",
        "swarmops.evacuation",
        "swarmops.health",
        "swarmops.drill",
    ),
    ("swarmops.ops", "swarmops.doctor"),
    ("swarmops.tasks", "swarmops.__main__"),
)
FLOOR = {name: number for number, names in enumerate(FLOORS) for name in names}

PURE = (
    "swarmops.commands", "swarmops.plan", "swarmops.verdict", "swarmops.stackfile", "swarmops.stackdiff",
    "swarmops.constraints", "swarmops.placement", "swarmops.definition", "swarmops.spread", "swarmops.quorum",
    "swarmops.evacuation", "swarmops.overlay", "swarmops.health", "swarmops.validity", "swarmops.difference",
    "swarmops.composefile", "swarmops.variables", "swarmops.lint", "swarmops.loglines", "swarmops.drill",
    "swarmops.masking", "swarmops.raft", "swarmops.members", "swarmops.crashes",
)  # fmt: skip
# What the pure ones may use of libraries: nothing of it reads a file, a clock or the environment.
HARMLESS = {
    "__future__", "base64", "collections", "copy", "csv", "dataclasses", "datetime", "dotenv.parser", "enum",
    "functools", "graphlib", "hashlib", "io", "ipaddress", "itertools", "json", "math", "pathlib", "re", "shlex",
    "statistics", "struct", "typing", "urllib.parse", "yaml",
}  # fmt: skip
IMPURE_CALLS = {
    "open", "print", "input", "read_text", "read_bytes", "write_text", "write_bytes", "exists", "is_file", "is_dir",
    "glob", "iterdir", "resolve", "expanduser", "cwd", "home", "stat", "mkdir", "unlink", "now", "today", "utcnow",
}  # fmt: skip

ONLY_IN = {
    "docker": ("swarmops.connect.docker", "swarmops.lab"),
    "fabric": ("swarmops.connect.ssh",),
    "paramiko": ("swarmops.connect.ssh",),
    "jinja2": ("swarmops.render",),
    "invoke": ("swarmops.tasks", "swarmops.errors", "swarmops.__main__"),
    "rich": ("swarmops.report",),
    "dotenv": ("swarmops.variables",),
}


@dataclass(frozen=True)
class Import:
    name: str
    line: int
    top: bool
    """At the top of the module: it costs whoever imports the module."""


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): ast.parse(path.read_text(), str(path)) for path in sorted(PACKAGE.rglob("*.py"))}
NAMES = sorted(MODULES)


def within(name: str, prefixes: tuple[str, ...] | set[str]) -> bool:
    return any(name == prefix or name.startswith(f"{prefix}.") for prefix in prefixes)


@cache
def imports(module: str) -> list[Import]:
    """What a module imports, modules rather than names; what is for the type checker alone left out."""
    return list(_imports(MODULES[module], top=True))


def _imports(tree: ast.AST, *, top: bool) -> Iterator[Import]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno, top) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports here are absolute"
            full = {f"{node.module}.{alias.name}" for alias in node.names}
            modules = {name for name in full if name in MODULES} | ({node.module} if full - MODULES.keys() else set())
            yield from (Import(str(name), node.lineno, top) for name in sorted(modules, key=str))
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield from (found for branch in node.orelse for found in _imports(branch, top=top))
        else:
            inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _imports(node, top=top and not inside)


def floor(module: str) -> int:
    home = max((name for name in FLOOR if within(module, (name,)) and name != "swarmops"), key=len, default="")
    assert home or module == "swarmops", (
        f"{module} has no place in the house: give it one in docs/design.md and in FLOORS"
    )
    return FLOOR[home or "swarmops"]


def test_every_package_says_what_it_is() -> None:
    assert not [str(path.parent) for path in PACKAGE.rglob("*.py") if not (path.parent / "__init__.py").exists()]


@pytest.mark.parametrize("module", NAMES)
def test_arrows_point_down(module: str) -> None:
    own = [found for found in imports(module) if within(found.name, ("swarmops",))]
    unknown = [found for found in own if found.name not in MODULES]
    assert not unknown, f"{module} imports what is not there"
    # The floors hold for what a module needs to be imported. What a function fetches when it runs may be its
    # neighbour's (cluster.py opens the lab's engine), as long as nothing comes around to itself: see below.
    assert not [found for found in own if floor(found.name) > floor(module)]


def test_nothing_imports_itself_on_a_round_trip() -> None:
    graph = {name: {found.name for found in imports(name) if found.name in MODULES} for name in NAMES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" ← ".join(error.args[1]))


@pytest.mark.parametrize("module", [name for name in NAMES if within(name, PURE)])
def test_the_pure_stay_pure(module: str) -> None:
    foreign = {found.name for found in imports(module) if not within(found.name, ("swarmops",))}
    assert not {name for name in foreign if not within(name, HARMLESS)}
    calls = [node.func for node in ast.walk(MODULES[module]) if isinstance(node, ast.Call)]
    called = {func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "") for func in calls}
    assert not called & IMPURE_CALLS


@pytest.mark.parametrize(("library", "homes"), ONLY_IN.items(), ids=ONLY_IN)
def test_a_library_has_one_home(library: str, homes: tuple[str, ...]) -> None:
    strays = [
        f"{module}:{found.line}"
        for module in NAMES
        for found in imports(module)
        if within(found.name, (library,)) and not within(module, homes)
    ]
    assert not strays


@pytest.mark.parametrize("module", [name for name in NAMES if within(name, ("swarmops.tasks",))])
def test_tasks_import_on_demand(module: str) -> None:
    allowed = {*sys.stdlib_module_names, "invoke", "swarmops.errors", "swarmops.tasks"}
    assert not [found for found in imports(module) if found.top and not within(found.name, allowed)]


def test_the_menu_is_light() -> None:
    heavy = {"docker", "fabric", "paramiko", "jinja2", "pydantic", "yaml", "rich", "requests"}
    # What invoke itself loads is not counted: its copy of yaml looks for the real one's parser in C.
    code = f"import sys, invoke.program; own = {heavy} - {{*sys.modules}}; import tasks; print(*own & {{*sys.modules}})"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ended.stdout.strip(), ended.stderr) == ("", "")


def test_no_two_test_files_have_one_name() -> None:
    """pytest imports them by it."""
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))
