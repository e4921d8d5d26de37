"""Text in, text out: templates are Jinja, and an undefined variable is an error."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import jinja2

from swarmops.errors import InputError, Problem, SwarmopsError, suggest

if TYPE_CHECKING:
    from swarmops.ingress import Backend
    from swarmops.inventory import Inventory

_UNDEFINED = re.compile(r"'(\w+)' is undefined")
# {{.Node.Hostname}} is for docker, which fills it in for each task; to Jinja it would be a mistake.
_JINJA = re.compile(r"\{%|\{#|\{\{(?!-?\s*\.)")
# What an expression raises that gets a value of another kind; the last, a template that includes itself.
_MISTAKES = (
    jinja2.TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError,
)  # fmt: skip


def render(template: Path, root: Path, context: Mapping[str, Any]) -> str:
    """The text of a template; the templates that it includes are found below `root`.

    A file with nothing of Jinja in it is taken as it is. Raises InputError with the template's name and line for a
    variable that is not defined, a mistake in its syntax or in an expression, and a template that is not there.
    """
    environment = _environment(root)
    name = Path(os.path.relpath(template, root)).as_posix()
    try:
        source, file, _ = environment.loader.get_source(environment, name)  # type: ignore[union-attr]
        if _JINJA.search(source):
            return environment.get_template(name).render(context)
        # Once more: to Jinja's loader all ends of lines are the same.
        return Path(str(file)).read_bytes().decode()
    except jinja2.TemplateNotFound as error:
        raise _missing(error, name, root) from None
    except OSError as error:
        raise _wrong(error, f"{error.filename}: {error.strerror}", name, root) from None
    except jinja2.TemplateSyntaxError as error:
        raise InputError.of([Problem(f"{root.name}/{error.name or name}", error.lineno, str(error.message))]) from None
    except jinja2.UndefinedError as error:
        raise _wrong(error, f"{error.message}{_hint(str(error.message), context)}", name, root) from None
    except InputError as error:  # from a function of the context
        raise _wrong(error, str(error), name, root) from None
    except UnicodeDecodeError as error:
        raise _wrong(error, "not UTF-8 text", name, root) from None
    except _MISTAKES as error:
        raise _wrong(error, f"{type(error).__name__}: {error}", name, root) from error


@cache
def _environment(root: Path) -> jinja2.Environment:
    """One for all templates below a directory: what it has parsed once it need not parse again."""
    return jinja2.Environment(  # noqa: S701 (what is rendered is YAML and configuration, not HTML)
        loader=jinja2.FileSystemLoader(root),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _missing(error: jinja2.TemplateNotFound, name: str, root: Path) -> InputError:
    wanted = str(error.name)
    known = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.j2"))
    hint = suggest(wanted, known) or f"; there are {', '.join(known) or 'none'}"
    text = f"{root.name}/{wanted}: there is no such template{hint}"
    return InputError(text) if wanted == name else _wrong(error, text, name, root)


def _hint(message: str, known: Iterable[str]) -> str:
    found = _UNDEFINED.search(message)
    return suggest(found[1], known) if found else ""


def _wrong(error: BaseException, text: str, name: str, root: Path) -> InputError:
    """The error at the template and line that its traceback ends in: Jinja maps its frames to the source."""
    file, line, trace = name, 0, error.__traceback__
    while trace:
        path = Path(trace.tb_frame.f_code.co_filename)
        if path.is_relative_to(root):
            file, line = path.relative_to(root).as_posix(), trace.tb_lineno
        trace = trace.tb_next
    return InputError.of([Problem(f"{root.name}/{file}", line, text)])


def cluster_context(inventory: Inventory) -> dict[str, Any]:
    """What every template sees: the cluster's variables, and `groups` and `hostvars` as in Ansible.

    A template is rendered once for the cluster; `inventory_hostname` is the first manager, as with Ansible's run_once.
    """
    return {
        **{name: getattr(inventory.settings, name) for name in type(inventory.settings).model_fields},
        "groups": inventory.groups,
        "hostvars": inventory.hostvars,
        "inventory_hostname": inventory.managers[0].name,
    }


def stack_context(
    inventory: Inventory, stack: str, routing: str, image: Callable[[str], str], services: Sequence[Backend]
) -> dict[str, Any]:
    """What the template of a stack sees besides: its name, and what depends on the cluster as it is.

    `stack` (its name), `routing` (mesh or dns), `image(name)` (a reference to the registry), `services` (what the
    ingress balances), and the stack's own `vars`, which win.
    """
    return {
        **cluster_context(inventory),
        "stack": stack,
        "routing": routing,
        "image": image,
        "services": services,
        **inventory.settings.stacks[stack].vars,
    }


def differs(path: Path, text: str) -> bool:
    """Whether a file is not there, or has another text, be it only in the ends of its lines."""
    return not path.exists() or path.read_bytes() != text.encode()


def write(path: Path, text: str) -> bool:
    """Writes a file when its text differs; whole or not at all. Returns whether it was written.

    Raises SwarmopsError for a file that cannot be written.
    """
    try:
        if not differs(path, text):
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        # A directory of its own: others may be writing the same file, and its mode is that of any new file.
        with TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
            part = Path(folder, path.name)
            part.write_bytes(text.encode())
            part.replace(path)
    except OSError as error:
        raise SwarmopsError(f"{path} cannot be written: {error.strerror or error}") from error
    return True
