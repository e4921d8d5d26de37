"""Text in, text out: templates are Jinja, and an undefined variable is an error."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2

from swarmops.errors import InputError, Problem, suggest

if TYPE_CHECKING:
    from swarmops.ingress import Backend
    from swarmops.inventory import Inventory

UNDEFINED = re.compile(r"'(\w+)' is undefined")


def render(template: Path, root: Path, context: Mapping[str, Any]) -> str:
    """The text of a template; the templates that it includes are found below `root`.

    Raises InputError with the template's name and line for a variable that is not defined, a mistake in its syntax
    and a template that is not there.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(root),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    name = template.relative_to(root).as_posix()
    try:
        return environment.get_template(name).render(context)
    except jinja2.TemplateNotFound as error:
        raise _missing(str(error), root) from None
    except jinja2.TemplateSyntaxError as error:
        raise InputError.of([Problem(f"{root.name}/{error.name or name}", error.lineno, str(error.message))]) from None
    except jinja2.UndefinedError as error:
        raise _undefined(error, name, root, context) from None


def _missing(name: str, root: Path) -> InputError:
    known = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.j2"))
    return InputError(f"{root.name}/{name}: there is no such template{suggest(name, known)}")


def _undefined(error: jinja2.UndefinedError, name: str, root: Path, known: Iterable[str]) -> InputError:
    found = UNDEFINED.search(str(error.message))
    hint = suggest(found[1], known) if found else ""
    file, line = _place(error, name, root)
    return InputError.of([Problem(f"{root.name}/{file}", line, f"{error.message}{hint}")])


def _place(error: BaseException, name: str, root: Path) -> tuple[str, int]:
    """The template and line that the traceback ends in: Jinja maps its frames to the source."""
    place, trace = (name, 0), error.__traceback__
    while trace:
        file = Path(trace.tb_frame.f_code.co_filename)
        if file.is_relative_to(root):
            place = (file.relative_to(root).as_posix(), trace.tb_lineno)
        trace = trace.tb_next
    return place


def stack_context(
    inventory: Inventory, stack: str, routing: str, image: Callable[[str], str], services: Iterable[Backend]
) -> dict[str, Any]:
    """What the template of a stack sees.

    `groups` and `hostvars` as in Ansible, the cluster's variables, `stack` (its name), `routing` (mesh or dns),
    `image(name)`, `services` (what the ingress balances), and the stack's own `vars`, which win.
    """
    return {
        **{name: getattr(inventory.settings, name) for name in type(inventory.settings).model_fields},
        "groups": inventory.groups,
        "hostvars": inventory.hostvars,
        "stack": stack,
        "routing": routing,
        "image": image,
        "services": list(services),
        **inventory.settings.stacks[stack].vars,
    }


def write(path: Path, text: str) -> bool:
    """Writes a file when its text differs; whole or not at all. Returns whether it was written."""
    if path.exists() and path.read_text() == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_text(text)
    part.replace(path)
    return True
