"""The JSON Schema of an inventory file, for editors.

Published by `python -m swarmops.inventory.json_schema > inventory.schema.json`.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from swarmops.inventory.schema import InventoryFile


def text() -> str:
    """The schema as it is published."""
    found = _plain(InventoryFile.model_json_schema())
    children = found["$defs"]["AllGroup"]["properties"]["children"]
    children["properties"] = dict.fromkeys(("managers", "workers"), children["anyOf"][0]["additionalProperties"])
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "swarmops inventory"}
    return json.dumps(head | found, indent=2) + "\n"


def _plain(value: Any) -> Any:
    """Without the titles that pydantic makes of names; names that fit no pattern are refused."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    strict = {"additionalProperties": False} if "patternProperties" in value else {}
    return strict | {key: _plain(item) for key, item in value.items() if key != "title" or not isinstance(item, str)}


if __name__ == "__main__":
    sys.stdout.write(text())
