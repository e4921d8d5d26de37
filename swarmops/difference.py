"""What differs between two documents of plain values. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

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
        yield f"+ {at}: {_shown(new)}"
    elif new is NOTHING:
        yield f"- {at}: {_shown(old)}"
    elif old != new:
        yield f"~ {at}: {_shown(old)} → {_shown(new)}"


def _one_sided(old: list[Any], new: list[Any]) -> bool:
    """Whether one list has what the other has not, so that the difference has been said."""
    return any(item not in new for item in old) or any(item not in old for item in new)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_shown(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_shown, value)) + "]"
    return _DIGEST.sub(r"\1", value) if isinstance(value, str) and value else json.dumps(value)
