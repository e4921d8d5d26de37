"""Nodes by their names and by those of their groups: `worker02,managers`."""

from __future__ import annotations

from collections.abc import Iterator

from swarmops.errors import InputError, suggest
from swarmops.inventory.model import Inventory, Node


def select(inventory: Inventory, text: str) -> tuple[Node, ...]:
    """The nodes that a list of nodes and groups with commas names, each once, in the order of the list.

    Raises InputError with everything that is wrong with the list.
    """
    words = text.split(",")
    if problems := list(_problems(inventory, words)):
        raise InputError("\n  ".join(problems))
    nodes = {node.name: node for node in inventory.nodes}
    hosts = [host for word in words for host in ([word] if word in nodes else inventory.groups[word])]
    return tuple(nodes[host] for host in dict.fromkeys(hosts))


def _problems(inventory: Inventory, words: list[str]) -> Iterator[str]:
    nodes, groups = [node.name for node in inventory.nodes], inventory.groups
    if "" in words:
        yield f"a name is missing in {','.join(words)}" if any(words) else "a name is missing"
    for word in dict.fromkeys(filter(None, words)):
        if words.count(word) > 1:
            yield f"{word}: stated twice"
        if word not in nodes and word not in groups:
            named = [name for name, hosts in groups.items() if hosts]
            hint = suggest(word, [*nodes, *named]) or f"; there are {', '.join(nodes)}, and groups {', '.join(named)}"
            yield f"{inventory.path.name}: there is no node {word}{hint}"
        if word not in nodes and not groups.get(word, [word]):
            yield f"{inventory.path.name}: group {word} has no nodes"
