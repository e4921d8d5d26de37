"""What is wrong with a stack file, and what of it will not do what it seems to say. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from swarmops.inventory.yaml_lines import Document, dotted
from swarmops.lint import binds, keys, order, placement, ports, references, updates
from swarmops.lint.finding import Finding, Note, Swarm
from swarmops.stackfile import Stack

__all__ = ["Finding", "Note", "Swarm", "binds", "findings", "lint", "unsaid"]


def lint(stack: Stack, swarm: Swarm) -> list[Note]:
    """What the file itself and what is known of the swarm tell."""
    return [
        *keys.notes(stack),
        *references.notes(stack, swarm),
        *ports.notes(stack, swarm),
        *placement.notes(stack, swarm),
        *binds.notes(stack),
        *order.notes(stack, swarm),
        *updates.notes(stack, swarm),
    ]


def findings(stack: Stack, notes: Sequence[Note]) -> list[Finding]:
    """The notes at their lines in the file as it is written, in its order."""
    if not notes:
        return []
    document = Document(stack.text, f"{stack.name}.yml")
    return sorted(set(_placed(document, notes)))


def unsaid(found: Iterable[Finding], refused: Iterable[Finding]) -> list[Finding]:
    """What docker refuses, without what has been said better: of the same place, or of a key that it names there."""
    errors = [finding for finding in found if finding.error]

    def said(one: Finding) -> bool:
        within = [error.path.removeprefix(f"{one.path}.") for error in errors if error.path.startswith(f"{one.path}.")]
        return any(error.path == one.path for error in errors) or bool({*within} & {*one.text.split()})

    return [one for one in refused if not said(one)]


def _placed(document: Document, notes: Iterable[Note]) -> Iterator[Finding]:
    for note in notes:
        yield Finding(document.line(note.where), dotted(note.where), note.text, note.remedy, note.error)
