"""What differs between two documents of plain values. What is called a secret is masked. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from swarmops.commands import MASK
from swarmops.masking import SECRET_NAME

NOTHING = object()
_DIGEST = re.compile(r"(@sha256:[0-9a-f]{8})[0-9a-f]{56}")


def lines(old: Any, new: Any, at: str = "") -> Iterator[str]:
    """What differs, a line for each value: `+ path: value`, `- path: value` or `~ path: old → new`."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            yield from lines(old.get(key, NOTHING), new.get(key, NOTHING), f"{at}.{key}" if at else str(key))
    elif isinstance(old, list) and isinstance(new, list):
        yield from (f"- {at}: {_shown(item)}" for item in old if item not in new)
        yield from (f"+ {at}: {_shown(item)}" for item in new if item not in old)
        if old != new and not _one_sided(old, new):
            yield f"~ {at}: in another order"
    elif old is NOTHING:
        yield f"+ {at}: {_shown(new, at)}"
    elif new is NOTHING:
        yield f"- {at}: {_shown(old, at)}"
    elif old != new:
        yield f"~ {at}: {_shown(old, at)} → {_shown(new, at)}"


def _one_sided(old: list[Any], new: list[Any]) -> bool:
    """Whether one list has what the other has not, so that the difference has been said."""
    return any(item not in new for item in old) or any(item not in old for item in new)


def _shown(value: Any, at: str = "") -> str:
    """A value in words; `at` is the path that it stands at."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_shown(item, str(key))}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_shown, value)) + "]"
    name, equals, _ = value.partition("=") if isinstance(value, str) else ("", "", "")
    if SECRET_NAME.fullmatch(name) and equals:
        return f"{name}={MASK}"
    if SECRET_NAME.fullmatch(at.rpartition(".")[2]) and value:
        return MASK
    return _DIGEST.sub(r"\1", value) if isinstance(value, str) and value else json.dumps(value)
